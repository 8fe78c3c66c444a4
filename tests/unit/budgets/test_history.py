"""A replay finds when thresholds would have alerted."""

from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.budgets import (
    BudgetAmount,
    BudgetStatus,
    BudgetUnit,
    DayPeriods,
    RollingHours,
    replay_usage,
)
from lambdas.domain.budgets.budget_alerts import find_crossings, make_alerts
from lambdas.domain.budgets.history import PastCrossing
from lambdas.domain.counters import UsageTotals
from tests.budget_store import InMemoryAlertStore
from tests.builders import NOON
from tests.unit.budgets.builders import budget, stored

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
TOKENS = BudgetAmount(BudgetUnit.TOTAL_TOKENS, 100)
DAILY = budget(amount=TOKENS, periods=DayPeriods("UTC"))
MOVING = budget(amount=TOKENS, periods=RollingHours(24))

usages = st.dictionaries(
    st.integers(0, 60 * 24 * 4).map(lambda number: NOON + number * MINUTE),
    st.integers(1, 70),
    max_size=12,
)


def test_each_threshold_is_found_at_the_minute_of_its_call() -> None:
    (use,) = replay_usage(DAILY, {NOON: 49, NOON + MINUTE: 1, NOON + HOUR: 60})
    assert use.used == 110
    assert use.crossings == [
        PastCrossing(Decimal(50), NOON + MINUTE),
        PastCrossing(Decimal(80), NOON + HOUR),
        PastCrossing(Decimal(100), NOON + HOUR),
    ]


def test_a_new_period_begins_from_nothing() -> None:
    uses = replay_usage(DAILY, {NOON: 40, NOON + 24 * HOUR: 40})
    assert [(use.period.id, use.used, use.crossings) for use in uses] == [
        ("2026-09-08", 40, []),
        ("2026-09-09", 40, []),
    ]


def test_a_window_adds_up_its_last_hours_over_midnight() -> None:
    uses = replay_usage(MOVING, {NOON: 40, NOON + 23 * HOUR: 40, NOON + 24 * HOUR: 1})
    assert [use.used for use in uses] == [40, 80, 41]
    assert [len(use.crossings) for use in uses] == [0, 2, 0]


def test_a_window_that_stays_full_alerts_once_in_its_length() -> None:
    uses = replay_usage(MOVING, {NOON + hour * HOUR: 10 for hour in range(48)})
    times = [
        (crossing.minute - NOON) // HOUR
        for use in uses
        for crossing in use.crossings
        if crossing.percent == 100
    ]
    assert times == [9, 33]


def test_without_usage_there_are_no_periods() -> None:
    assert replay_usage(DAILY, {}) == []


@given(usages, st.sampled_from([DAILY, MOVING]))
def test_a_replay_alerts_as_an_evaluation_after_each_call_does(
    used_by_minute: dict[datetime, int], made: object
) -> None:
    assert made in (DAILY, MOVING)
    entry = stored(DAILY if made is DAILY else MOVING)
    store = InMemoryAlertStore()
    for now in sorted(used_by_minute):
        period = entry.budget.periods.period_at(now)
        used = sum(
            amount for minute, amount in used_by_minute.items() if period.start <= minute <= now
        )
        found = BudgetStatus(stored=entry, period=period, totals=UsageTotals(total_tokens=used))
        for alert in make_alerts(found, find_crossings(found, now), now):
            store.add_due(alert)
    replayed = {
        (use.period.id, crossing.percent)
        for use in replay_usage(entry.budget, used_by_minute)
        for crossing in use.crossings
    }
    stored_alerts = {(due.key.period.id, due.key.percent) for due in store.list_due()}
    assert replayed == stored_alerts
