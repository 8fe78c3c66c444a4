"""The part of a month or day that the logs cover: one that has not ended, or that is cut off."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime
from typing import NamedTuple

from lambdas.domain.usage import GroupField


class CoveredPeriod(NamedTuple):
    """A month or a day, and the part of it between the first and the last call of all logs.

    Attributes:
        name: The month or day, as rows name it.
        first: The first day of that part, UTC.
        last: The last day.
        is_partial: Whether it is not the whole period, or the period has not ended.
        shown: The name, with the part where it is not the whole period.
    """

    name: str
    first: date
    last: date
    is_partial: bool
    shown: str


class CoveredPeriods:
    """The periods of logs whose first and last calls are known."""

    def __init__(self, start: datetime, end: datetime, now: datetime) -> None:
        """Take the times of the first and of the last call, and the time of the report, in UTC."""
        self._start, self._end, self._now = start, end, now

    def find(self, field: GroupField, name: str) -> CoveredPeriod:
        """Find the covered part of a period.

        Args:
            field: `MONTH` or `DAY`.
            name: The month or day, such as `2026-11` or `2026-11-28`.
        """
        if field is GroupField.DAY:
            return self._find_day(name)
        first = date.fromisoformat(f"{name}-01")
        last = first.replace(day=monthrange(first.year, first.month)[1])
        begin, end = max(first, self._start.date()), min(last, self._end.date())
        is_open = first <= self._now.date() <= last
        is_late, is_short = begin > first, end < last or is_open
        part = [f"from {begin:%m-%d}"] * (is_late and not is_short)
        part += [f"to {end:%m-%d}"] * (is_short and not is_late)
        part += [f"{begin:%m-%d} to {end:%m-%d}"] * (is_late and is_short)
        shown = f"{name} ({part[0]})" if part else name
        return CoveredPeriod(name, begin, end, bool(part), shown)

    def _find_day(self, name: str) -> CoveredPeriod:
        """Find a day: only today is marked, as a past evening without calls is no gap."""
        day = date.fromisoformat(name)
        is_open = day == self._now.date()
        shown = f"{name} (to {self._end:%H:%M})" if is_open else name
        return CoveredPeriod(name, day, day, is_open, shown)
