"""The rules of counting, with in-memory twins."""
