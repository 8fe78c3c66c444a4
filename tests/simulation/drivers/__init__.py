"""A driver for each function that a schedule, a stream or a delivery starts."""
