"""Writes what calls cost in FOCUS columns, every day."""
