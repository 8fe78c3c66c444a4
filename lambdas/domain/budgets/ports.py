"""Ports of the evaluation of budgets: sums, details of a status, and delivery."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from lambdas.domain.alerts import Notice
from lambdas.domain.budgets.alert_detail import AlertDetail
from lambdas.domain.budgets.status import BudgetStatus
from lambdas.domain.counters import UsageTotals


class SumReader(Protocol):
    """Reads the sums of budgets."""

    def read_accumulators(self, names: Collection[str]) -> Mapping[str, UsageTotals]:
        """Read sums by their names; those that nothing was added to are left out."""


class StatusDetails(Protocol):
    """Adds to a status what a message says besides: drivers, forecast, completeness."""

    def add_to(self, status: BudgetStatus) -> BudgetStatus:
        """Return the status with its details."""


class AlertNotDeliveredError(Exception):
    """A way of delivery has not taken an alert. The text says which, and why."""


class AlertPublisher(Protocol):
    """Delivers alerts to people and programs."""

    def publish(self, notice: Notice, detail: AlertDetail) -> None:
        """Deliver an alert, as a text and as an event.

        Raises:
            AlertNotDeliveredError: It was not delivered in every way.
        """
