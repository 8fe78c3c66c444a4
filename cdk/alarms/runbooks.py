"""Names the runbook of an alarm, as notifications do."""

from __future__ import annotations


def name_runbook(page: str) -> str:
    """Say where to read on; an e-mail is often read without the repository at hand."""
    return f"What to do: docs/runbooks/{page}.md in the repository of Bedrock Meter."
