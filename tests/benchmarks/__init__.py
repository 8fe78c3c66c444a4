"""Benchmarks of cost and speed, printed as one JSON line each by `make bench`."""
