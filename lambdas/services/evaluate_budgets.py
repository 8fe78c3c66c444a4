"""Evaluates budgets: finds the thresholds that usage has newly reached, and stores their alerts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from lambdas.domain.budgets import (
    AccumulatorKey,
    AlertStore,
    BudgetBook,
    BudgetStatus,
    BudgetStore,
    StatusDetails,
    StoredBudget,
    SumReader,
    find_crossings,
    make_alerts,
)
from lambdas.domain.counters import UsageTotals


class EvaluatedValue(NamedTuple):
    """A sum of a budget that is evaluated.

    Attributes:
        budget: The name of the budget.
        value: The value of a default budget; else empty.
    """

    budget: str
    value: str


@dataclass(frozen=True, slots=True)
class BudgetEvaluation:
    """The result of an evaluation.

    Attributes:
        evaluated: The number of sums that were evaluated.
        alerts: The number of alerts that are due since.
    """

    evaluated: int
    alerts: int


@dataclass(frozen=True, slots=True)
class BudgetEvaluator:
    """Evaluates sums of the current periods. To repeat it at any time is safe.

    Attributes:
        budgets: The stored budgets.
        sums: Their sums.
        alerts: The stored alerts.
        details: Adds details to a status.
    """

    budgets: BudgetStore
    sums: SumReader
    alerts: AlertStore
    details: StatusDetails

    def evaluate(self, values: Iterable[EvaluatedValue], now: datetime) -> BudgetEvaluation:
        """Evaluate sums after usage was added to them.

        Budgets that are building, replaced for a value or deleted are left out.

        Args:
            values: The sums.
            now: The time.
        """
        statuses = list(self._read_statuses(self.budgets.read(), set(values), now))
        stored = 0
        for status in statuses:
            if not find_crossings(status, now):
                continue
            detailed = self.details.add_to(status)
            alerts = make_alerts(detailed, find_crossings(detailed, now), now)
            stored += sum(map(self.alerts.add_due, alerts))
        return BudgetEvaluation(len(statuses), stored)

    def _read_statuses(
        self, book: BudgetBook, values: set[EvaluatedValue], now: datetime
    ) -> Iterator[BudgetStatus]:
        chosen = [
            (book.budgets[name], value)
            for name, value in sorted(values)
            if name in book.budgets and _is_in_force(book, book.budgets[name], value)
        ]
        names = {entry: _list_sums(*entry, now) for entry in chosen}
        totals = self.sums.read_accumulators([name for part in names.values() for name in part])
        for stored, value in chosen:
            total = UsageTotals.ZERO
            for name in names[stored, value]:
                total += totals.get(name, UsageTotals.ZERO)
            period = stored.budget.periods.period_at(now)
            yield BudgetStatus(stored=stored, period=period, totals=total, value=value)


def _is_in_force(book: BudgetBook, stored: StoredBudget, value: str) -> bool:
    return stored.is_active and not book.is_replaced(stored.budget, value)


def _list_sums(stored: StoredBudget, value: str, now: datetime) -> list[str]:
    """List the names of the sums that a period is made of."""
    budget, periods = stored.budget, stored.budget.periods
    return [
        AccumulatorKey(budget.name, stored.generation, value, slot).name
        for slot in periods.list_slots(periods.period_at(now))
    ]
