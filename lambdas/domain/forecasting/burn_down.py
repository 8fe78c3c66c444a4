"""The burn-down of a budget, and the band of its forecast, as graphs show them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple

from lambdas.domain.forecasting.error_ratios import ErrorRatios
from lambdas.domain.forecasting.forecast import COVERAGES, Coverage, Forecast, Interval
from lambdas.domain.forecasting.hourly_usage import (
    HOUR,
    HourlyUsage,
    count_hours,
)


class BurnDownPoint(NamedTuple):
    """The rest of an amount at a time; negative if it was exceeded."""

    at: datetime
    left: int


class BandPoint(NamedTuple):
    """The usage expected from now to a time, with an interval for each coverage in percent."""

    at: datetime
    expected: int
    intervals: dict[Coverage, Interval]


def list_burn_down(
    usage: HourlyUsage, period_start: datetime, now: datetime, amount: int
) -> Iterator[BurnDownPoint]:
    """List what was left of an amount at the start of a period, at each full hour, and now.

    Args:
        usage: Usage by hour.
        period_start: The start of the period, a whole hour in UTC.
        now: The end of what is listed.
        amount: The budget.
    """
    yield BurnDownPoint(period_start, amount)
    hour = period_start
    while hour < now:
        used = usage.sum_hours(hour, hour + HOUR)
        amount -= used
        hour += HOUR
        yield BurnDownPoint(min(hour, now), amount)


def list_band(forecast: Forecast, ratios: ErrorRatios) -> list[BandPoint]:
    """List what will be used by now, by the end of each hour and of the period.

    The intervals of each time come from errors at its own horizon. Usage only grows: where an
    earlier interval reaches higher than a later one, it ends where the later one does.

    Args:
        forecast: The forecast, whose own intervals are those at the end of the period.
        ratios: The errors that it was made with.
    """
    path = forecast.list_path()
    bands = {}
    for coverage in COVERAGES:
        intervals = []
        for at, expected in path:
            errors = ratios.get(forecast.activity, count_hours(at - forecast.now))
            low, high = errors.get_interval(10 * coverage)
            intervals.append(Interval(round(low * expected), round(high * expected)))
        bands[coverage] = list(accumulate(reversed(intervals), _limit))[::-1]
    return [
        BandPoint(
            point.at,
            round(point.expected),
            {coverage: bands[coverage][number] for coverage in COVERAGES},
        )
        for number, point in enumerate(path)
    ]


def _limit(later: Interval, earlier: Interval) -> Interval:
    return Interval(min(later.low, earlier.low), min(later.high, earlier.high))
