"""Compares forecasts at past hours with the usage that followed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from lambdas.domain.forecasting.error_ratios import HORIZON_HOURS
from lambdas.domain.forecasting.expected_usage import Activity, classify, observe_rates
from lambdas.domain.forecasting.hourly_usage import HOUR, HourlyUsage

_AGES_OF_NEW = (6, 12, 24, 36)
"""Hours after which usage is also forecast as if it were new: few identities really are."""
MAX_RATIO = 10**9
"""The highest ratio, per mille: a million times the forecast. Higher ones count as this one."""


class MeasuredRatio(NamedTuple):
    """The actual usage divided by its forecast, once.

    Attributes:
        source: The identity or scope.
        activity: Its class when the forecast was made.
        horizon_hours: One of `HORIZON_HOURS`.
        known_at: The end of the horizon.
        ratio: The ratio per mille, at most `MAX_RATIO`.
    """

    source: str
    activity: Activity
    horizon_hours: int
    known_at: datetime
    ratio: int


def measure_ratios(
    source: str, usage: HourlyUsage, until: datetime, step: timedelta = HOUR
) -> Iterator[MeasuredRatio]:
    """Forecast usage at past hours, and divide what followed by each forecast.

    A forecast of 0 has no ratio and is left out.

    Args:
        source: The identity or scope.
        usage: Its usage.
        until: The end of the usage that is known.
        step: The time between forecasts, in whole hours.
    """
    first = origin = usage.observed_since or until
    number = 0
    while origin < until:
        yield from _measure(source, usage, origin, until)
        age = timedelta(hours=_AGES_OF_NEW[number % len(_AGES_OF_NEW)])
        if classify(usage, origin) is not Activity.NEW:
            yield from _measure(source, usage.observe_from(origin - age), origin, until)
        origin = first + (number := number + 1) * step


def _measure(
    source: str, usage: HourlyUsage, origin: datetime, until: datetime
) -> Iterator[MeasuredRatio]:
    rates = observe_rates(usage, origin)
    if rates is None:
        return
    activity = classify(usage, origin)
    for hours in HORIZON_HOURS:
        end = origin + timedelta(hours=hours)
        expected = rates.expect(end - origin)
        if end <= until and expected:
            actual = max(usage.sum_hours(origin, end), 0)
            ratio = min(round(1000 * actual / expected), MAX_RATIO)
            yield MeasuredRatio(source, activity, hours, end, ratio)
