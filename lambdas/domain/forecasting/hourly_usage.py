"""Usage by hour, as forecasts read it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from copy import copy
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import accumulate

HOUR = timedelta(hours=1)


class HourlyUsage:
    """The usage of each hour since the first observation, in whole tokens or pico-dollars.

    An hour without an entry has no usage; before the first observation, usage is unknown. An hour
    may be negative, if a correction took back more than was used.
    """

    def __init__(
        self, hours: Mapping[datetime, int], observed_since: datetime | None = None
    ) -> None:
        """Take usage by the start of its hour.

        Args:
            hours: Usage by hour: aware times, whole hours in UTC.
            observed_since: The first hour of observation; unless given, the first entry's.
                Earlier entries are not read.

        Raises:
            ValueError: A time has no time zone, or is not a whole hour.
        """
        checked = sorted((_check_hour(hour), amount) for hour, amount in hours.items())
        self._first = checked[0][0] if checked else None
        if observed_since is not None:
            self._first = _check_hour(observed_since)
        self._hours = [hour for hour, _ in checked]
        self._amounts = [amount for _, amount in checked]
        self._sums = list(accumulate(self._amounts, initial=0))
        self._active = list(accumulate((amount > 0 for amount in self._amounts), initial=0))

    @property
    def observed_since(self) -> datetime | None:
        """The first hour of observation, or `None` if nothing was observed."""
        return self._first

    def observe_from(self, hour: datetime) -> HourlyUsage:
        """Return the usage as if observation had begun at this hour, not before its own start."""
        later = copy(self)
        later._first = hour  # noqa: SLF001  # of its own class
        return later

    def get_observed_span(self, now: datetime) -> timedelta:
        """Return for how long usage has been observed."""
        return max(now - self._first, timedelta()) if self._first else timedelta()

    def sum_hours(self, start: datetime, end: datetime) -> int:
        """Add up the hours that start at or after `start`, and before `end`."""
        return self._sums[self._index(end)] - self._sums[self._index(start)]

    def sum_last(self, span: timedelta, now: datetime) -> Fraction:
        """Add up the time before now; the usage of the first hour counts in proportion.

        The usage of the current hour counts whole: all of it lies before now.
        """
        start = now - span
        hour = floor_to_hour(start)
        outside = self.sum_hours(hour, hour + HOUR) * count_hours(start - hour)
        return self.sum_hours(hour, now) - outside

    def get_active_share(self, span: timedelta, now: datetime) -> Fraction:
        """Return the share of hours with usage in the time before now; 0 for an empty span."""
        start = floor_to_hour(now - span)
        active = self._active[self._index(now)] - self._active[self._index(start)]
        hours = -((start - now) // HOUR)
        return Fraction(active, hours) if hours else Fraction(0)

    def sum_by_hour_of_day(self, start: datetime, end: datetime) -> list[int]:
        """Add up the hours between two times as `sum_hours` does, by hour of the day in UTC."""
        sums = [0] * 24
        for index in range(self._index(start), self._index(end)):
            sums[self._hours[index].hour] += self._amounts[index]
        return sums

    def _index(self, time: datetime) -> int:
        return bisect_left(self._hours, time)


def floor_to_hour(time: datetime) -> datetime:
    """Return the start of the hour in UTC."""
    return time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def count_hours(span: timedelta) -> Fraction:
    """Return a span in hours, exactly."""
    return Fraction(span // timedelta(microseconds=1), HOUR // timedelta(microseconds=1))


def _check_hour(hour: datetime) -> datetime:
    if hour.utcoffset() is None:
        msg = f"{hour} has no time zone: give hours as aware times."
        raise ValueError(msg)
    if floor_to_hour(hour) != hour:
        msg = f"{hour} is not a whole hour in UTC: add usage up by hour first."
        raise ValueError(msg)
    return hour.astimezone(UTC)
