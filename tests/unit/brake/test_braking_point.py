"""The brake acts before the limit, by the growth of a sum and the measured reaction time."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.brake import ASSUMED_REACTION, MAX_REACTION, BurnRates, estimate_reaction
from lambdas.domain.budgets import RollingHours, StoredBudget
from lambdas.domain.counters import UsageTotals
from tests.builders import ANA, NOON
from tests.unit.brake.builders import DAY, MINUTE, active, daily, status
from tests.unit.budgets.builders import DOLLAR

HUNDRED = daily(limit=100)
CENT = DOLLAR // 100


def spent(cents: int, calls: int = 0) -> UsageTotals:
    return UsageTotals(calls=calls, cost_picodollars=cents * CENT)


def note(
    rates: BurnRates, entry: StoredBudget, totals: UsageTotals, now: datetime, **others: Any
) -> Any:
    found = status(entry, totals, now=now, **others)
    rates.note([found], now)
    return found


def test_the_reserve_is_the_growth_in_the_reaction_time_and_one_call() -> None:
    rates, entry = BurnRates(), active(HUNDRED)
    for minute in range(6):
        found = note(rates, entry, spent(6000 + 100 * minute, 60 + minute), NOON + minute * MINUTE)
    assert rates.get_reserve(found, timedelta(seconds=90)) == 150 * CENT + 100 * CENT


@pytest.mark.parametrize("seconds", [1, 5, 29, 30, 60])
def test_only_the_last_five_minutes_count_however_often_sums_are_read(seconds: int) -> None:
    rates, entry, step = BurnRates(), active(HUNDRED), timedelta(seconds=seconds)
    for number in range(30 * MINUTE // step):
        cents = 6000 + (900 if number * step > 10 * MINUTE else 0)
        found = note(rates, entry, spent(cents, 69), NOON + number * step)
    assert rates.get_reserve(found, ASSUMED_REACTION) == 100 * CENT


@pytest.mark.parametrize("seconds", [1, 5, 29, 30, 60])
def test_growth_that_begins_counts_in_full_after_five_minutes(seconds: int) -> None:
    rates, entry, step = BurnRates(), active(HUNDRED), timedelta(seconds=seconds)
    start = 20 * MINUTE
    for number in range(26 * MINUTE // step + 1):
        cents = max(0, (number * step - start) // timedelta(seconds=1))
        found = note(rates, entry, spent(6000 + cents, 60 + cents), NOON + number * step)
    expected = ASSUMED_REACTION // timedelta(seconds=1) * CENT + CENT
    assert rates.get_reserve(found, ASSUMED_REACTION) == expected


def test_without_an_earlier_reading_only_the_last_call_is_in_reserve() -> None:
    rates = BurnRates()
    found = note(rates, active(HUNDRED), spent(6000, 60), NOON)
    assert rates.get_reserve(found, ASSUMED_REACTION) == 100 * CENT


def test_a_jump_within_seconds_counts_as_that_of_a_minute() -> None:
    rates, entry = BurnRates(), active(HUNDRED)
    note(rates, entry, spent(6000, 60), NOON)
    found = note(rates, entry, spent(6100, 61), NOON + timedelta(seconds=1))
    assert rates.get_reserve(found, timedelta(minutes=1)) == 200 * CENT


def test_the_reserve_is_at_most_a_fifth_of_the_amount() -> None:
    rates, entry = BurnRates(), active(HUNDRED)
    note(rates, entry, spent(5000, 1), NOON)
    found = note(rates, entry, spent(7900, 2), NOON + MINUTE)
    assert rates.get_reserve(found, timedelta(hours=1)) == 20 * DOLLAR


@pytest.mark.parametrize(
    ("generation", "now"), [(1, NOON + DAY), (2, NOON + MINUTE)], ids=["period", "generation"]
)
def test_a_new_period_or_generation_is_no_negative_growth(generation: int, now: datetime) -> None:
    rates = BurnRates()
    note(rates, active(HUNDRED), spent(9000, 90), NOON)
    found = note(rates, active(HUNDRED, generation), spent(6000, 60), now)
    assert rates.get_reserve(found, ASSUMED_REACTION) == 100 * CENT


def test_a_correction_that_lowers_a_sum_is_no_growth() -> None:
    rates, entry = BurnRates(), active(HUNDRED)
    note(rates, entry, spent(9000, 90), NOON)
    found = note(rates, entry, spent(8000, 90), NOON + MINUTE)
    assert rates.get_reserve(found, ASSUMED_REACTION) == -(-8000 * CENT // 90)


def test_a_window_that_moves_by_the_hour_keeps_its_readings() -> None:
    rates, entry = BurnRates(), active(daily(limit=100, periods=RollingHours(24)))
    last = NOON + timedelta(minutes=59)
    note(rates, entry, spent(6000, 60), last)
    found = note(rates, entry, spent(6100, 61), last + MINUTE)
    assert rates.get_reserve(found, timedelta(minutes=1)) == 200 * CENT


def test_sums_far_from_their_limit_are_not_kept() -> None:
    rates, entry = BurnRates(), active(HUNDRED)
    found = note(rates, entry, spent(4999, 1), NOON)
    assert rates.get_last_reading(found, NOON + MINUTE) is None
    assert rates.get_reserve(found, ASSUMED_REACTION) == 0


def test_memory_is_bounded_whatever_the_number_of_callers_and_readings() -> None:
    rates, entry = BurnRates(), active(HUNDRED)
    many = [status(entry, 60 + number / 1000, f"caller-{number}") for number in range(1500)]
    for number in range(80):
        rates.note(many, NOON + number * timedelta(seconds=10))
    kept = [found for found in many if rates.get_last_reading(found, NOON + DAY)]
    assert kept == many[500:]
    assert max(len(each.readings) for each in rates._sums.values()) <= 14  # noqa: SLF001


def test_the_last_reading_is_the_one_before_now() -> None:
    rates, entry = BurnRates(), active(HUNDRED)
    note(rates, entry, spent(6000), NOON)
    found = note(rates, entry, spent(6100), NOON + MINUTE)
    assert rates.get_last_reading(found, NOON + MINUTE) == NOON
    assert rates.get_last_reading(found, NOON) is None
    assert rates.get_last_reading(status(entry, 60, ANA), NOON + MINUTE) is None


def test_a_long_reaction_time_is_assumed_until_some_are_measured() -> None:
    assert estimate_reaction([]) == timedelta(seconds=120)
    short, long = timedelta(seconds=30), timedelta(seconds=300)
    assert estimate_reaction([short] * 9) == timedelta(seconds=120)
    assert estimate_reaction([long]) == long
    assert estimate_reaction([short] * 10) == short
    assert estimate_reaction([short] * 49 + [long]) == long


def test_a_reaction_time_that_measured_an_idle_brake_counts_as_the_maximum() -> None:
    """One of 46 minutes made the reserve of every growing sum the largest one for weeks."""
    assert timedelta(minutes=12) == MAX_REACTION
    assert estimate_reaction([timedelta(minutes=46)]) == MAX_REACTION
    assert estimate_reaction([timedelta(minutes=46)] + 49 * [MINUTE]) == MAX_REACTION


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=20), st.integers(0, 600))
def test_the_reserve_is_never_negative_nor_above_a_fifth(growth: list[int], seconds: int) -> None:
    rates, entry = BurnRates(), active(HUNDRED)
    cents = 5000
    for number, more in enumerate(growth):
        cents += more
        found = note(rates, entry, spent(cents, number), NOON + number * MINUTE)
        assert 0 <= rates.get_reserve(found, timedelta(seconds=seconds)) <= 20 * DOLLAR
