"""Turns the stream of the usage ledger into CloudWatch metrics."""
