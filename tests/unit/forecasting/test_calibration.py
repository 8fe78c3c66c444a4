"""Measured errors of forecasts, and the distributions made of them."""

from datetime import timedelta
from fractions import Fraction

import pytest

from lambdas.domain.forecasting import (
    HORIZON_HOURS,
    LEVELS,
    MIN_RATIOS,
    Activity,
    ErrorRatios,
    HourlyUsage,
    MeasuredRatio,
    RatioDistribution,
    calibrate,
    measure_ratios,
    read_error_ratios,
    read_shipped_ratios,
    write_error_ratios,
)
from tests.unit.forecasting.hourly import DAY, HOUR, START, make_usage

ALWAYS_ONE = RatioDistribution((1000,) * len(LEVELS))
NEVER_WRONG = ErrorRatios(
    {(activity, hours): ALWAYS_ONE for activity in Activity for hours in HORIZON_HOURS}
)


def make_ratios(
    ratio: int, count: int, source: str = "ana", activity: Activity = Activity.STEADY
) -> list[MeasuredRatio]:
    """Make ratios at a horizon of a day."""
    return [MeasuredRatio(source, activity, 24, START, ratio)] * count


def get_median(ratios: ErrorRatios, activity: Activity = Activity.STEADY) -> Fraction:
    """Return the median at a horizon of a day."""
    return ratios.get(activity, Fraction(24)).get_quantile(500)


def test_even_usage_is_forecast_without_error() -> None:
    measured = list(measure_ratios("ana", make_usage([3] * 24 * 10), START + 10 * DAY))
    assert {ratio.ratio for ratio in measured} == {1000}
    assert {ratio.horizon_hours for ratio in measured} == set(HORIZON_HOURS)
    assert {ratio.activity for ratio in measured} == {Activity.NEW, Activity.STEADY}


def test_a_doubling_is_measured_as_twice_the_forecast() -> None:
    usage = make_usage([1] * 24 * 7 + [2] * 24)
    measured = measure_ratios("ana", usage, START + 8 * DAY)
    known_last = [ratio for ratio in measured if ratio.known_at == START + 8 * DAY]
    assert {r.ratio for r in known_last if r.horizon_hours == 24} == {2000}


def test_only_outcomes_that_are_known_are_measured() -> None:
    until = START + 4 * DAY
    measured = list(measure_ratios("ana", make_usage([1] * 24 * 10), until))
    assert max(ratio.known_at for ratio in measured) == until
    assert 168 not in {ratio.horizon_hours for ratio in measured}


def test_a_forecast_of_nothing_has_no_ratio() -> None:
    assert list(measure_ratios("ana", make_usage([0] * 24 * 9), START + 9 * DAY)) == []
    assert list(measure_ratios("ana", HourlyUsage({}), START)) == []


def test_the_time_between_forecasts_can_be_set() -> None:
    usage, until = make_usage([1] * 24 * 5), START + 5 * DAY
    hourly, daily = (list(measure_ratios("ana", usage, until, s)) for s in (HOUR, DAY))
    assert set(daily) < set(hourly)
    assert {(r.known_at - START) % DAY for r in daily if r.horizon_hours == 24} == {timedelta(0)}


def test_a_source_with_many_ratios_does_not_decide_alone() -> None:
    many = make_ratios(4000, 100, "batch")
    few = [ratio for n in range(11) for ratio in make_ratios(1000, 1, f"user-{n}")]
    assert get_median(calibrate([*many, *few])) == 1  # its weight is 10, not 100


def test_an_activity_with_few_ratios_gets_those_of_all() -> None:
    steady = make_ratios(1000, MIN_RATIOS)
    sporadic = make_ratios(9000, MIN_RATIOS - 1, "bob", Activity.SPORADIC)
    assert get_median(calibrate([*steady, *sporadic]), Activity.NEW) == 1
    assert get_median(calibrate(steady), Activity.SPORADIC) == 1
    enough = [*sporadic, *sporadic[:1]]
    assert get_median(calibrate([*steady, *enough]), Activity.SPORADIC) == 9


def test_a_horizon_with_few_ratios_is_left_out() -> None:
    assert calibrate(make_ratios(1000, MIN_RATIOS - 1)).distributions == {}


def test_own_errors_take_over_from_the_prior_little_by_little() -> None:
    own = [r for n in range(30) for r in make_ratios(3000, 168, f"user-{n}")]
    shares = [
        calibrate(own[:count], NEVER_WRONG)
        .get(Activity.STEADY, Fraction(24))
        .get_share_above(Fraction(2))
        for count in (0, 168, 168 * 8, 168 * 30)
    ]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[1] < Fraction(1, 5)
    assert Fraction(2, 5) < shares[2] < Fraction(3, 5)
    assert shares[3] > Fraction(3, 4)


def test_without_own_errors_the_prior_stays() -> None:
    assert calibrate([], NEVER_WRONG) == NEVER_WRONG


@pytest.mark.parametrize(
    ("hours", "expected"), [(1, 1), (24, 1), (48, 2), (72, 3), (1000, 3), (0, 1)]
)
def test_between_two_horizons_errors_lie_between_theirs(hours: int, expected: int) -> None:
    three = RatioDistribution((3000,) * len(LEVELS))
    ratios = ErrorRatios({(Activity.NEW, 24): ALWAYS_ONE, (Activity.NEW, 72): three})
    assert ratios.get(Activity.NEW, Fraction(hours)).get_quantile(500) == expected


def test_shipped_errors_have_every_activity_and_horizon() -> None:
    shipped = read_shipped_ratios().distributions
    assert set(shipped) == {(activity, hours) for activity in Activity for hours in HORIZON_HOURS}
    assert sum(len(distribution.quantiles) for distribution in shipped.values()) <= 500


def test_written_errors_are_read_again() -> None:
    shipped = read_shipped_ratios()
    assert read_error_ratios(write_error_ratios(shipped)) == shipped
