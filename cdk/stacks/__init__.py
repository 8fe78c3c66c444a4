"""The stacks, one a module; each may depend on those before it.

Their order: storage, ingestion, reporting, monitoring.
"""
