"""The rule for unusual days, as docs/reports.md states it."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.reports.weekly import MEDIAN_DAYS, CostAnomaly, find_anomalies
from tests.unit.reports.weekly.weekly_calls import MONDAY, days_before

DOLLARS = st.decimals(min_value=0, max_value=10_000, places=4)
HISTORIES = st.lists(DOLLARS, min_size=MEDIAN_DAYS, max_size=MEDIAN_DAYS)


def judge(usd: Decimal, history: Sequence[Decimal]) -> CostAnomaly | None:
    """Judge a day by the days before it, the last one first."""
    usd_by_day = dict(zip(days_before(MONDAY, len(history)), history, strict=True))
    return next(find_anomalies({**usd_by_day, MONDAY: usd}, [MONDAY]), None)


@pytest.mark.parametrize(
    ("usd", "usual", "is_unusual"),
    [
        ("30.01", "10", True),
        ("30", "10", False),  # three times, and not more
        ("10.01", "0", True),
        ("10", "0", False),  # ten dollars, and not more
        ("9.99", "0.01", False),
    ],
)
def test_a_day_is_unusual_above_three_times_its_median_and_ten_dollars(
    usd: str, usual: str, *, is_unusual: bool
) -> None:
    anomaly = judge(Decimal(usd), [Decimal(usual)] * MEDIAN_DAYS)
    expected = CostAnomaly(MONDAY, Decimal(usd), Decimal(usual)) if is_unusual else None
    assert anomaly == expected


@given(DOLLARS, HISTORIES)
def test_the_median_is_the_middle_of_the_fourteen_days_before(
    usd: Decimal, history: list[Decimal]
) -> None:
    in_order = sorted(history)
    median = (in_order[6] + in_order[7]) / 2
    anomaly = judge(usd, history)
    assert (anomaly is not None) is (usd > 3 * median and usd > 10)
    if anomaly is not None:
        assert anomaly.usual_usd == median
        assert anomaly.excess_usd == usd - median


@given(DOLLARS, HISTORIES, st.randoms(use_true_random=False))
def test_the_order_of_the_days_before_does_not_matter(
    usd: Decimal, history: list[Decimal], random: Random
) -> None:
    shuffled = sorted(history, key=lambda _: random.random())
    assert judge(usd, history) == judge(usd, shuffled)


@given(DOLLARS)
def test_a_steady_cost_is_never_unusual(usd: Decimal) -> None:
    assert judge(usd, [usd] * MEDIAN_DAYS) is None


@given(DOLLARS, HISTORIES, DOLLARS)
def test_a_day_that_costs_more_than_an_unusual_one_is_unusual(
    usd: Decimal, history: list[Decimal], more: Decimal
) -> None:
    if judge(usd, history) is not None:
        assert judge(usd + more, history) is not None


@given(DOLLARS, HISTORIES, DOLLARS)
def test_days_further_back_do_not_matter(
    usd: Decimal, history: list[Decimal], earlier: Decimal
) -> None:
    assert judge(usd, [*history, earlier]) == judge(usd, history)


def test_days_without_calls_cost_nothing() -> None:
    """Seven of the fourteen days cost $100: the median is half of that."""
    every_second = {day: Decimal(100) for day in days_before(MONDAY, MEDIAN_DAYS)[::2]}
    (anomaly,) = find_anomalies({**every_second, MONDAY: Decimal(151)}, [MONDAY])
    assert anomaly.usual_usd == 50


def test_each_day_is_judged_by_the_days_before_it() -> None:
    days = [MONDAY + timedelta(days=number) for number in range(7)]
    usd_by_day = {day: Decimal(20) for day in (*days_before(MONDAY, 14), *days)}
    usd_by_day[days[2]] = Decimal(200)
    (anomaly,) = find_anomalies(usd_by_day, days)
    assert anomaly.day == days[2]
    assert anomaly.excess_usd == 180
