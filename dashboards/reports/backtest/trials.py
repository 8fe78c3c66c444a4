"""Forecasts in the second week, by our method and by three others, with what followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from dashboards.reports.backtest.calibrations import Calibrations
from dashboards.reports.backtest.traces import Traces
from lambdas.domain.forecasting import Forecast, HourlyUsage, forecast_usage

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)
DAY_AHEAD, THREE_DAYS_AHEAD, END_OF_WEEK = "24 h", "72 h", "end of week"
HORIZONS = (DAY_AHEAD, THREE_DAYS_AHEAD, END_OF_WEEK)
OURS, LAST_DAY, SAME_WEEK_BEFORE, STRAIGHT_LINE = (
    "forecast",
    "last day",
    "same week before",
    "straight line",
)
METHODS = (OURS, LAST_DAY, SAME_WEEK_BEFORE, STRAIGHT_LINE)
STRICT, WITH_OWN, ALL_DAYS = "strict", "own included", "all days"


class Trial(NamedTuple):
    """One forecast, and what followed.

    Attributes:
        client: Whose usage it is.
        horizon: One of `HORIZONS`.
        used: What was used in the period before; 0 unless the horizon is the end of the week.
        week_before: What was used in the week before the period.
        actual: What was used from the forecast to its horizon.
        forecast: Our forecast, with the errors of other clients' earlier days.
        variants: The same with other errors.
        amounts: What each method expects from the forecast to its horizon.
    """

    client: str
    horizon: str
    used: int
    week_before: int
    actual: int
    forecast: Forecast
    variants: dict[str, Forecast]
    amounts: dict[str, Fraction]


def run_trials(traces: Traces, calibrations: Calibrations, step: timedelta) -> Iterator[Trial]:
    """Forecast the usage of each client at many times of the second week."""
    period = traces.end - WEEK
    for client, usage in traces.clients.items():
        origin = period
        while origin < traces.end:
            for horizon, end in _list_horizons(origin, period, traces.end):
                trial = _try(client, usage, horizon, (period, origin, end), calibrations)
                if trial:
                    yield trial
            origin += step


def _list_horizons(
    origin: datetime, period: datetime, period_end: datetime
) -> Iterator[tuple[str, datetime]]:
    for horizon, span in ((DAY_AHEAD, DAY), (THREE_DAYS_AHEAD, 3 * DAY)):
        if origin + span <= period_end:
            yield horizon, origin + span
    if period + DAY <= origin <= period_end - DAY:
        yield END_OF_WEEK, period_end


def _try(
    client: str,
    usage: HourlyUsage,
    horizon: str,
    times: tuple[datetime, datetime, datetime],
    calibrations: Calibrations,
) -> Trial | None:
    period, origin, end = times
    forecast = forecast_usage(usage, origin, end, calibrations.get_strict(client, origin))
    if forecast is None:
        return None
    hours = Fraction((end - origin) // HOUR)
    to_end = horizon == END_OF_WEEK
    since = period if to_end else max(origin - WEEK, usage.observed_since or origin)
    variants = {
        WITH_OWN: calibrations.get_with_own(origin),
        ALL_DAYS: calibrations.get_all_days(client),
    }
    return Trial(
        client,
        horizon,
        usage.sum_hours(period, origin) if to_end else 0,
        usage.sum_hours(period - WEEK, period),
        usage.sum_hours(origin, end),
        forecast,
        {
            name: replace(forecast, errors=ratios.get(forecast.activity, hours))
            for name, ratios in variants.items()
        },
        {
            OURS: forecast.expected,
            LAST_DAY: usage.sum_hours(origin - DAY, origin) * hours / 24,
            SAME_WEEK_BEFORE: Fraction(usage.sum_hours(origin - WEEK, end - WEEK)),
            STRAIGHT_LINE: usage.sum_hours(since, origin) * hours / ((origin - since) // HOUR),
        },
    )
