"""The sums of the budgets in force, as counters add them up beside their cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lambdas.domain.budgets.accumulators import accumulate
from lambdas.domain.budgets.stored_budgets import BudgetStore, StoredBudget
from lambdas.domain.counters import Accumulated, CellMinutes, UsageChange

BOOK_LIFETIME = timedelta(seconds=5)
"""The time for which budgets are used before they are read again."""


@dataclass(slots=True, kw_only=True)
class CurrentSums:
    """Adds changes to the sums of the budgets in force.

    Cells note the revision of the book while a budget builds that is to be completed from cells.
    So a cell has two parts: what came in before the budget was known, and what its sum already has.

    Attributes:
        store: The stored budgets.
        cell_minutes: The length of the short cells.
        clock: The time.
    """

    store: BudgetStore
    cell_minutes: CellMinutes
    clock: Callable[[], datetime]
    _budgets: list[StoredBudget] = field(default_factory=list, init=False)
    _noted_revision: int | None = field(default=None, init=False)
    _read_at: datetime | None = field(default=None, init=False)

    def accumulate(self, changes: Sequence[UsageChange]) -> Accumulated:
        """Sum changes by budget and slot. A budget that cannot be read does not stop the others."""
        self._read_budgets()
        sums = accumulate(changes, self._budgets)
        return Accumulated(
            {key.counter_key: totals for key, totals in sums.items()}, self._noted_revision
        )

    def has_active_budgets(self) -> bool:
        """Say if a budget was active when budgets were last read."""
        return any(stored.is_active for stored in self._budgets)

    def _read_budgets(self) -> None:
        """Read budgets again, unless they were read just now."""
        now = self.clock()
        if self._read_at is not None and self._read_at <= now < self._read_at + BOOK_LIFETIME:
            return
        book = self.store.read()
        is_noted = any(is_built_from_cells(stored, self.cell_minutes) for stored in book)
        self._budgets, self._read_at = list(book), now
        self._noted_revision = book.revision if is_noted else None


def is_built_from_cells(stored: StoredBudget, cell_minutes: CellMinutes) -> bool:
    """Say if a budget builds, and cells are short enough to complete its sums from."""
    return not stored.is_active and cell_minutes <= stored.budget.periods.cell_minutes
