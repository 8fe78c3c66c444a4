"""The usage that forecasts are calibrated on: each source once, and a fair sample of many."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.budgets import (
    BudgetAmount,
    BudgetScope,
    BudgetSubject,
    BudgetUnit,
    DayPeriods,
    RollingHours,
    UnpricedCeiling,
)
from lambdas.domain.counters import UsageTotals
from lambdas.domain.forecasting import HourlyUsage, UsageHistories, UsageHistory
from tests.builders import ANA, BEN, NOON
from tests.unit.budgets.builders import DOLLAR, budget, change

HOUR = timedelta(hours=1)
TOKENS = BudgetAmount(BudgetUnit.TOTAL_TOKENS, 5)
USED = UsageTotals(calls=1, total_tokens=7, cost_picodollars=DOLLAR)


def sum_all(histories: list[UsageHistory]) -> list[int]:
    """The usage of each history, in ascending order."""
    return sorted(sum_up(history.usage) for history in histories)


def sum_up(usage: HourlyUsage) -> int:
    return usage.sum_hours(NOON - timedelta(days=100), NOON + timedelta(days=100))


def test_the_scope_of_a_budget_and_each_identity_have_a_history() -> None:
    histories = UsageHistories([budget("chat", scope=BudgetScope(project=("chat",)))])
    histories.add(change(totals=USED, identity_arn=ANA, project="chat"))
    histories.add(change(minute=NOON + HOUR, totals=USED, identity_arn=BEN, project="chat"))
    histories.add(change(totals=USED, identity_arn=BEN, project="search"))
    assert sum_all(histories.list_histories()) == [7, 14, 2 * DOLLAR]


def test_usage_is_added_up_by_hour() -> None:
    histories = UsageHistories([])
    for minutes in (0, 59, 60):
        histories.add(change(minute=NOON + timedelta(minutes=minutes), totals=USED))
    ((_, usage),) = histories.list_histories()
    assert [usage.sum_hours(NOON + n * HOUR, NOON + (n + 1) * HOUR) for n in (0, 1)] == [14, 7]


def test_budgets_of_the_same_usage_count_once() -> None:
    scope = BudgetScope(project=("chat",))
    histories = UsageHistories(
        [
            budget("daily", scope=scope, periods=DayPeriods("UTC")),
            budget("monthly", scope=scope, amount=BudgetAmount.from_usd(Decimal(9))),
        ]
    )
    histories.add(change(totals=USED, project="chat"))
    assert sum_all(histories.list_histories()) == [7, DOLLAR]


def test_the_same_usage_in_several_units_is_one_source() -> None:
    scope = BudgetScope(identity=(ANA,))
    histories = UsageHistories(
        [
            budget("money", scope=scope),
            budget("dearer", scope=scope, unpriced_ceiling=UnpricedCeiling(Decimal(1), Decimal(2))),
            budget("each", per=BudgetSubject.IDENTITY, amount=TOKENS),
        ]
    )
    histories.add(change(totals=USED, identity_arn=ANA))
    listed = histories.list_histories()
    assert sum_all(listed) == [7, DOLLAR, DOLLAR]
    assert len({history.source for history in listed}) == 1


def test_a_value_of_a_default_budget_is_not_its_scope() -> None:
    each = budget("each", per=BudgetSubject.PROJECT)
    histories = UsageHistories([each, budget("account")])
    for project in ("chat", "search"):
        histories.add(change(totals=USED, project=project))
    listed = histories.list_histories()
    assert sum_all(listed) == [14, DOLLAR, DOLLAR, 2 * DOLLAR]
    assert len({history.source for history in listed}) == 4


def test_windows_that_move_have_no_forecast_and_no_history() -> None:
    histories = UsageHistories([budget("window", periods=RollingHours(24))])
    histories.add(change(totals=USED))
    assert sum_all(histories.list_histories()) == [7]


def test_no_name_is_kept_in_a_source() -> None:
    histories = UsageHistories([budget("each", per=BudgetSubject.PROJECT)])
    histories.add(change(totals=USED, identity_arn=ANA, project="secret"))
    assert not any(
        "secret" in each.source or ANA in each.source for each in histories.list_histories()
    )


@given(st.permutations(range(30)))
def test_of_many_identities_the_same_ones_are_kept_in_any_order(order: list[int]) -> None:
    def collect(numbers: list[int]) -> list[tuple[str, int]]:
        histories = UsageHistories([], max_sources=5)
        for number in [*numbers, *numbers]:
            histories.add(change(totals=USED, identity_arn=f"{ANA}-{number}"))
        return [(source, sum_up(usage)) for source, usage in histories.list_histories()]

    expected = collect(list(range(30)))
    assert len(expected) == 5
    assert collect(order) == expected
    assert {used for _, used in expected} == {14}


def test_many_values_of_a_default_budget_displace_no_scope_of_another() -> None:
    named = [budget("account"), budget("chat", scope=BudgetScope(project=("chat",)))]
    expected = UsageHistories(named, max_sources=5)
    histories = UsageHistories([*named, budget("each", per=BudgetSubject.IDENTITY)], max_sources=5)
    for number in range(60):
        used = change(totals=USED, identity_arn=f"{ANA}-{number}", project="chat")
        expected.add(used)
        histories.add(used)
    sources = {history.source for history in histories.list_histories()}
    scopes = {
        history.source
        for history in expected.list_histories()
        if sum_up(history.usage) == 60 * DOLLAR
    }
    assert len(scopes) == 2
    assert scopes <= sources


def test_another_salt_keeps_others_and_the_same_salt_the_same_ones() -> None:
    def list_kept(salt: str) -> set[int]:
        """Keep 5 of 50 identities, each with another number of tokens."""
        histories = UsageHistories([], max_sources=5, salt=salt)
        for number in range(50):
            used = replace(USED, total_tokens=1 + number)
            histories.add(change(totals=used, identity_arn=f"{ANA}-{number}"))
        return {sum_up(history.usage) for history in histories.list_histories()}

    assert list_kept("a") == list_kept("a")
    assert list_kept("a") != list_kept("b")
