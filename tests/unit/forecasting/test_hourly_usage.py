"""Usage by hour."""

from datetime import datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.forecasting import HourlyUsage
from tests.unit.forecasting.hourly import AMOUNTS, HOUR, START, make_usage


def test_observation_begins_with_the_first_entry_unless_its_start_is_known() -> None:
    hours = {START + 5 * HOUR: 1, START + 7 * HOUR: 1}
    assert HourlyUsage(hours).observed_since == START + 5 * HOUR
    assert HourlyUsage(hours, START).observed_since == START
    assert HourlyUsage({}).observed_since is None


def test_nothing_was_observed_before_the_start() -> None:
    assert make_usage([1]).get_observed_span(START - HOUR) == timedelta(0)
    assert HourlyUsage({}).get_observed_span(START) == timedelta(0)


def test_hours_of_any_time_zone_are_read_in_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    usage = HourlyUsage({START.astimezone(tokyo): 7})
    assert usage.sum_by_hour_of_day(START, START + HOUR)[0] == 7


@pytest.mark.parametrize(
    ("hour", "reason"),
    [
        (datetime(2026, 3, 2), "no time zone"),  # noqa: DTZ001  # the point of the test
        (START + timedelta(minutes=30), "not a whole hour"),
        (START.replace(tzinfo=timezone(timedelta(hours=5, minutes=30))), "not a whole hour"),
    ],
)
def test_a_time_that_is_no_hour_is_refused_with_what_to_do(hour: datetime, reason: str) -> None:
    with pytest.raises(ValueError, match=rf"{reason}.*: .+"):
        HourlyUsage({hour: 1})
    with pytest.raises(ValueError, match=reason):
        HourlyUsage({}, hour)


def test_the_first_hour_counts_in_proportion_and_the_current_one_whole() -> None:
    usage = make_usage([100, 10, 4])
    now = START + 2 * HOUR + timedelta(minutes=15)
    assert usage.sum_last(2 * HOUR, now) == Fraction(75 + 10 + 4)


def test_later_hours_are_not_read() -> None:
    usage = make_usage([1, 2, 1000])
    assert usage.sum_last(2 * HOUR, START + 2 * HOUR) == 3
    assert usage.get_active_share(2 * HOUR, START + 2 * HOUR) == 1


@given(AMOUNTS, st.integers(0, 200), st.integers(0, 200))
def test_sums_are_those_of_the_hours_between(amounts: list[int], first: int, count: int) -> None:
    start, end = START + first * HOUR, START + (first + count) * HOUR
    usage = make_usage(amounts)
    assert usage.sum_hours(start, end) == sum(amounts[first : first + count])
    assert sum(usage.sum_by_hour_of_day(start, end)) == sum(amounts[first : first + count])


@given(AMOUNTS)
def test_the_active_share_is_that_of_hours_with_usage(amounts: list[int]) -> None:
    now = START + len(amounts) * HOUR
    share = Fraction(sum(amount > 0 for amount in amounts), len(amounts))
    assert make_usage(amounts).get_active_share(now - START, now) == share


def test_an_empty_span_has_no_active_share() -> None:
    assert make_usage([1]).get_active_share(timedelta(0), START) == 0
