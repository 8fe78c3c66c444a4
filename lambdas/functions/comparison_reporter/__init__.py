"""Compares models on the calls of each week, and says where money is lost."""
