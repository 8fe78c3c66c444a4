"""The shape of a day: how expected usage spreads over the hours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from lambdas.domain.forecasting.expected_usage import DAY
from lambdas.domain.forecasting.hourly_usage import HOUR, HourlyUsage, count_hours, floor_to_hour

_MAX_DAYS = 7
_FLAT_DAYS = 2
"""Days of even usage that are added to the observed ones, which are few."""


@dataclass(frozen=True, slots=True)
class DayProfile:
    """Weights of the 24 hours of a day in UTC; all of them are above 0."""

    weights: tuple[Fraction, ...]

    def spread(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, Fraction]]:
        """Yield the end of each hour, or part of an hour, and its weight."""
        while start < end:
            until = min(floor_to_hour(start) + HOUR, end)
            yield until, self.weights[floor_to_hour(start).hour] * count_hours(until - start)
            start = until


def learn_profile(usage: HourlyUsage, now: datetime) -> DayProfile:
    """Learn the profile from the whole days of the last week that were observed.

    It is even if there is no whole day.
    """
    end = floor_to_hour(now)
    days = min(usage.get_observed_span(end) // DAY, _MAX_DAYS)
    sums = [max(0, amount) for amount in usage.sum_by_hour_of_day(end - timedelta(days=days), end)]
    total = sum(sums)
    if not total:
        return DayProfile((Fraction(1),) * 24)
    share = Fraction(days, days + _FLAT_DAYS)
    return DayProfile(tuple(share * Fraction(24 * amount, total) + 1 - share for amount in sums))
