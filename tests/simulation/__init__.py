"""A seeded simulation of the meter: virtual time, faults by name, and the real services."""
