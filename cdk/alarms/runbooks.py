"""Names the runbook of an alarm, as notifications do."""

from __future__ import annotations


def name_runbook(page: str) -> str:
    """Name the runbook page of an alarm, for readers without the repository at hand."""
    return f"What to do: docs/runbooks/{page}.md in the repository of Bedrock Meter."
