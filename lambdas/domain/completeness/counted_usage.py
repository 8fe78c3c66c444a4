"""The usage in exact counters, as audits compare it with Bedrock's own metrics."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Protocol

from lambdas.domain.completeness.audit_window import AuditWindow
from lambdas.domain.completeness.quantities import Quantity, Totals
from lambdas.domain.counters import Cell, UsageTotals


class CountedUsage(Protocol):
    """Reads exact counters."""

    def sum_by_model(self, window: AuditWindow) -> Mapping[str, Totals] | None:
        """Sum an hour of the clock by model; `None` while counters do not have all calls."""


def sum_cells(cells: Iterable[Cell]) -> Mapping[str, Totals]:
    """Sum cells by their models. Cells do not have the number of calls without counts."""
    sums: defaultdict[str, Counter[Quantity]] = defaultdict(Counter)
    for cell in cells:
        sums[cell.key.labels.model_id].update(_read_quantities(cell.totals))
    return sums


def _read_quantities(totals: UsageTotals) -> dict[Quantity, int]:
    return {
        Quantity.CALLS: totals.calls,
        Quantity.FAILED_CALLS: totals.failed_calls,
        Quantity.INPUT: totals.input_tokens,
        Quantity.OUTPUT: totals.output_tokens,
        Quantity.CACHE_READ: totals.cache_read_tokens,
        Quantity.CACHE_WRITE: totals.cache_write_tokens,
    }
