"""Checks after a run: each projection equals the truth."""
