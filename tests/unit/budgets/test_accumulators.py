"""Sums of budgets are exact: additive, in any order, and equal to what cells add up to."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.budgets import (
    AccumulatorKey,
    Budget,
    BudgetAmount,
    BudgetBook,
    BudgetChanges,
    BudgetPeriod,
    BudgetScope,
    BudgetState,
    BudgetSubject,
    BudgetUnit,
    CurrentSums,
    DayPeriods,
    HourPeriods,
    MonthPeriods,
    PeriodRule,
    RollingHours,
    WideCellsError,
    compare_while_counting,
    make_weeks,
    rebuild,
)
from lambdas.domain.budgets.accumulators import accumulate
from lambdas.domain.budgets.current_sums import BOOK_LIFETIME
from lambdas.domain.counters import CellMinutes, SumUp, UsageChange, UsageTotals
from tests.budget_store import InMemoryBudgetStore
from tests.builders import ANA, BEN, HAIKU_3, NOON, SONNET_4
from tests.unit.budgets.builders import (
    DOLLAR,
    budget,
    budgets,
    change,
    changes,
    stored,
    usage,
)


def current_sums(store: InMemoryBudgetStore, cell_minutes: CellMinutes = 60) -> CurrentSums:
    return CurrentSums(store=store, cell_minutes=cell_minutes, clock=lambda: NOON)


BudgetSums = dict[AccumulatorKey, UsageTotals]
many = st.lists(changes, max_size=20)
some = st.lists(budgets, min_size=1, max_size=3, unique_by=lambda made: made.name)


def merge(*parts: BudgetSums) -> BudgetSums:
    """Add up sums key by key, as a store does."""
    merged: BudgetSums = {}
    for key, totals in chain.from_iterable(part.items() for part in parts):
        merged[key] = merged.get(key, UsageTotals.ZERO) + totals
    return {key: totals for key, totals in merged.items() if totals}


def to_cells(found: Sequence[UsageChange], minutes: int) -> list[UsageChange]:
    """Add up changes to cells of some minutes."""
    cells: dict[tuple[object, datetime], UsageChange] = {}
    for labels, minute, totals in found:
        start = minute.replace(minute=minute.minute - minute.minute % minutes)
        cell = cells.get((labels, start), UsageChange(labels, start, UsageTotals.ZERO))
        cells[labels, start] = cell._replace(totals=cell.totals + totals)
    return list(cells.values())


@given(many, many, some)
def test_sums_of_parts_add_up_to_the_sum_of_the_whole(
    first: list[UsageChange], second: list[UsageChange], made: list[Budget]
) -> None:
    entries = [stored(each) for each in made]
    parts = merge(accumulate(first, entries), accumulate(second, entries))
    assert accumulate([*first, *second], entries) == parts


@given(st.permutations(range(8)), st.lists(changes, min_size=8, max_size=8), some)
def test_the_order_of_changes_does_not_matter(
    order: list[int], found: list[UsageChange], made: list[Budget]
) -> None:
    entries = [stored(each) for each in made]
    assert accumulate([found[place] for place in order], entries) == accumulate(found, entries)


@given(many, some)
def test_a_correction_back_and_forth_leaves_nothing(
    found: list[UsageChange], made: list[Budget]
) -> None:
    entries = [stored(each) for each in made]
    back = [each._replace(totals=-each.totals) for each in found]
    assert accumulate([*found, *back], entries) == {}


@given(many, budgets)
def test_sums_equal_those_that_are_rebuilt_from_cells(
    found: list[UsageChange], made: Budget
) -> None:
    entry = stored(made)
    minutes = made.periods.cell_minutes
    rebuilt = rebuild(to_cells(found, minutes), entry, minutes)
    assert accumulate(found, [entry]) == rebuilt


@given(many, budgets)
def test_every_covered_change_is_in_one_sum(found: list[UsageChange], made: Budget) -> None:
    covered = UsageTotals.ZERO
    for each in found:
        if made.scope.includes(each.labels):
            covered += each.totals
    total = UsageTotals.ZERO
    for part in accumulate(found, [stored(made)]).values():
        total += part
    assert total == covered


def test_a_budget_over_all_models_limits_their_sum() -> None:
    found = [change(60, model_id=SONNET_4), change(60, model_id=HAIKU_3)]
    ((_, totals),) = accumulate(found, [stored(budget())]).items()
    assert totals.cost_picodollars == 120 * DOLLAR


def test_all_budgets_that_match_apply() -> None:
    entries = [
        stored(budget("account")),
        stored(budget("chat", scope=BudgetScope(project=("chat",)))),
        stored(budget("search", scope=BudgetScope(project=("search",)))),
    ]
    assert {key.budget for key in accumulate([change()], entries)} == {"account", "chat"}


def test_a_default_budget_has_a_sum_for_each_value() -> None:
    entry = stored(budget("default", per=BudgetSubject.IDENTITY))
    found = [change(1, identity_arn=ANA), change(2, identity_arn=BEN)]
    sums = {key.value: totals for key, totals in accumulate(found, [entry]).items()}
    assert sums == {ANA: usage(1), BEN: usage(2)}


def test_a_budget_set_by_name_replaces_the_default() -> None:
    default = budget("default", per=BudgetSubject.PROJECT)
    chat = budget(
        "chat", scope=BudgetScope(project=("chat",)), amount=BudgetAmount.from_usd(Decimal(900))
    )
    book = BudgetBook(1, {made.name: stored(made) for made in (default, chat)})
    assert book.is_replaced(default, "chat")
    assert not book.is_replaced(default, "search")
    assert not book.is_replaced(chat, "")


@pytest.mark.parametrize(
    "other",
    [
        BudgetScope(),
        BudgetScope(project=("chat*",)),
        BudgetScope(project=("chat", "search")),
        BudgetScope(project=("chat",), model=(SONNET_4,)),
        BudgetScope(identity=(ANA,)),
    ],
)
def test_a_narrower_or_wider_budget_does_not_replace_the_default(other: BudgetScope) -> None:
    default = budget("default", per=BudgetSubject.PROJECT)
    assert not budget("other", scope=other).replaces(default, "chat")


def test_a_default_with_a_scope_is_replaced_within_that_scope() -> None:
    default = budget("default", scope=BudgetScope(region=("eu-*",)), per=BudgetSubject.PROJECT)
    named = budget("chat", scope=BudgetScope(project=("chat",), region=("eu-*",)))
    assert named.replaces(default, "chat")
    assert not budget("chat", scope=BudgetScope(project=("chat",))).replaces(default, "chat")


@pytest.mark.parametrize(
    ("changes", "replaces"),
    [
        ({"periods": DayPeriods("Asia/Tokyo")}, True),
        ({"periods": DayPeriods("UTC", 7)}, False),
        ({"periods": MonthPeriods("UTC")}, False),
        ({"periods": HourPeriods("UTC")}, False),
        ({"periods": RollingHours(24)}, False),
        ({"amount": BudgetAmount.from_usd(Decimal(100_000))}, True),
        ({"amount": BudgetAmount(BudgetUnit.TOTAL_TOKENS, 10**12)}, False),
        ({"managed_by": "finance"}, True),
    ],
)
def test_a_budget_of_another_unit_or_length_of_periods_does_not_replace_the_default(
    changes: dict[str, Any], replaces: bool
) -> None:
    daily = {"periods": DayPeriods("UTC")}
    default = budget("default", per=BudgetSubject.PROJECT, **daily)
    own = budget("chat", scope=BudgetScope(project=("chat",)), **daily | changes)
    assert own.replaces(default, "chat") == replaces


@pytest.mark.parametrize(
    ("rule", "same", "other"),
    [
        (make_weeks("UTC", "monday"), make_weeks("Asia/Tokyo", "sunday"), DayPeriods("UTC")),
        (MonthPeriods("UTC", 3), MonthPeriods("UTC", 3, NOON.date()), MonthPeriods("UTC")),
        (HourPeriods("UTC"), HourPeriods("Asia/Kolkata"), RollingHours(2)),
        (RollingHours(24), RollingHours(24), RollingHours(48)),
    ],
)
def test_lengths_of_periods_are_the_same_in_all_zones_and_from_any_day(
    rule: PeriodRule, same: PeriodRule, other: PeriodRule
) -> None:
    assert rule.length == same.length
    assert rule.length != other.length


def test_a_late_call_is_added_to_the_period_of_its_own_minute() -> None:
    entry = stored(budget(periods=DayPeriods("UTC")))
    ((key, _),) = accumulate([change(minute=NOON - timedelta(days=3))], [entry]).items()
    assert key.slot.id == "2026-09-05"


def test_sums_of_generations_are_apart() -> None:
    old, new = (stored(budget(), generation) for generation in (1, 2))
    assert {key.generation for key in accumulate([change()], [old, new])} == {1, 2}


def test_a_window_is_the_sum_of_its_hours() -> None:
    entry = stored(budget(periods=RollingHours(3)))
    found = [change(1, NOON - timedelta(hours=hours)) for hours in range(5)]
    sums = accumulate(found, [entry])
    assert len(sums) == 5
    periods = entry.budget.periods
    slots = periods.list_slots(periods.period_at(NOON))
    costs = [totals.cost_picodollars for key, totals in sums.items() if key.slot in slots]
    assert costs == [DOLLAR] * 3


def test_a_difference_names_the_sum_and_both_figures() -> None:
    entry = stored(budget())
    accumulated, recomputed = (accumulate([change(cost)], [entry]) for cost in (1, 2))
    (difference,) = compare_while_counting(accumulated, recomputed, accumulated)
    assert difference.key.budget == "account"
    assert difference[1:] == (usage(1), usage(2))
    (missing,) = compare_while_counting({}, recomputed, {})
    assert missing.accumulated == UsageTotals.ZERO


def test_cells_of_an_hour_are_refused_for_a_zone_with_half_hours() -> None:
    entry = stored(budget("india", periods=HourPeriods("Asia/Kolkata")))
    with pytest.raises(WideCellsError, match="india needs cells of 15 minutes, not of 60"):
        rebuild([], entry, 60)


def test_the_period_of_a_key_has_its_times() -> None:
    ((key, _),) = accumulate([change()], [stored(budget())]).items()
    assert key.slot == BudgetPeriod(
        "2026-09-01", NOON.replace(day=1, hour=0), NOON.replace(month=10, day=1, hour=0)
    )


@given(many, many, some)
def test_counters_add_up_the_same_sums(
    first: list[UsageChange], second: list[UsageChange], made: list[Budget]
) -> None:
    entries = [stored(each) for each in made]
    sum_up = SumUp((), current_sums(InMemoryBudgetStore(entries)).accumulate)
    sums = sum_up.sum_up(first, NOON)
    sums.add(sum_up.sum_up(second, NOON))
    expected = accumulate([*first, *second], entries)
    assert sums.accumulators == {key.counter_key: totals for key, totals in expected.items()}
    assert len({(key.name, key.value) for key in expected}) == len(expected)


def test_a_sum_lasts_as_long_as_the_ledger_may_keep_its_calls() -> None:
    store = InMemoryBudgetStore([stored(budget("chat"))])
    ((key, _),) = current_sums(store).accumulate([change()]).sums.items()
    assert key.name == "budget#chat#1#2026-09-01"
    assert key.expires_at == NOON.replace(month=10, day=1, hour=0) + timedelta(days=400)


def test_budgets_are_read_again_after_some_seconds() -> None:
    store, now = InMemoryBudgetStore(), [NOON]
    sums = CurrentSums(store=store, cell_minutes=60, clock=lambda: now[0])
    assert not sums.accumulate([change()]).sums
    store.write(BudgetChanges((budget("chat"),)), 0)
    now[0] += BOOK_LIFETIME - timedelta(seconds=1)
    assert not sums.accumulate([change()]).sums
    now[0] += timedelta(seconds=1)
    assert len(sums.accumulate([change()]).sums) == 1


def test_budgets_are_read_again_when_the_clock_goes_back() -> None:
    store, now = InMemoryBudgetStore(), [NOON]
    sums = CurrentSums(store=store, cell_minutes=60, clock=lambda: now[0])
    assert not sums.accumulate([change()]).sums
    store.write(BudgetChanges((budget("chat"),)), 0)
    now[0] -= timedelta(hours=1)
    assert len(sums.accumulate([change()]).sums) == 1


def test_cells_note_the_revision_while_a_budget_is_completed_from_them() -> None:
    store = InMemoryBudgetStore([stored(budget("old"))])
    assert current_sums(store).accumulate([change()]).revision is None
    book = store.write(BudgetChanges((budget("new"),)), store.read().revision)
    assert current_sums(store).accumulate([change()]).revision == book.revision
    store.mark_active("new", book.revision)
    assert current_sums(store).accumulate([change()]).revision is None


def test_cells_note_nothing_for_a_budget_that_they_cannot_complete() -> None:
    india = stored(budget("india", periods=DayPeriods("Asia/Kolkata")), 1, BudgetState.BUILDING)
    store = InMemoryBudgetStore([india])
    assert current_sums(store).accumulate([change()]).revision is None
    assert current_sums(store, 15).accumulate([change()]).revision == 1
