"""Tells when invocation logging is no longer as it was deployed."""
