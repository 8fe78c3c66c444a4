"""Adapters on CloudWatch Logs."""
