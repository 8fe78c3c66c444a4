"""A forecast of usage until the end of a period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import accumulate, pairwise
from math import ceil
from typing import Literal, NamedTuple

from lambdas.domain.forecasting.day_profile import DayProfile, learn_profile
from lambdas.domain.forecasting.error_ratios import ErrorRatios, OwnErrors
from lambdas.domain.forecasting.expected_usage import Activity, classify, observe_rates
from lambdas.domain.forecasting.hourly_usage import HourlyUsage, count_hours
from lambdas.domain.forecasting.ratio_distribution import RatioDistribution

Coverage = Literal[50, 80, 95]
"""The probability, in percent, that usage will lie in an interval."""
COVERAGES: tuple[Coverage, ...] = (50, 80, 95)
_MEDIAN = 500  # per mille
_MINUTE = timedelta(minutes=1)


class Interval(NamedTuple):
    """The lowest and the highest usage that is expected, in whole tokens or pico-dollars."""

    low: int
    high: int


class PathPoint(NamedTuple):
    """The usage that is expected from now to a time, unrounded."""

    at: datetime
    expected: Fraction


@dataclass(frozen=True, slots=True)
class Forecast:
    """Usage that is expected from now to the end of a period, in whole tokens or pico-dollars.

    What was used before now is not part of it.

    Attributes:
        now: The time of the forecast.
        period_end: The end of the period.
        activity: The class whose errors the intervals come from.
        expected: The expected usage, unrounded.
        errors: The distribution of actual usage divided by its forecast.
        profile: How usage spreads over a day.
        own: The deployment's own errors in that distribution; `None` without.
    """

    now: datetime
    period_end: datetime
    activity: Activity
    expected: Fraction
    errors: RatioDistribution
    profile: DayProfile
    own: OwnErrors | None = None

    @property
    def calibrated_at(self) -> datetime | None:
        """The time at which the deployment's own errors were measured; `None` without any."""
        return None if self.own is None else self.own.calibrated_at

    @property
    def amount(self) -> int:
        """The median of the usage, which lies in every interval."""
        return round(self.errors.get_quantile(_MEDIAN) * self.expected)

    def get_interval(self, coverage: Coverage) -> Interval:
        """Return the range in which usage will lie with this probability, in percent."""
        low, high = self.errors.get_interval(10 * coverage)
        return Interval(round(low * self.expected), round(high * self.expected))

    def probability_of_exceeding(self, amount_left: int) -> float:
        """Return the probability that more than an amount will be used.

        Args:
            amount_left: What is left of a budget; negative if it was exceeded.

        Returns:
            0 to 1. 0 means that no usage whose errors were measured rose that far.
        """
        if amount_left < 0:
            return 1.0
        if not self.expected:
            return 0.0
        return float(self.errors.get_share_above(amount_left / self.expected))

    def exhausted_at(self, amount_left: int) -> datetime | None:
        """Return the minute by which an amount is expected to be used.

        Returns:
            The time; `None` if that is not expected before the end of the period.
        """
        if amount_left <= 0:
            return self.now
        if amount_left > self.expected:
            return None
        for before, after in pairwise(self.list_path()):
            if after.expected >= amount_left:
                share = (amount_left - before.expected) / (after.expected - before.expected)
                minutes = ceil(60 * count_hours(after.at - before.at) * share)
                return min(before.at + minutes * _MINUTE, after.at)
        return self.period_end

    def list_path(self) -> list[PathPoint]:
        """List the usage that is expected by now, by the end of each hour and of the period."""
        hours = list(self.profile.spread(self.now, self.period_end))
        reached = list(accumulate((weight for _, weight in hours), initial=Fraction(0)))
        times = (self.now, *(end for end, _ in hours))
        whole = reached[-1] or 1
        return [
            PathPoint(at, self.expected * weight / whole)
            for at, weight in zip(times, reached, strict=True)
        ]


def forecast_usage(
    usage: HourlyUsage, now: datetime, period_end: datetime, ratios: ErrorRatios
) -> Forecast | None:
    """Forecast usage from now to the end of a period.

    Args:
        usage: Usage by hour, of the last week at least if it was observed. Later hours than now
            are not read.
        now: The time of the forecast, aware.
        period_end: The end of the period, aware. If it is over, nothing more is expected.
        ratios: The errors of earlier forecasts.

    Returns:
        The forecast, or `None` if less than `MIN_OBSERVED` was observed.
    """
    horizon = max(period_end - now, timedelta())
    rates = observe_rates(usage, now)
    if rates is None:
        return None
    activity = classify(usage, now)
    errors = ratios.get(activity, count_hours(horizon))
    return Forecast(
        now=now,
        period_end=period_end,
        activity=activity,
        expected=rates.expect(horizon),
        errors=errors,
        profile=learn_profile(usage, now),
        own=ratios.own,
    )
