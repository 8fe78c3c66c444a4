"""Notifies of drift in invocation logging or the meter."""
