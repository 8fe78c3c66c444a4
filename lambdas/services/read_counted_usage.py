"""Reads the usage of hours from exact counters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lambdas.domain.budgets import SumReader
from lambdas.domain.completeness import AuditWindow, Totals
from lambdas.domain.completeness.counted_usage import sum_cells
from lambdas.domain.counters import CellMinutes, get_spans


@dataclass(frozen=True, slots=True)
class CountedUsageReader:
    """Sums the cells of an hour, as a `CountedUsage`.

    Attributes:
        counters: The counters.
        cell_minutes: The length of their short cells.
    """

    counters: SumReader
    cell_minutes: CellMinutes

    def sum_by_model(self, window: AuditWindow) -> Mapping[str, Totals] | None:
        """Sum an hour of the clock by model.

        Returns:
            The sums; `None` if nothing is counted yet, or calls of the ledger are being counted.
        """
        state = self.counters.read_state()
        if state is None or state.incomplete_since is not None:
            return None
        span, _ = get_spans(self.cell_minutes)
        return sum_cells(self.counters.read_cells(state.generation, span, window.start, window.end))
