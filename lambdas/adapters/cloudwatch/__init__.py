"""Adapters on CloudWatch metrics and alarms."""
