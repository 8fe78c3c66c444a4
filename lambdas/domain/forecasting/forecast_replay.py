"""The times at which forecasts of past usage would have alerted."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import NamedTuple

from lambdas.domain.budgets import Budget, BudgetPeriod, RollingHours
from lambdas.domain.budgets.budget_alerts import list_probable
from lambdas.domain.forecasting.forecast import forecast_usage
from lambdas.domain.forecasting.hourly_usage import HOUR, HourlyUsage, floor_to_hour
from lambdas.domain.forecasting.own_calibration import ErrorSource


class ForecastCrossing(NamedTuple):
    """A threshold that a forecast reached.

    Attributes:
        period: The period that was forecast.
        percent: The threshold.
        at: The time of the forecast.
        probability: The probability that usage reaches the threshold in the period.
    """

    period: BudgetPeriod
    percent: Decimal
    at: datetime
    probability: float


def replay_forecasts(
    budget: Budget,
    used_by_minute: Mapping[datetime, int],
    until: datetime,
    errors: ErrorSource,
    max_forecasts: int,
) -> Iterator[ForecastCrossing]:
    """Forecast usage at past hours, and find when each threshold of it would have alerted.

    A forecast knows only the usage before it. It is made at the whole hour; with more hours than
    `max_forecasts`, at every second or third one and so on. A threshold alerts once a period, and
    not if usage has reached it before. Windows that move have no forecast.

    Args:
        budget: The budget.
        used_by_minute: The usage in its unit, by the minute of its calls.
        until: The end of the usage that is known.
        errors: Knows the errors that were known at a time.
        max_forecasts: The number of forecasts at most.
    """
    if not used_by_minute or isinstance(budget.periods, RollingHours):
        return
    minutes = sorted(used_by_minute)
    sums = list(accumulate((used_by_minute[minute] for minute in minutes), initial=0))
    usage = sum_by_hour(used_by_minute)
    alerted: set[tuple[str, Decimal]] = set()
    for now in _list_hours(minutes[0], until, max_forecasts):
        period = budget.periods.period_at(now)
        first, last = bisect_left(minutes, period.start), bisect_left(minutes, now)
        is_unknown = budget.per is not None and first == last  # the value has no sum yet
        used = sums[last] - sums[first]
        is_open = any(
            (period.id, percent) not in alerted and not budget.amount.is_reached(used, percent)
            for percent in budget.thresholds.forecast
        )
        if is_unknown or not is_open:
            continue
        forecast = forecast_usage(usage, now, period.end, errors.get(now))
        for percent, probability in list_probable(budget, used, forecast):
            if (period.id, percent) not in alerted:
                alerted.add((period.id, percent))
                yield ForecastCrossing(period, percent, now, probability)


def sum_by_hour(used_by_minute: Mapping[datetime, int]) -> HourlyUsage:
    """Add up the usage of minutes by hour."""
    hours: defaultdict[datetime, int] = defaultdict(int)
    for minute, used in used_by_minute.items():
        hours[floor_to_hour(minute)] += used
    return HourlyUsage(hours)


def _list_hours(first: datetime, until: datetime, max_hours: int) -> Iterator[datetime]:
    """List whole hours after the first minute, as many as are wanted at most."""
    start, end = floor_to_hour(first) + HOUR, floor_to_hour(until)
    hours = (end - start) // HOUR + 1
    step = timedelta(hours=-(-hours // max_hours)) if hours > 0 else HOUR
    while start <= end:
        yield start
        start += step
