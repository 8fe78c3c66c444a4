"""The cost of usage in log files, by hour and labels, which draws credits down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from dashboards.reports.usage_changes import list_usage_changes
from lambdas.domain.attribution import AttributionRules
from lambdas.domain.calls import CallEnricher
from lambdas.domain.counters import CellSpan
from lambdas.domain.credits import CellId
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.pricing import Pricing

_HOUR = CellSpan.HOUR


class CreditUsage:
    """Adds up the cost of calls by cell, as the counters of a deployment do.

    Attributes:
        picodollars: The cost by cell.
        unpriced: The calls without a known price by cell. They draw nothing down.
        end: The end of the hour of the last call; the current hour without calls.
    """

    def __init__(self, pricing: Pricing, rules: AttributionRules, now: datetime) -> None:
        """Begin without calls, and leave out those with an impossible time."""
        self.picodollars = Counter[CellId]()
        self.unpriced = Counter[CellId]()
        self._now = now
        self._enricher = CallEnricher(pricing, rules)

    @property
    def end(self) -> datetime:
        """The end of the hour of the last call; the current hour without calls."""
        hours = (cell.hour + _HOUR.length for cell in self.picodollars)
        return max(hours, default=_HOUR.get_start(self._now))

    def apply(self, changes: Sequence[LedgerChange]) -> None:
        """Take in calls that are new or were read otherwise."""
        for change in list_usage_changes(changes, self._enricher, self._now):
            cell = CellId(_HOUR.get_start(change.minute), change.labels)
            self.picodollars[cell] += change.totals.cost_picodollars
            self.unpriced[cell] += change.totals.unpriced_calls
