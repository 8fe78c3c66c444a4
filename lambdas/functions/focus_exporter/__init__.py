"""Writes the cost of calls in FOCUS columns, every day."""
