"""Public usage of model services by second, on which the brake is tested."""

from __future__ import annotations

import csv
import gzip
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from dashboards.reports.backtest.traces import START, TRACES, read_rows

SECONDS = TRACES.with_name("azure-code-seconds.csv.gz")
"""Tokens by second of a code completion service in one hour, from the Azure Public Dataset."""
AZURE_CODE = "azure-code"
"""The name of that service among the callers."""
HOUR_SECONDS = 3600


class Usage(NamedTuple):
    """Usage that begins at a time.

    Attributes:
        start: The time.
        tokens: The tokens.
        calls: The calls.
    """

    start: datetime
    tokens: int
    calls: int


class HourPattern:
    """The usage of an hour by second, like which the calls of other hours are spread."""

    def __init__(self, usage: Sequence[tuple[int, int]]) -> None:
        """Begin with tokens and calls of each second."""
        self.usage = usage
        self.tokens = sum(tokens for tokens, _ in usage)
        self.calls = sum(calls for _, calls in usage)

    def spread(self, hour: Usage, first: int = 0) -> Iterator[Usage]:
        """Spread the calls of an hour over its seconds; their sums are exactly those of the hour.

        Args:
            hour: The hour.
            first: The second of the pattern at which the hour begins; the pattern goes round.
        """
        tokens = calls = spread_tokens = spread_calls = 0
        for second in range(HOUR_SECONDS):
            more_tokens, more_calls = self.usage[(first + second) % HOUR_SECONDS]
            if not more_calls:
                continue
            tokens, calls = tokens + more_tokens, calls + more_calls
            due_calls = hour.calls * calls // self.calls - spread_calls
            if due_calls:
                due_tokens = hour.tokens * tokens // self.tokens - spread_tokens
                spread_tokens, spread_calls = spread_tokens + due_tokens, spread_calls + due_calls
                yield Usage(hour.start + timedelta(seconds=second), due_tokens, due_calls)


@dataclass(frozen=True, slots=True)
class CallTrace:
    """The usage of a caller, by hour.

    Attributes:
        name: The caller.
        hours: The hours with usage, in order.
        pattern: The spread of calls in an hour.
        is_own: True if the pattern is that of the caller itself, and begins with its hour. Else it
            begins at another second for each hour, which depends on the caller and the hour.
    """

    name: str
    hours: Sequence[Usage]
    pattern: HourPattern
    is_own: bool = False

    def spread(self, hour: Usage) -> Iterator[Usage]:
        """Spread the calls of one of the hours over its seconds."""
        chance = random.Random(f"{self.name} {hour.start}")  # noqa: S311  # seconds, not secrets
        first = 0 if self.is_own else chance.randrange(HOUR_SECONDS)
        return self.pattern.spread(hour, first)


@cache
def read_pattern() -> HourPattern:
    """Read the hour that was published by second."""
    found = [(0, 0)] * HOUR_SECONDS
    with gzip.open(SECONDS, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            tokens = int(row["input_tokens"]) + int(row["output_tokens"])
            found[int(row["second"])] = (tokens, int(row["requests"]))
    return HourPattern(found)


def read_call_traces() -> list[CallTrace]:
    """Read the usage of all callers."""
    hours: defaultdict[str, list[Usage]] = defaultdict(list)
    for row in read_rows():
        hours[row.client].append(Usage(row.hour, row.tokens, row.calls))
    pattern = read_pattern()
    own = Usage(START, pattern.tokens, pattern.calls)
    return [
        CallTrace(AZURE_CODE, [own], pattern, is_own=True),
        *(CallTrace(name, sorted(found), pattern) for name, found in sorted(hours.items())),
    ]
