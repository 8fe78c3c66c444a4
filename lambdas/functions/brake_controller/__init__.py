"""Denies callers whose budgets are used up, and releases them."""
