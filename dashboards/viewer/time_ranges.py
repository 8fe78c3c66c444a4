"""The time that a dashboard shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from dashboards.cloudwatch import Periods
from dashboards.viewer.bodies import UnknownBodyError

# The part of ISO 8601 that dashboards use: -PT3H, -P7D.
_RELATIVE = re.compile(r"-P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?)?")

MAX_POINTS = 360
"""The most points of a line whose periods must not be longer: 15 days of hours."""
_DAY = 86_400
_UNCHANGED_SECONDS = 14 * _DAY


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A range of time.

    Attributes:
        start: Aware.
        end: Aware, not included.
        label: Its name where CloudWatch has no such range: a month, or all data.
    """

    start: datetime
    end: datetime
    label: str = field(default="", compare=False)

    @property
    def seconds(self) -> int:
        """The length of the range in seconds."""
        return round((self.end - self.start).total_seconds())

    def periods(self, seconds: int) -> Periods:
        """Its periods of a length, as a graph has them."""
        return Periods.covering(self.start, self.end, seconds)

    @property
    def is_long(self) -> bool:
        """True for more than two weeks, whose hours cannot be distinguished in a graph."""
        return self.seconds > _UNCHANGED_SECONDS

    def lengthen(self, seconds: int) -> int:
        """Lengthen the periods of a graph to days in a range of more than two weeks."""
        return max(seconds, _DAY) if self.is_long else seconds

    def keep_last(self, seconds: int) -> TimeRange:
        """Keep the last part of the range, with as many periods as a graph can show."""
        start = max(self.start, self.end - timedelta(seconds=seconds * MAX_POINTS))
        return replace(self, start=start)

    @property
    def whole(self) -> Periods:
        """The whole range as one period."""
        return Periods(self.end, self.seconds, 1)


@dataclass(frozen=True, slots=True)
class DayRange:
    """The days that a user chose to see, in UTC.

    Attributes:
        first: The start of the first day; `None` to begin with the data.
        last: The start of the last day; `None` to end with the data.
    """

    first: datetime | None = None
    last: datetime | None = None

    def within(self, since: datetime | None, end: datetime) -> TimeRange | None:
        """The chosen time between the start and the end of the data; `None` without a choice.

        Raises:
            NoDataError: There is no data in the chosen time, or its start is not known.
        """
        if self.first is None and self.last is None:
            return None
        start = self.first or since
        if start is None:
            message = "name the first day as well: FROM=2026-01-01."
            raise NoDataError(message)
        last = end
        if self.last is not None and self.last < end:  # the day after it may be past all dates
            last = min(end, self.last + timedelta(days=1))
        start = start.replace(hour=0, minute=0, second=0, microsecond=0)
        if since is not None:  # not years before the data, but the whole of its first month
            start = max(start, since.replace(day=1, hour=0, minute=0, second=0, microsecond=0))
        if start >= last or (since is not None and last <= since):
            data = f"from {since:%Y-%m-%d} to {end:%Y-%m-%d}" if since else f"up to {end:%Y-%m-%d}"
            message = f"there is no data in the days that you chose. It goes {data} (UTC)."
            raise NoDataError(message)
        return TimeRange(start, last)


class NoDataError(Exception):
    """There is no data in the chosen days. The text says what there is."""


def until(end: datetime, length: timedelta) -> TimeRange:
    """Make a range that ends with the minute of a time, or with its hour for long ranges."""
    grain = 3600 if length > timedelta(days=1) else 60
    last = datetime.fromtimestamp(-(-end.timestamp() // grain) * grain, UTC)
    return TimeRange(last - length, last)


def list_months(since: datetime, end: datetime) -> dict[str, TimeRange]:
    """The calendar months with data, in UTC, by names such as `2026-09`; the newest first."""
    months: dict[str, TimeRange] = {}
    last = end
    while last > since:
        first = (last - timedelta(microseconds=1)).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0
        )
        months[f"{first:%Y-%m}"] = TimeRange(first, last, f"{first:%B %Y}")
        last = first
    return months


def parse_length(text: str) -> timedelta:
    """The length of a range as dashboards have it, such as `-PT3H`.

    Raises:
        UnknownBodyError: It has another format.
    """
    found = _RELATIVE.fullmatch(text)
    if found is None or not any(found.groups()):
        message = f"start {text}"
        raise UnknownBodyError(message)
    return timedelta(**{name: int(value) for name, value in found.groupdict(default="0").items()})
