"""Reads the usage of a budget's current period from its sums."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from lambdas.domain.budgets.accumulators import AccumulatorKey
from lambdas.domain.budgets.budget import NO_VALUE
from lambdas.domain.budgets.ports import SumReader
from lambdas.domain.budgets.status import BudgetStatus
from lambdas.domain.budgets.stored_budgets import BudgetBook, StoredBudget
from lambdas.domain.counters import CountingState, UsageTotals


def read_statuses(
    book: BudgetBook, stored: StoredBudget, sums: SumReader, state: CountingState, now: datetime
) -> Iterator[BudgetStatus]:
    """Read the usage of a budget's current period, of a default budget for each value by itself.

    Values that a budget set by name replaces it for are left out.

    Args:
        book: All budgets.
        stored: The budget.
        sums: The sums.
        state: The counting state.
        now: The time.
    """
    period = stored.budget.periods.period_at(now)
    totals: dict[str, UsageTotals] = {}
    for value, added in _read_sums(stored, sums, state.generation, now):
        totals[value] = totals.get(value, UsageTotals.ZERO) + added
    for value, total in sorted(totals.items()):
        if not book.is_replaced(stored.budget, value):
            yield BudgetStatus(
                stored=stored,
                period=period,
                totals=total,
                value=value,
                incomplete_since=state.incomplete_since,
            )


def _read_sums(
    stored: StoredBudget, sums: SumReader, generation: int, now: datetime
) -> Iterator[tuple[str, UsageTotals]]:
    periods = stored.budget.periods
    names = [
        AccumulatorKey(stored.budget.name, stored.generation, NO_VALUE, slot).name
        for slot in periods.list_slots(periods.period_at(now))
    ]
    if stored.budget.per is None:
        for totals in sums.read_accumulators(generation, names).values():
            yield NO_VALUE, totals
        return
    for name in names:
        yield from sums.read_values(generation, name).items()
