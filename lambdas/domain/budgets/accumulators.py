"""Sums of usage by budget and slot: of changes as they come, or of cells afterwards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from operator import add, attrgetter
from typing import NamedTuple

from lambdas.domain.budgets.stored_budgets import StoredBudget
from lambdas.domain.counters import FIGURE_NAMES, UsageChange, UsageLabels, UsageTotals
from lambdas.domain.counters import AccumulatorKey as CounterKey
from lambdas.domain.periods import BudgetPeriod, PeriodRule

_get_figures = attrgetter(*FIGURE_NAMES)
ACCUMULATOR_RETENTION = timedelta(days=400)
"""As long as the ledger may keep calls, so that no late call starts a new sum."""


class AccumulatorKey(NamedTuple):
    """The key of a sum.

    Attributes:
        budget: The name of the budget.
        generation: Its generation.
        value: The value that a default budget is for; else empty.
        slot: The slot, which is the period or an hour of a window.
    """

    budget: str
    generation: int
    value: str
    slot: BudgetPeriod

    @property
    def name(self) -> str:
        """A text that sums of other budgets, generations and slots do not have."""
        return "#".join(["budget", self.budget, str(self.generation), self.slot.id])

    @property
    def counter_key(self) -> CounterKey:
        """The key of the accumulator. It expires when the ledger takes no call of the slot."""
        return CounterKey(self.name, self.value, self.slot.end + ACCUMULATOR_RETENTION)


class AccumulatorDifference(NamedTuple):
    """A sum that is not what cells say.

    Attributes:
        key: The key of the sum.
        accumulated: The sum.
        recomputed: The same usage, added up from cells.
    """

    key: AccumulatorKey
    accumulated: UsageTotals
    recomputed: UsageTotals


class WideCellsError(Exception):
    """Cells are longer than a budget's periods need. The text names both."""


def accumulate(
    changes: Iterable[UsageChange], budgets: Collection[StoredBudget]
) -> dict[AccumulatorKey, UsageTotals]:
    """Add up changes of usage for each budget that covers them.

    The order of changes does not matter, and sums of parts add up to the sum of the whole. A
    default budget counts every value, also one that a budget set by name replaces it for: so sums
    stay complete when that budget is deleted.

    Returns:
        What to add to each sum; none of them is 0.
    """
    covering: dict[UsageLabels, list[tuple[StoredBudget, str]]] = {}
    slots = _Slots()
    sums: dict[AccumulatorKey, list[int]] = {}
    for labels, minute, totals in changes:
        figures = _get_figures(totals)
        if labels not in covering:
            covering[labels] = [
                (stored, stored.budget.read_value(labels))
                for stored in budgets
                if stored.budget.scope.includes(labels)
            ]
        for stored, value in covering[labels]:
            budget = stored.budget
            slot = slots.find(budget.periods, minute)
            key = AccumulatorKey(budget.name, stored.generation, value, slot)
            sums[key] = [*map(add, sums[key], figures)] if key in sums else [*figures]
    return {key: UsageTotals(*figures) for key, figures in sums.items() if any(figures)}


class _Slots:
    """Finds slots. Most changes of a batch are in the slot of the change before."""

    def __init__(self) -> None:
        self._last: dict[PeriodRule, BudgetPeriod] = {}

    def find(self, rule: PeriodRule, minute: datetime) -> BudgetPeriod:
        """Find the slot of a minute."""
        last = self._last.get(rule)
        if last is None or not last.includes(minute):
            last = self._last[rule] = rule.slot_at(minute)
        return last


def rebuild(
    cells: Iterable[UsageChange], budget: StoredBudget, cell_minutes: int
) -> dict[AccumulatorKey, UsageTotals]:
    """Add up one budget's sums from cells.

    Args:
        cells: The cells, each as the change that it is the sum of, with its first minute.
        budget: The budget.
        cell_minutes: The length of the cells.

    Raises:
        WideCellsError: A cell may be in two slots of the budget.
    """
    needed = budget.budget.periods.cell_minutes
    if cell_minutes > needed:
        message = (
            f"budget {budget.budget.name} needs cells of {needed} minutes, not of {cell_minutes}"
        )
        raise WideCellsError(message)
    return accumulate(cells, [budget])


def compare_while_counting(
    before: Mapping[AccumulatorKey, UsageTotals],
    recomputed: Mapping[AccumulatorKey, UsageTotals],
    after: Mapping[AccumulatorKey, UsageTotals],
) -> list[AccumulatorDifference]:
    """Compare sums with cells that were read between two reads of the sums.

    A figure of cells that lies between those of the two reads is no difference.
    """
    differences = []
    for key in sorted(before.keys() | recomputed.keys() | after.keys()):
        first, cells, last = (
            sums.get(key, UsageTotals.ZERO) for sums in (before, recomputed, after)
        )
        figures = zip(first.figures, cells.figures, last.figures, strict=True)
        if any(not min(low, high) <= figure <= max(low, high) for low, figure, high in figures):
            differences.append(AccumulatorDifference(key, last, cells))
    return differences
