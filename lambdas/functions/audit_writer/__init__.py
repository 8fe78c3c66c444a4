"""Appends changes of budgets and prices, denies and releases to the chain of the audit trail."""
