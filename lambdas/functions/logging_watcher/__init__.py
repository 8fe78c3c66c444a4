"""Notifies when invocation logging or the meter is not as it was deployed."""
