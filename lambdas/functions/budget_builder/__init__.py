"""Completes sums of new and changed budgets, and compares those of others with cells."""
