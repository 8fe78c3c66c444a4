"""Settles calls that a stopped gateway left open, and lets the gateway enforce budgets."""
