"""Public usage of a model service, by client and hour, on which forecasts are tested."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from lambdas.domain.forecasting import HourlyUsage

TRACES = Path(__file__).parents[3] / "tests/fixtures/usage-traces/servegen-hourly.csv.gz"
"""Tokens of 30 clients in 14 days, from alibaba/ServeGen; see the README of the fixtures."""
START = datetime(2024, 1, 1, tzinfo=UTC)
"""Any midnight: the source does not say on which day it began."""
_DAYS = 14


class Traces(NamedTuple):
    """Tokens by client and hour.

    Attributes:
        clients: The usage of each client, observed since its first call.
        start: The first hour of all.
        end: The end of the last one.
    """

    clients: dict[str, HourlyUsage]
    start: datetime
    end: datetime


class TraceRow(NamedTuple):
    """The usage of a client in an hour."""

    client: str
    hour: datetime
    tokens: int
    calls: int


def read_rows() -> Iterator[TraceRow]:
    """Read the traces, row by row."""
    with gzip.open(TRACES, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield TraceRow(
                f"{row['model']}/{row['client']}",
                START + timedelta(hours=int(row["hour"])),
                int(row["input_tokens"]) + int(row["output_tokens"]),
                int(row["requests"]),
            )


def read_traces() -> Traces:
    """Read the traces."""
    tokens: dict[str, dict[datetime, int]] = defaultdict(dict)
    for row in read_rows():
        tokens[row.client][row.hour] = row.tokens
    clients = {client: HourlyUsage(hours) for client, hours in sorted(tokens.items())}
    return Traces(clients, START, START + timedelta(days=_DAYS))
