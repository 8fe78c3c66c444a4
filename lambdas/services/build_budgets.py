"""Completes sums of new and changed budgets from cells, and compares those of others with cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from lambdas.domain.budgets import (
    READINGS,
    AccumulatorDifference,
    AccumulatorKey,
    BudgetBook,
    BudgetPeriod,
    BudgetState,
    BudgetStore,
    BudgetSumStore,
    CellsExpiredError,
    StoredBudget,
    SumReading,
    UsageGap,
    WideCellsError,
    can_be_built,
    compare_while_counting,
    find_drift,
    is_known_everywhere,
    list_cell_ranges,
    list_incomplete_slots,
    read_sums,
    rebuild,
)
from lambdas.domain.counters import (
    ANNOUNCEMENT,
    Cell,
    CellMinutes,
    CountersUnavailableError,
    CountingState,
    UsageChange,
    UsageTotals,
)
from lambdas.domain.words import OUT_OF_TIME

_MINUTE_SECONDS = 60
_COUNTING = "calls of the ledger are being counted"
_ANNOUNCED = "batches of the stream that do not know it may still be running"
_CHANGED = "it has changed or was deleted"
_RESTARTED = "it could not be read for some time, and is built again"
MAX_BUILD_TIME = timedelta(minutes=30)
"""The time in which a budget becomes active, unless something is wrong."""
_NOTED_AFTER = timedelta(minutes=2)
"""The time, taken high, after which a run notes that a budget cannot be read: one runs a minute."""


class BuildReport(NamedTuple):
    """The result of a run.

    Attributes:
        activated: The names of budgets that became active.
        waiting: Why others are still building, by their names.
        unreadable: Why others cannot be read, by their names.
        resumed: The names of budgets that go on with sums that lack usage.
        overdue: The names of budgets that have been building for longer than `MAX_BUILD_TIME`,
            other than those that wait for a count of all calls.
    """

    activated: tuple[str, ...]
    waiting: Mapping[str, str]
    unreadable: Mapping[str, str]
    resumed: tuple[str, ...] = ()
    overdue: tuple[str, ...] = ()


class CheckReport(NamedTuple):
    """The result of a comparison.

    Attributes:
        budget: The name of the budget that was compared; `None` if none could be.
        differences: Its sums that differ from cells.
    """

    budget: str | None = None
    differences: Sequence[AccumulatorDifference] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetBuilder:
    """Builds budgets. Runs can overlap, and can end at any moment.

    A budget is announced first. Once every process that counts adds to its sums, cells have two
    parts: what came in before, and what sums have. The first part no longer changes, and is added
    to each sum once.

    Attributes:
        budgets: The stored budgets.
        sums: Their sums, and cells.
        cell_minutes: The length of the short cells.
    """

    budgets: BudgetStore
    sums: BudgetSumStore
    cell_minutes: CellMinutes

    def build(self, now: datetime, has_time: Callable[[], bool] = lambda: True) -> BuildReport:
        """Announce and complete all budgets that are building.

        A budget that cannot be read stops no other one. Its sums lack what is counted meanwhile, so
        it is built again as soon as it can be read. If cells of its period are no longer kept, it
        goes on with its sums, and is built again in its next period if they still lack usage there.

        Args:
            now: The time.
            has_time: Asked before each budget.
        """
        activated, resumed, waiting = list[str](), list[str](), dict[str, str]()
        state, book = self.sums.read_state(), self.budgets.read()
        for name in book.unreadable:
            self.budgets.mark_interrupted(name, now - _NOTED_AFTER)
        for stored in book:
            name = stored.budget.name
            if self._has_to_restart(stored, now):
                self.budgets.restart(name, stored.generation, self.budgets.read().revision)
                waiting[name] = _RESTARTED
            elif stored.interrupted_at is not None:
                self._resume(stored, stored.interrupted_at, now)
                resumed.append(name)
            elif not stored.is_active:
                reason = self._build(stored, state, now) if has_time() else OUT_OF_TIME
                if reason is None:
                    activated.append(name)
                else:
                    waiting[name] = reason
        overdue = tuple(
            name
            for name, reason in waiting.items()
            if reason != _COUNTING and _is_overdue(book.budgets[name], now)
        )
        unreadable = {name: budget.reason for name, budget in book.unreadable.items()}
        return BuildReport(tuple(activated), waiting, unreadable, tuple(resumed), overdue)

    def _has_to_restart(self, stored: StoredBudget, now: datetime) -> bool:
        """Say if sums lack usage, and can be built again or were not complete before."""
        periods = stored.budget.periods
        if stored.interrupted_at is None and stored.find_gap(periods.period_at(now)) is None:
            return False
        was_complete = stored.state is BudgetState.ACTIVE
        return not was_complete or can_be_built(periods, self.cell_minutes, now)

    def _resume(self, stored: StoredBudget, interrupted_at: datetime, now: datetime) -> None:
        """Let a budget go on with its sums, which lack usage until all processes know it again."""
        before = stored.find_gap(stored.budget.periods.period_at(now))
        since = interrupted_at if before is None else min(before.since, interrupted_at)
        gap = UsageGap(since, now + ANNOUNCEMENT)
        self.budgets.resume(stored.budget.name, stored.generation, gap)

    def _build(
        self, stored: StoredBudget, state: CountingState | None, now: datetime
    ) -> str | None:
        """Complete the sums of a budget; returns why it has to wait, or nothing."""
        budget = stored.budget
        announced_at = stored.announced_at
        if announced_at is None:
            is_known = self.budgets.announce(budget.name, stored.generation, now)
            return _ANNOUNCED if is_known else _CHANGED
        if not is_known_everywhere(announced_at, now):
            return _ANNOUNCED
        if state is None or state.incomplete_since is not None:
            return _COUNTING
        slots = list_incomplete_slots(budget.periods, announced_at, now)
        if is_known_everywhere(announced_at, state.counted_since):
            slots = []  # these cells were begun afterwards
        try:
            base = self._add_up(stored, slots, state, now, stored.generation)
            if not self.sums.write_base(state.generation, stored, base):
                return _CHANGED
        except (CellsExpiredError, CountersUnavailableError, WideCellsError) as error:
            return str(error)
        is_unchanged = self.budgets.mark_active(budget.name, stored.generation)
        return None if is_unchanged else _CHANGED

    def check(self, now: datetime) -> CheckReport:
        """Compare the sums of one active budget with cells, another one each minute.

        Usage is added meanwhile: sums are read before and after cells, and a figure of cells may
        lie between the two. Corrections that move calls between cells meanwhile can make a
        difference as well. So what is found is read more closely, see `find_drift`.
        """
        state = self.sums.read_state()
        active = [stored for stored in self.budgets.read() if stored.is_active]
        if state is None or not active:
            return CheckReport()
        stored = active[int(now.timestamp()) // _MINUTE_SECONDS % len(active)]
        periods = stored.budget.periods
        slots = periods.list_slots(periods.period_at(now))
        try:
            found = self._compare(stored, slots, state, now)
            if found:
                readings = [self._read(stored, slots, state, now) for _ in range(READINGS)]
                found = find_drift(readings, stored, self.cell_minutes)
        except (CellsExpiredError, WideCellsError):
            return CheckReport()
        if not self._is_unchanged(stored, state):
            return CheckReport()
        return CheckReport(stored.budget.name, found)

    def _compare(
        self,
        stored: StoredBudget,
        slots: Sequence[BudgetPeriod],
        state: CountingState,
        now: datetime,
    ) -> list[AccumulatorDifference]:
        before = read_sums(stored, slots, self.sums, state.generation)
        recomputed = self._add_up(stored, slots, state, now)
        after = read_sums(stored, slots, self.sums, state.generation)
        return compare_while_counting(before, recomputed, after)

    def _read(
        self,
        stored: StoredBudget,
        slots: Sequence[BudgetPeriod],
        state: CountingState,
        now: datetime,
    ) -> SumReading:
        before = list(self._read_cells(slots, state, now))
        sums = read_sums(stored, slots, self.sums, state.generation)
        return SumReading(before, sums, list(self._read_cells(slots, state, now)))

    def _add_up(
        self,
        stored: StoredBudget,
        slots: Sequence[BudgetPeriod],
        state: CountingState,
        now: datetime,
        before_revision: int | None = None,
    ) -> dict[AccumulatorKey, UsageTotals]:
        """Add up cells of some slots.

        Raises:
            CellsExpiredError: Some of these cells are no longer kept.
            WideCellsError: A cell may be in two slots.
        """
        if not slots:
            return {}
        changes = (
            UsageChange(key.labels, key.start, totals)
            for key, totals in self._read_cells(slots, state, now, before_revision)
        )
        return rebuild(changes, stored, self.cell_minutes)

    def _read_cells(
        self,
        slots: Sequence[BudgetPeriod],
        state: CountingState,
        now: datetime,
        before_revision: int | None = None,
    ) -> Iterator[Cell]:
        """Read the cells of some slots.

        Raises:
            CellsExpiredError: Some of them are no longer kept.
        """
        ranges = [
            cells for slot in slots for cells in list_cell_ranges(slot, self.cell_minutes, now)
        ]
        for cells in ranges:
            yield from self.sums.read_cells(state.generation, *cells, before_revision)

    def _is_unchanged(self, stored: StoredBudget, state: CountingState) -> bool:
        """Say if sums and cells were those of the same budget and count all the time."""
        book: BudgetBook = self.budgets.read()
        found = book.budgets.get(stored.budget.name)
        now = self.sums.read_state()
        return (
            found is not None
            and found.generation == stored.generation
            and now is not None
            and now.generation == state.generation
        )


def _is_overdue(stored: StoredBudget, now: datetime) -> bool:
    """Say if a budget has been building for too long."""
    return stored.announced_at is not None and now - stored.announced_at > MAX_BUILD_TIME
