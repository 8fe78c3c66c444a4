"""The burn-down of a budget, and the band of its forecast."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.domain.forecasting import (
    COVERAGES,
    BandPoint,
    BurnDownPoint,
    Forecast,
    Interval,
    forecast_usage,
    list_band,
    list_burn_down,
    read_shipped_ratios,
)
from tests.examples import percent_of_examples
from tests.unit.forecasting.hourly import AMOUNTS, DAY, HOUR, PICODOLLARS, START, make_usage


def forecast_band(amounts: list[int], horizon: timedelta) -> tuple[Forecast, list[BandPoint]]:
    """Forecast at the end of the amounts."""
    now = START + len(amounts) * HOUR
    forecast = forecast_usage(make_usage(amounts), now, now + horizon, read_shipped_ratios())
    assert forecast is not None
    return forecast, list_band(forecast, read_shipped_ratios())


def test_a_budget_burns_down_hour_by_hour_and_below_zero() -> None:
    now = START + timedelta(hours=2, minutes=20)
    assert list(list_burn_down(make_usage([40, 0, 70, 1000]), START, now, 100)) == [
        BurnDownPoint(START, 100),
        BurnDownPoint(START + HOUR, 60),
        BurnDownPoint(START + 2 * HOUR, 60),
        BurnDownPoint(now, -10),
    ]


def test_usage_before_the_period_is_not_part_of_its_burn_down() -> None:
    points = list(list_burn_down(make_usage([40, 5]), START + HOUR, START + 2 * HOUR, 100))
    assert [point.left for point in points] == [100, 95]


def test_a_period_that_has_not_begun_has_all_left() -> None:
    assert list(list_burn_down(make_usage([40]), START + DAY, START + HOUR, 9)) == [
        BurnDownPoint(START + DAY, 9)
    ]


@given(AMOUNTS, PICODOLLARS)
def test_the_last_point_is_the_amount_less_all_usage(amounts: list[int], amount: int) -> None:
    end = START + len(amounts) * HOUR
    *_, last = list_burn_down(make_usage(amounts), START, end, amount)
    assert last == (end, amount - sum(amounts))


def test_a_band_begins_with_nothing_and_has_each_hour() -> None:
    forecast, band = forecast_band([100] * 24 * 8, timedelta(hours=30))
    assert band[0] == BandPoint(forecast.now, 0, dict.fromkeys(COVERAGES, Interval(0, 0)))
    assert [point.at - forecast.now for point in band] == [n * HOUR for n in range(31)]
    assert [point.expected for point in band] == [100 * n for n in range(31)]


def test_a_band_is_wider_for_later_hours() -> None:
    _, band = forecast_band([100] * 24 * 8, 3 * DAY)
    widths = [point.intervals[80].high - point.intervals[80].low for point in band]
    assert widths[1] < widths[24] < widths[72]


@settings(max_examples=percent_of_examples(20))
@given(AMOUNTS, st.timedeltas(timedelta(0), 5 * DAY))
def test_a_band_rises_is_nested_and_ends_with_the_intervals_of_the_forecast(
    amounts: list[int], horizon: timedelta
) -> None:
    forecast, band = forecast_band(amounts, horizon)
    end = {coverage: forecast.get_interval(coverage) for coverage in COVERAGES}
    assert (band[-1].expected, band[-1].intervals) == (forecast.amount, end)
    for earlier, later in pairwise(band):
        assert earlier.at < later.at
        assert earlier.expected <= later.expected
        for coverage in COVERAGES:
            assert earlier.intervals[coverage].low <= later.intervals[coverage].low
            assert earlier.intervals[coverage].high <= later.intervals[coverage].high
    for point in band:
        narrow, wide, widest = (point.intervals[coverage] for coverage in COVERAGES)
        assert widest.low <= wide.low <= narrow.low <= narrow.high <= wide.high <= widest.high
