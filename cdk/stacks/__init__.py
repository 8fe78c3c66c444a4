"""The stacks, one a module; each may depend on those before it: storage, ingestion, monitoring."""
