"""Cells: the usage of an hour or a day with the same labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias

from lambdas.domain.counters.labels import UsageLabels
from lambdas.domain.counters.totals import UsageTotals
from lambdas.domain.counters.usage_change import UsageChange

CellMinutes: TypeAlias = Literal[15, 60]
"""The length of the short cells: a quarter of an hour where a budget's time zone needs it."""


class CellSpan(StrEnum):
    """The length of a cell, in UTC."""

    QUARTER = "quarter"
    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        """The time that a cell covers."""
        return _LENGTHS[self]

    @property
    def retention(self) -> timedelta:
        """The time for which a cell is kept after it began."""
        return _DAY_RETENTION if self is CellSpan.DAY else _SHORT_RETENTION

    def get_start(self, moment: datetime) -> datetime:
        """Get the start of the cell that a moment of any zone is in, in UTC."""
        return moment.astimezone(UTC) - (moment - _FIRST) % self.length


_FIRST = datetime.min.replace(tzinfo=UTC)
_LENGTHS = {
    CellSpan.QUARTER: timedelta(minutes=15),
    CellSpan.HOUR: timedelta(hours=1),
    CellSpan.DAY: timedelta(days=1),
}
_SHORT_RETENTION = timedelta(days=40)  # a month and a week
_DAY_RETENTION = timedelta(days=400)  # a year, and the month in which it is closed


class CellKey(NamedTuple):
    """The place of a cell.

    Attributes:
        span: Its length.
        start: Its first moment, UTC.
        labels: The labels of the calls that it sums.
    """

    span: CellSpan
    start: datetime
    labels: UsageLabels

    @property
    def expires_at(self) -> datetime:
        """The time from which it is deleted, and takes no change any more."""
        return self.start + self.span.retention


class Cell(NamedTuple):
    """The usage of a time with the same labels.

    Attributes:
        key: Its place.
        totals: The usage.
    """

    key: CellKey
    totals: UsageTotals


def get_spans(cell_minutes: CellMinutes) -> tuple[CellSpan, CellSpan]:
    """Get the lengths of the cells that every call is in."""
    return (CellSpan.HOUR if cell_minutes == 60 else CellSpan.QUARTER), CellSpan.DAY  # noqa: PLR2004  # an hour


def sum_by_cell(
    changes: Iterable[UsageChange], spans: Iterable[CellSpan], now: datetime
) -> Iterator[Cell]:
    """Give each change to its cells, but for those that have expired.

    A change of an expired cell would make a new one that holds nothing else.
    """
    for change in changes:
        for span in spans:
            key = CellKey(span, span.get_start(change.minute), change.labels)
            if key.expires_at > now:
                yield Cell(key, change.totals)
