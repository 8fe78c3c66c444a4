"""The expected usage, and the classes of activity."""

from datetime import timedelta
from fractions import Fraction

import pytest

from lambdas.domain.forecasting import MIN_OBSERVED, Activity, forecast_usage, read_shipped_ratios
from tests.unit.forecasting.hourly import DAY, HOUR, START, make_usage

WEEK_OF_ONE_A_DAY = [1] + [0] * 23


def expect(amounts: list[int], horizon: timedelta, now: int | None = None) -> Fraction:
    """Forecast after the amounts, or after a number of hours."""
    at = START + (len(amounts) if now is None else now) * HOUR
    forecast = forecast_usage(make_usage(amounts), at, at + horizon, read_shipped_ratios())
    assert forecast is not None
    return forecast.expected


def classify(amounts: list[int]) -> Activity:
    """Find the class after the amounts."""
    now = START + len(amounts) * HOUR
    forecast = forecast_usage(make_usage(amounts), now, now + DAY, read_shipped_ratios())
    assert forecast is not None
    return forecast.activity


def test_even_usage_goes_on() -> None:
    assert expect([5] * 24 * 8, 3 * DAY) == 5 * 72


@pytest.mark.parametrize(("hours", "weight"), [(24, "2/3"), (48, "1/2"), (144, "1/4")])
def test_the_last_day_counts_less_for_later_hours(hours: int, weight: str) -> None:
    week = [0] * 24 * 6 + [7] * 24  # a mean of 1 an hour, and 7 in the last day
    w = Fraction(weight)
    assert expect(week, timedelta(hours=hours)) == (7 * w + 1 - w) * hours


def test_only_the_last_week_counts() -> None:
    assert expect([10**9] * 24 + [2] * 24 * 7, DAY) == expect([2] * 24 * 7, DAY)


def test_hours_before_the_observation_are_unknown_and_not_zero() -> None:
    assert expect([6] * 12, DAY) == 6 * 24


def test_a_shorter_observation_than_six_hours_gives_no_forecast() -> None:
    usage, ratios = make_usage([1] * 24), read_shipped_ratios()
    earliest = START + MIN_OBSERVED
    assert forecast_usage(usage, earliest - timedelta(seconds=1), START + DAY, ratios) is None
    assert forecast_usage(usage, earliest, START + DAY, ratios) is not None


def test_nothing_is_expected_after_a_week_without_usage() -> None:
    assert expect([10**9] + [0] * 24 * 7, DAY, now=24 * 7 + 1) == 0


def test_a_correction_of_more_than_was_used_expects_nothing_and_no_less() -> None:
    assert expect([10] * 24 * 6 + [-1000] * 24, DAY) == 0


def test_a_spike_is_spread_over_the_week_for_a_far_horizon() -> None:
    quiet = [1] * 24 * 6
    spike = [*quiet, *[1] * 23, 1681]
    assert expect(spike, 28 * DAY) < 28 * 24 * (1681 + 191) / 192 * 2
    assert expect(spike, DAY) > 24 * 40


@pytest.mark.parametrize(
    ("active_hours_in_168", "activity"),
    [
        (41, Activity.SPORADIC),
        (42, Activity.INTERMITTENT),
        (126, Activity.INTERMITTENT),
        (127, Activity.STEADY),
    ],
)
def test_activity_is_the_share_of_active_hours_in_a_week(
    active_hours_in_168: int, activity: Activity
) -> None:
    active = [1] * active_hours_in_168 + [0] * (168 - active_hours_in_168)
    assert classify(active) is activity
    assert classify([1] * 24 * 7 + active) is activity


def test_usage_is_new_for_two_days() -> None:
    assert classify([1] * 47) is Activity.NEW
    assert classify([1] * 48) is Activity.STEADY
