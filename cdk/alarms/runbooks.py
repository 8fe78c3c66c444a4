"""Names the runbook of an alarm, as notifications do."""

from __future__ import annotations


def name_runbook(page: str) -> str:
    """Name the page and the repository: an e-mail does not link to either."""
    return f"Runbook: docs/runbooks/{page}.md in the Bedrock Meter repository."
