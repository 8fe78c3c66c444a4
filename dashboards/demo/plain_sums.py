"""Sums over invocation logs as they are, without any of the meter's own readers.

The demo compares its figures with them: a mistake in a reader would be in both figures else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

_COUNTS = (
    ("input", "inputTokenCount"),
    ("input", "cacheReadInputTokenCount"),
    ("input", "cacheWriteInputTokenCount"),
    ("output", "outputTokenCount"),
)


class PlainSums(NamedTuple):
    """The sums of one caller."""

    calls: int = 0
    failed_calls: int = 0
    total_tokens: int = 0


def sum_by_identity(logs: Iterable[Mapping[str, Any]]) -> dict[str, PlainSums]:
    """Add up the calls and tokens of each caller. Tokens of failed calls do not count."""
    sums: dict[str, PlainSums] = {}
    for log in logs:
        arn = log["identity"]["arn"]
        calls, failed_calls, tokens = sums.get(arn, PlainSums())
        if "errorCode" in log:
            sums[arn] = PlainSums(calls, failed_calls + 1, tokens)
        else:
            counted = sum(log[part].get(name, 0) for part, name in _COUNTS)
            sums[arn] = PlainSums(calls + 1, failed_calls, tokens + counted)
    return sums
