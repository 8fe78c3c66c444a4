"""Forecasts calibrated on a deployment's own usage: what counts, and how well intervals hold."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.domain.forecasting import (
    CALIBRATION_SPAN,
    HORIZON_HOURS,
    LEVELS,
    MIN_RATIOS,
    Activity,
    ErrorRatios,
    HourlyUsage,
    RatioDistribution,
    UsageHistory,
    calibrate_on_own,
    forecast_usage,
    read_shipped_ratios,
)
from tests.examples import percent_of_examples
from tests.unit.forecasting.hourly import AMOUNTS, DAY, HOUR, START, make_usage

SHIPPED = read_shipped_ratios()
NEVER_WRONG = ErrorRatios(
    {
        (activity, hours): RatioDistribution((1000,) * len(LEVELS))
        for activity in Activity
        for hours in HORIZON_HOURS
    }
)


def calibrate_usage(
    *usages: HourlyUsage, until: datetime, prior: ErrorRatios = SHIPPED
) -> ErrorRatios:
    histories = [UsageHistory(f"source-{number}", usage) for number, usage in enumerate(usages)]
    return calibrate_on_own(histories, until, until, prior)


def test_own_errors_are_described() -> None:
    until = START + 10 * DAY
    errors = calibrate_usage(make_usage([1] * 24 * 10), make_usage([2] * 24 * 5), until=until)
    assert errors.own is not None
    assert (errors.own.calibrated_at, errors.own.sources, errors.own.days) == (until, 2, 10)
    assert errors.own.ratios > MIN_RATIOS


def test_with_little_usage_the_shipped_errors_stay() -> None:
    assert calibrate_usage(until=START) is SHIPPED
    assert calibrate_usage(make_usage([1] * 12), until=START + 12 * HOUR) is SHIPPED


def test_an_activity_without_own_errors_keeps_the_shipped_ones() -> None:
    errors = calibrate_usage(make_usage([1] * 24 * 10), until=START + 10 * DAY)
    for hours in HORIZON_HOURS:
        for activity in (Activity.SPORADIC, Activity.INTERMITTENT):
            cell = activity, hours
            assert errors.distributions[cell] is SHIPPED.distributions[cell]
    steady = Activity.STEADY, 24
    assert errors.distributions[steady] != SHIPPED.distributions[steady]


def test_a_forecast_says_which_errors_it_stands_on() -> None:
    usage, until = make_usage([1] * 24 * 10), START + 10 * DAY
    errors = calibrate_usage(usage, until=until)
    calibrated = forecast_usage(usage, until, until + DAY, errors)
    shipped = forecast_usage(usage, until, until + DAY, SHIPPED)
    assert calibrated is not None
    assert shipped is not None
    assert (calibrated.calibrated_at, shipped.calibrated_at) == (until, None)


def test_usage_from_before_the_last_four_weeks_is_not_read() -> None:
    recent = [3] * (CALIBRATION_SPAN // HOUR)
    until = START + 6 * 7 * DAY
    wild, calm = (make_usage(first + recent) for first in ([1, 900] * 24 * 7, [3] * 24 * 14))
    assert calibrate_usage(wild, until=until) == calibrate_usage(calm, until=until)


@given(AMOUNTS, AMOUNTS, st.integers(30, 200))
def test_usage_after_the_end_never_counts(past: list[int], future: list[int], hours: int) -> None:
    until = START + hours * HOUR
    known = make_usage(past[:hours])
    changed = make_usage([*past[:hours], *[0] * max(0, hours - len(past)), *future])
    assert calibrate_usage(changed, until=until) == calibrate_usage(known, until=until)


@settings(max_examples=percent_of_examples(20))
@given(st.lists(AMOUNTS, min_size=2, max_size=3))
def test_the_order_of_histories_does_not_matter(amounts: list[list[int]]) -> None:
    histories = [UsageHistory(str(n % 2), make_usage(each)) for n, each in enumerate(amounts)]
    until = START + 9 * DAY
    results = [
        calibrate_on_own(ordered, until, until, SHIPPED) for ordered in permutations(histories)
    ]
    assert all(result == results[0] for result in results)


def make_noisy_usage(seed: int, days: int) -> HourlyUsage:
    """Make steady usage whose days differ by a known distribution: from half to twice."""
    chance = random.Random(seed)  # noqa: S311  # usage, not secrets
    levels = [round(1000 * 2 ** chance.uniform(-1, 1)) for _ in range(days)]
    return make_usage([level for level in levels for _ in range(24)])


def list_trials(days: int) -> Iterator[tuple[HourlyUsage, datetime]]:
    """List usage of identities that the calibration did not see, and times of forecasts."""
    for seed in range(1000, 1040):
        usage = make_noisy_usage(seed, days + 2)
        for number in range(4):
            yield usage, START + days * DAY + 6 * number * HOUR


def measure_coverage(errors: ErrorRatios, days: int = 14) -> float:
    """Measure how often usage of a day lies in its interval of 80%, in percent."""
    inside = []
    for usage, now in list_trials(days):
        forecast = forecast_usage(usage, now, now + DAY, errors)
        assert forecast is not None
        low, high = forecast.get_interval(80)
        inside.append(low <= usage.sum_hours(now, now + DAY) <= high)
    return 100 * sum(inside) / len(inside)


@pytest.mark.parametrize("prior", [NEVER_WRONG, SHIPPED], ids=["too narrow", "too wide"])
def test_intervals_come_to_hold_what_they_promise_as_own_data_grow(prior: ErrorRatios) -> None:
    usages = [make_noisy_usage(seed, 14) for seed in range(30)]
    until = START + 14 * DAY
    calibrated = [
        calibrate_usage(*usages[:count], until=until, prior=prior) for count in (0, 6, 30)
    ]
    wrong = [abs(measure_coverage(errors) - 80) for errors in calibrated]
    assert wrong[0] > 5
    assert wrong == sorted(wrong, reverse=True)
    assert wrong[-1] <= 5


def test_a_forecast_far_too_low_counts_as_the_highest_ratio_that_is_stored() -> None:
    usage = make_usage([1] * 24 * 3 + [0] * 24 * 6 + [10**15] * 48)
    errors = calibrate_usage(usage, until=START + 11 * DAY)
    highest = max(max(each.quantiles) for each in errors.distributions.values())
    assert highest == 10**9
