"""Lets the gateway limit by budgets: their counters there follow what was counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from lambdas.domain.budgets import (
    BudgetBook,
    BudgetStore,
    StoredBudget,
    SumReader,
    find_gateway_subject,
    read_statuses,
)
from lambdas.domain.counters import CountersUnavailableError, CountingState, TooManyValuesError
from lambdas.domain.limits import CountedLimits, LimitStoreError

MAX_VALUES = 10_000
"""The values of a default budget that are raised. One with more of them fails alone."""


@dataclass(slots=True)
class EnforcedBudgets:
    """The result of a run.

    Attributes:
        subjects: The number of budgets, and values of default budgets, that were looked at.
        raised: The number of those whose counter changed.
        failures: The budgets that failed, by name, with the error.
    """

    subjects: int = 0
    raised: int = 0
    failures: dict[str, Exception] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BudgetEnforcer:
    """Raises counters of the gateway to the usage of budgets. To repeat a run changes nothing.

    Attributes:
        budgets: The stored budgets.
        sums: Their sums.
        limits: The counters of the gateway.
    """

    budgets: BudgetStore
    sums: SumReader
    limits: CountedLimits

    def enforce(self, now: datetime) -> EnforcedBudgets:
        """Raise the counters of all budgets. A budget that fails stops no other one."""
        result = EnforcedBudgets()
        state = self.sums.read_state()
        if state is None:
            return result
        book = self.budgets.read()
        for stored in book:
            try:
                self._enforce(result, book, stored, state, now)
            except (CountersUnavailableError, LimitStoreError, TooManyValuesError) as error:
                result.failures[stored.budget.name] = error
        return result

    def _enforce(
        self,
        result: EnforcedBudgets,
        book: BudgetBook,
        stored: StoredBudget,
        state: CountingState,
        now: datetime,
    ) -> None:
        if find_gateway_subject(stored) is None:
            return
        for status in read_statuses(book, stored, self.sums, state, now, max_values=MAX_VALUES):
            subject = find_gateway_subject(stored, status.value)
            if subject is not None:
                (limit,) = subject.limits
                result.subjects += 1
                result.raised += self.limits.raise_counter(subject, limit, status.used, now)
