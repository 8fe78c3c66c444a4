"""The expected usage: the last day's rate, drawn towards the week's mean for later hours."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from lambdas.domain.forecasting.hourly_usage import HourlyUsage, count_hours

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
MIN_OBSERVED = timedelta(hours=6)
"""A shorter observation gives no forecast."""
_NEW = timedelta(hours=48)
_HALF_WEIGHT_HOURS = 48
"""The horizon at which the last day and the week's mean count the same."""
_SPORADIC = Fraction(1, 4)
_STEADY = Fraction(3, 4)


class Activity(StrEnum):
    """The classes that share one distribution of forecast errors."""

    NEW = "new"
    """Observed for less than two days."""
    SPORADIC = "sporadic"
    """Used in less than a quarter of the last week's hours."""
    INTERMITTENT = "intermittent"
    """Used in a quarter to three quarters of them."""
    STEADY = "steady"
    """Used in more than three quarters of them."""


def classify(usage: HourlyUsage, now: datetime) -> Activity:
    """Find the class of usage, by the share of active hours in the last week."""
    observed = usage.get_observed_span(now)
    if observed < _NEW:
        return Activity.NEW
    share = usage.get_active_share(min(observed, WEEK), now)
    if share < _SPORADIC:
        return Activity.SPORADIC
    return Activity.INTERMITTENT if share <= _STEADY else Activity.STEADY


class UsageRates(NamedTuple):
    """Usage per hour, at least 0.

    Attributes:
        day: In the last day.
        week: In the last week; both as far as usage was observed.
    """

    day: Fraction
    week: Fraction

    def expect(self, horizon: timedelta) -> Fraction:
        """Return the expected usage from now to the horizon."""
        hours = count_hours(horizon)
        weight = _HALF_WEIGHT_HOURS / (_HALF_WEIGHT_HOURS + hours)
        return (weight * self.day + (1 - weight) * self.week) * hours


def observe_rates(usage: HourlyUsage, now: datetime) -> UsageRates | None:
    """Return the rates of usage before now, or `None` if less than `MIN_OBSERVED` was observed."""
    observed = usage.get_observed_span(now)
    if observed < MIN_OBSERVED:
        return None
    return UsageRates(*(_get_rate(usage, now, min(observed, span)) for span in (DAY, WEEK)))


def _get_rate(usage: HourlyUsage, now: datetime, span: timedelta) -> Fraction:
    return max(usage.sum_last(span, now), Fraction(0)) / count_hours(span)
