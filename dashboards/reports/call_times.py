"""Times that calls cannot have: before Bedrock existed, and in the future, by some hours."""

from __future__ import annotations

from datetime import UTC, datetime

from lambdas.domain.metrics import NEWEST

MIN_TIMESTAMP = datetime(2023, 1, 1, tzinfo=UTC)
"""The year in which Bedrock became available."""


def is_possible(called_at: datetime, now: datetime) -> bool:
    """Say if a call can have been made at a time; clocks may be wrong by two hours."""
    return MIN_TIMESTAMP <= called_at < now + NEWEST
