"""Forecasts until the end of a period."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.domain.forecasting import (
    COVERAGES,
    LEVELS,
    Forecast,
    HourlyUsage,
    RatioDistribution,
    forecast_usage,
    read_shipped_ratios,
)
from tests.examples import percent_of_examples
from tests.unit.forecasting.hourly import (
    AMOUNTS,
    CORRECTED_AMOUNTS,
    DAY,
    HOUR,
    PICODOLLARS,
    START,
    make_usage,
)

NEVER = datetime.max.replace(tzinfo=UTC)
HORIZONS = st.timedeltas(timedelta(0), 31 * DAY)
OFFICE_DAY = [0] * 9 + [10] * 8 + [0] * 7


def forecast_after(amounts: list[int], horizon: timedelta) -> Forecast:
    """Forecast at the end of the amounts."""
    now = START + len(amounts) * HOUR
    forecast = forecast_usage(make_usage(amounts), now, now + horizon, read_shipped_ratios())
    assert forecast is not None
    return forecast


def test_intervals_and_probabilities_come_from_the_same_errors() -> None:
    forecast = forecast_after([10**9] * 24 * 8, DAY)
    for coverage in COVERAGES:
        high = forecast.get_interval(coverage).high
        assert forecast.probability_of_exceeding(high) == pytest.approx((100 - coverage) / 200)


def test_a_budget_that_is_exceeded_stays_exceeded() -> None:
    forecast = forecast_after([0] * 24 * 8, DAY)
    assert forecast.probability_of_exceeding(-1) == 1
    assert forecast.exhausted_at(-1) == forecast.now


def test_nothing_more_is_expected_of_unused_scopes() -> None:
    forecast = forecast_after([0] * 24 * 8, DAY)
    assert (forecast.amount, forecast.get_interval(95)) == (0, (0, 0))
    assert forecast.probability_of_exceeding(0) == 0
    assert forecast.exhausted_at(1) is None


def test_nothing_more_is_expected_after_the_end_of_the_period() -> None:
    forecast = forecast_after([100] * 24 * 8, -DAY)
    assert forecast.amount == 0
    assert forecast.probability_of_exceeding(1) == 0
    assert forecast.exhausted_at(1) is None


def test_what_is_left_of_nothing_is_exceeded_by_any_usage() -> None:
    errors = RatioDistribution(tuple(max(0, level - 300) for level in LEVELS))
    forecast = replace(forecast_after([100] * 24 * 8, DAY), errors=errors)
    assert forecast.probability_of_exceeding(0) == pytest.approx(0.7)


def test_a_budget_is_used_up_in_the_hours_that_are_busy() -> None:
    forecast = forecast_after(OFFICE_DAY * 7, DAY)
    used_up = forecast.exhausted_at(round(forecast.expected / 2))
    assert used_up is not None
    assert timedelta(hours=12) < used_up - forecast.now < timedelta(hours=14)


def test_a_budget_is_used_up_to_the_minute() -> None:
    forecast = forecast_after([60] * 24 * 8, DAY)
    assert forecast.exhausted_at(90) == forecast.now + timedelta(minutes=90)
    assert forecast.exhausted_at(round(forecast.expected)) == forecast.period_end
    assert forecast.exhausted_at(round(forecast.expected) + 1) is None


def test_a_minute_is_never_later_than_the_hour_in_which_a_budget_is_used_up() -> None:
    now = START + 8 * DAY + timedelta(seconds=30)
    forecast = forecast_usage(make_usage([3600] * 24 * 8), now, now + DAY, read_shipped_ratios())
    assert forecast is not None
    assert forecast.exhausted_at(3560) == START + 8 * DAY + HOUR


def test_the_current_hour_counts_from_its_first_minute() -> None:
    usage = make_usage([60] * 24 * 8 + [6000])
    ratios = read_shipped_ratios()
    now = START + 8 * DAY
    before, after = (
        forecast_usage(usage, time, now + 2 * DAY, ratios)
        for time in (now, now + timedelta(minutes=1))
    )
    assert before is not None
    assert after is not None
    assert after.amount > before.amount + 2000


@settings(max_examples=percent_of_examples(50))
@given(AMOUNTS, HORIZONS, st.lists(PICODOLLARS, min_size=2, max_size=4))
def test_exceeding_a_larger_amount_is_never_more_probable_and_never_earlier(
    amounts: list[int], horizon: timedelta, left: list[int]
) -> None:
    forecast = forecast_after(amounts, horizon)
    for less, more in pairwise(sorted(left)):
        probabilities = [forecast.probability_of_exceeding(amount) for amount in (less, more)]
        assert 1 >= probabilities[0] >= probabilities[1] >= 0
        later = forecast.exhausted_at(more)
        assert later is None or (forecast.exhausted_at(less) or NEVER) <= later


@given(AMOUNTS, HORIZONS)
def test_intervals_are_nested_and_never_negative(amounts: list[int], horizon: timedelta) -> None:
    narrow, wide, widest = map(forecast_after(amounts, horizon).get_interval, COVERAGES)
    assert 0 <= widest.low <= wide.low <= narrow.low <= narrow.high <= wide.high <= widest.high


@given(AMOUNTS, HORIZONS)
def test_the_figure_is_the_median_and_lies_in_every_interval(
    amounts: list[int], horizon: timedelta
) -> None:
    forecast = forecast_after(amounts, horizon)
    assert forecast.errors.get_quantile(500) * forecast.expected == pytest.approx(
        forecast.amount, abs=0.5
    )
    for coverage in COVERAGES:
        low, high = forecast.get_interval(coverage)
        assert low <= forecast.amount <= high


@given(AMOUNTS, HORIZONS, st.integers(1, 10**6), PICODOLLARS)
def test_other_units_give_the_same_forecast(
    amounts: list[int], horizon: timedelta, factor: int, left: int
) -> None:
    one = forecast_after(amounts, horizon)
    scaled = forecast_after([factor * amount for amount in amounts], horizon)
    assert scaled.expected == factor * one.expected
    assert scaled.errors == one.errors
    assert scaled.probability_of_exceeding(factor * left) == one.probability_of_exceeding(left)
    assert scaled.exhausted_at(factor * left) == one.exhausted_at(left)


@given(AMOUNTS, HORIZONS, PICODOLLARS)
def test_a_budget_is_used_up_in_its_period_if_and_only_if_that_much_is_expected(
    amounts: list[int], horizon: timedelta, left: int
) -> None:
    forecast = forecast_after(amounts, horizon)
    used_up = forecast.exhausted_at(left)
    assert (used_up is not None) is (left <= 0 or left <= forecast.expected)
    if used_up is not None and left:
        reached = next(at for at, expected in forecast.list_path() if expected >= left)
        assert forecast.now <= used_up <= reached < used_up + HOUR


@given(CORRECTED_AMOUNTS, st.timedeltas(-DAY, 10 * DAY), HORIZONS, st.integers(-(10**15), 10**15))
def test_every_series_has_a_defined_result(
    amounts: list[int], age: timedelta, horizon: timedelta, left: int
) -> None:
    now = START + age
    for usage in (make_usage(amounts), HourlyUsage({}), HourlyUsage({START + DAY: 5})):
        forecast = forecast_usage(usage, now, now + horizon, read_shipped_ratios())
        if forecast is not None:
            assert forecast.amount >= 0
            assert 0 <= forecast.probability_of_exceeding(left) <= 1
            forecast.exhausted_at(left)
            assert forecast_usage(usage, now, now + horizon, read_shipped_ratios()) == forecast
