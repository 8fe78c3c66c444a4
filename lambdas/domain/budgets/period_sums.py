"""Reads the usage of a budget's current period from its sums."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from lambdas.domain.budgets.accumulators import AccumulatorKey
from lambdas.domain.budgets.budget import NO_VALUE
from lambdas.domain.budgets.ports import SumReader
from lambdas.domain.budgets.status import BudgetStatus
from lambdas.domain.budgets.stored_budgets import BudgetBook, StoredBudget
from lambdas.domain.counters import CountingState, UsageTotals
from lambdas.domain.periods import BudgetPeriod


def read_statuses(  # noqa: PLR0913  # what it reads, and how much of it
    book: BudgetBook,
    stored: StoredBudget,
    sums: SumReader,
    state: CountingState,
    now: datetime,
    *,
    max_values: int | None = None,
) -> Iterator[BudgetStatus]:
    """Read the usage of a budget's current period, of a default budget for each value by itself.

    Values that a budget set by name replaces it for are left out.

    Args:
        book: All budgets.
        stored: The budget.
        sums: The sums.
        state: The counting state.
        now: The time.
        max_values: The values of a default budget that are read at most, in a slot.

    Raises:
        TooManyValuesError: A default budget has more of them.
    """
    periods = stored.budget.periods
    period = periods.period_at(now)
    incomplete_since = find_incomplete_since(stored, period, state)
    totals: dict[str, UsageTotals] = {}
    found = read_sums(stored, periods.list_slots(period), sums, state.generation, max_values)
    for key, added in found.items():
        totals[key.value] = totals.get(key.value, UsageTotals.ZERO) + added
    for value, total in sorted(totals.items()):
        if not book.is_replaced(stored.budget, value):
            yield BudgetStatus(
                stored=stored,
                period=period,
                totals=total,
                value=value,
                incomplete_since=incomplete_since,
            )


def find_incomplete_since(
    stored: StoredBudget, period: BudgetPeriod, state: CountingState
) -> datetime | None:
    """Find the time from which usage of a budget's period may be missing; `None` if all is counted.

    Calls may still be counted, or the budget could not be read for a time.
    """
    gap = stored.find_gap(period)
    times = [state.incomplete_since, None if gap is None else gap.since]
    return min((time for time in times if time is not None), default=None)


def read_sums(
    stored: StoredBudget,
    slots: Iterable[BudgetPeriod],
    sums: SumReader,
    generation: int,
    max_values: int | None = None,
) -> dict[AccumulatorKey, UsageTotals]:
    """Read the sums of some slots of a budget; those that nothing was added to are left out.

    Args:
        stored: The budget.
        slots: The slots.
        sums: The sums.
        generation: The generation of cells.
        max_values: The values of a default budget that are read at most, in a slot.

    Raises:
        TooManyValuesError: A default budget has more of them.
    """
    keys = [AccumulatorKey(stored.budget.name, stored.generation, NO_VALUE, slot) for slot in slots]
    if stored.budget.per is None:
        found = sums.read_accumulators(generation, [key.name for key in keys])
        return {key: found[key.name] for key in keys if key.name in found}
    return {
        key._replace(value=value): totals
        for key in keys
        for value, totals in sums.read_values(generation, key.name, max_values).items()
    }
