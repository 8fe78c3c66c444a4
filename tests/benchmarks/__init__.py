"""Figures worth keeping an eye on, one JSON line each: `make bench`."""
