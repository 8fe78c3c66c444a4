"""Evaluates budgets and sends their alerts."""
