"""Compares models on the calls of each week, and finds savings opportunities."""
