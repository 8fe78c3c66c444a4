"""Finds sums that differ from cells, while both are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from lambdas.domain.budgets.accumulators import AccumulatorDifference, AccumulatorKey, rebuild
from lambdas.domain.budgets.stored_budgets import StoredBudget
from lambdas.domain.counters import Cell, CellKey, UsageChange, UsageTotals

READINGS = 3
"""The number of readings that have to agree on a difference."""


class SumReading(NamedTuple):
    """Sums of a budget, and its cells before and after.

    Attributes:
        before: The cells, as they were read before the sums.
        sums: The sums.
        after: The cells, as they were read after the sums.
    """

    before: Sequence[Cell]
    sums: Mapping[AccumulatorKey, UsageTotals]
    after: Sequence[Cell]


class _Difference(NamedTuple):
    """The least and the most that a sum may be above cells, by figure."""

    least: tuple[int, ...]
    most: tuple[int, ...]


def find_drift(
    readings: Sequence[SumReading], budget: StoredBudget, cell_minutes: int
) -> list[AccumulatorDifference]:
    """Find sums that differ from cells by the same amount in all readings.

    Cells are read one after another, so a call that moves from one to another may be seen twice or
    not at all. But at the time of the sums each cell lay between its two reads. So a sum may be
    anything between the total of the lower reads and that of the higher ones.

    Args:
        readings: The readings, at least one.
        budget: The budget.
        cell_minutes: The length of the short cells.

    Raises:
        WideCellsError: A cell may be in two slots of the budget.
    """
    measured = [_measure(reading, budget, cell_minutes) for reading in readings]
    common = set.intersection(*(set(differences) for differences in measured))
    last = readings[-1]
    after = (UsageChange(key.labels, key.start, totals) for key, totals in last.after)
    recomputed = rebuild(after, budget, cell_minutes)
    return [
        AccumulatorDifference(
            key, last.sums.get(key, UsageTotals.ZERO), recomputed.get(key, UsageTotals.ZERO)
        )
        for key in sorted(common)
        if _agree([differences[key] for differences in measured])
    ]


def _measure(
    reading: SumReading, budget: StoredBudget, cell_minutes: int
) -> dict[AccumulatorKey, _Difference]:
    before, after = dict(reading.before), dict(reading.after)
    lower = rebuild(_choose(min, before, after), budget, cell_minutes)
    higher = rebuild(_choose(max, before, after), budget, cell_minutes)
    return {
        key: _Difference(
            least=_subtract(reading.sums.get(key), higher.get(key)),
            most=_subtract(reading.sums.get(key), lower.get(key)),
        )
        for key in reading.sums.keys() | lower.keys() | higher.keys()
    }


def _choose(
    choose: Callable[[int, int], int],
    before: Mapping[CellKey, UsageTotals],
    after: Mapping[CellKey, UsageTotals],
) -> Iterator[UsageChange]:
    """Choose one of the two reads of each figure of each cell."""
    for key in before.keys() | after.keys():
        reads = (cells.get(key, UsageTotals.ZERO).figures for cells in (before, after))
        yield UsageChange(key.labels, key.start, UsageTotals(*map(choose, *reads)))


def _subtract(one: UsageTotals | None, other: UsageTotals | None) -> tuple[int, ...]:
    return ((one or UsageTotals.ZERO) - (other or UsageTotals.ZERO)).figures


def _agree(differences: Sequence[_Difference]) -> bool:
    """Say if a figure can be the same in all readings, but not 0."""
    least = map(max, zip(*(difference.least for difference in differences), strict=True))
    most = map(min, zip(*(difference.most for difference in differences), strict=True))
    return any(low <= high and not low <= 0 <= high for low, high in zip(least, most, strict=True))
