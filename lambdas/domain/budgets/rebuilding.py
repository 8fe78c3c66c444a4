"""Completes sums of new budgets from cells: which cells, and for which slots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from lambdas.domain.budgets.budget import Budget
from lambdas.domain.budgets.descriptions import describe_period
from lambdas.domain.budgets.plan import BudgetPlanError
from lambdas.domain.counters import ANNOUNCEMENT, CellMinutes, CellSpan, get_spans
from lambdas.domain.periods import BudgetPeriod, PeriodRule

_ANY_MINUTES: CellMinutes = 60  # short cells of both lengths are kept equally long
_EARLY = timedelta(hours=1)
"""Calls may be counted this much before the time in their records, by clocks that are fast."""


class CellRange(NamedTuple):
    """A range of time whose cells of one length are added up.

    Attributes:
        span: Their length.
        start: The start of the range.
        end: Its end.
    """

    span: CellSpan
    start: datetime
    end: datetime


class CellsExpiredError(Exception):
    """Cells that a slot is the sum of are no longer kept. The text names the first of them.

    Attributes:
        cells: The range that they are in.
    """

    def __init__(self, cells: CellRange) -> None:
        """Name the first cell of a range."""
        super().__init__(f"cells of {cells.start:%Y-%m-%d %H:%M} UTC are no longer kept")
        self.cells = cells


def list_cell_ranges(
    slot: BudgetPeriod, cell_minutes: CellMinutes, now: datetime
) -> Iterator[CellRange]:
    """List the cells that a slot is the sum of: those of whole days, and short ones around them.

    Args:
        slot: The slot. Its bounds are bounds of short cells.
        cell_minutes: The length of the short cells.
        now: The time.

    Raises:
        CellsExpiredError: Some of these cells are no longer kept.
    """
    short, day = get_spans(cell_minutes)
    first, last = _ceil(slot.start, day), day.get_start(slot.end)
    if first < last:
        ranges = [
            CellRange(short, slot.start, first),
            CellRange(day, first, last),
            CellRange(short, last, slot.end),
        ]
    else:
        ranges = [CellRange(short, slot.start, slot.end)]
    for cells in ranges:
        if cells.start < cells.end:
            if cells.start + cells.span.retention <= now + _EARLY:
                raise CellsExpiredError(cells)
            yield cells


def can_be_built(periods: PeriodRule, cell_minutes: CellMinutes, now: datetime) -> bool:
    """Say if cells are kept, and short enough, to build the sums of the current period again.

    Args:
        periods: The periods of a budget.
        cell_minutes: The length of the short cells.
        now: The time.
    """
    if cell_minutes > periods.cell_minutes:
        return False
    try:
        for slot in periods.list_slots(periods.period_at(now)):
            list(list_cell_ranges(slot, cell_minutes, now))
    except CellsExpiredError:
        return False
    return True


def check_cells(budgets: Iterable[Budget], now: datetime) -> None:
    """Check that cells are kept from which the current period of new budgets can be completed.

    Raises:
        BudgetPlanError: Cells of some budgets are no longer kept.
    """
    problems = []
    for budget in budgets:
        period = budget.periods.period_at(now)
        try:
            for slot in budget.periods.list_slots(period):
                list(list_cell_ranges(slot, _ANY_MINUTES, now))
        except CellsExpiredError as error:
            problems.append(f"{budget.name}: {_explain(error.cells, budget.periods, period)}")
    if problems:
        raise BudgetPlanError(problems)


def _explain(cells: CellRange, periods: PeriodRule, period: BudgetPeriod) -> str:
    """Say why a period cannot be completed from cells, and what to do."""
    current = f"its current period is {describe_period(periods, period)}, and usage by the"
    later = "Apply it when the next period begins"
    days = CellSpan.DAY.retention.days
    if cells.span is CellSpan.DAY:
        return f"{current} day is kept for {days} days. {later}, or choose shorter periods"
    return (
        f"{current} hour is kept for {cells.span.retention.days} days. {later}, or use the time"
        f" zone UTC: usage by the day is kept for {days} days"
    )


def list_incomplete_slots(
    periods: PeriodRule, announced_at: datetime, now: datetime
) -> list[BudgetPeriod]:
    """List the slots of the current period that may have usage from before a budget was known.

    Args:
        periods: The periods of the budget.
        announced_at: The time of the budget's announcement, see `is_known_everywhere`.
        now: The time.
    """
    complete_from = announced_at + ANNOUNCEMENT + _EARLY
    slots = periods.list_slots(periods.period_at(now))
    return [slot for slot in slots if slot.start < complete_from]


def is_known_everywhere(announced_at: datetime, now: datetime) -> bool:
    """Say if every process that counts knows a budget by now.

    Processes read budgets again after some seconds, and what they write with older ones is written
    within the time of a batch.
    """
    return now >= announced_at + ANNOUNCEMENT


def _ceil(moment: datetime, span: CellSpan) -> datetime:
    start = span.get_start(moment)
    return start if start == moment else start + span.length
