"""Verifies the meter in an account: deploys it beside nothing, checks it, and removes it again."""
