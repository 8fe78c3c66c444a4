"""Adds the stream of the usage ledger to exact counters."""
