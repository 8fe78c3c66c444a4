"""Ports of the evaluation of budgets: sums, details of a status, and delivery."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from lambdas.domain.alerts import Notice
from lambdas.domain.budgets.accumulators import AccumulatorKey
from lambdas.domain.budgets.alert_detail import AlertDetail
from lambdas.domain.budgets.alerts import DeliveryWay
from lambdas.domain.budgets.reading_limit import ReadingLimit
from lambdas.domain.budgets.status import BudgetStatus, UsageForecast
from lambdas.domain.budgets.stored_budgets import StoredBudget
from lambdas.domain.counters import CounterReader, CountingState, UsageTotals
from lambdas.domain.periods import BudgetPeriod


class SumReader(CounterReader, Protocol):
    """Reads the sums of budgets, and the counting state that they belong to."""

    def read_state(self) -> CountingState | None:
        """Read the counting state; `None` before the first."""


class BudgetSumStore(SumReader, Protocol):
    """Completes the sums of budgets."""

    def write_base(
        self, generation: int, stored: StoredBudget, base: Mapping[AccumulatorKey, UsageTotals]
    ) -> bool:
        """Add to sums what came in before the budget was known, to each of them once.

        Nothing is added unless the budget is building in its generation.

        Args:
            generation: The generation of cells.
            stored: The budget.
            base: What to add to each sum.

        Returns:
            False if the budget is not building any more.

        Raises:
            CountersUnavailableError: The store was too busy at every attempt.
        """


class UsageForecaster(Protocol):
    """Forecasts the usage of budgets."""

    def forecast(
        self,
        stored: StoredBudget,
        value: str,
        period: BudgetPeriod,
        now: datetime,
        limit: ReadingLimit,
    ) -> UsageForecast | None:
        """Forecast the usage to the end of a period; `None` if too little is known.

        Raises:
            ReadingLimitError: Not all usage was read; a later run goes on with it.
            TooManyCellsError: No run can read the usage.
        """


class StatusDetails(Protocol):
    """Adds to a status what a message says besides: who and what used most of it."""

    def add_to(
        self, statuses: Sequence[BudgetStatus], now: datetime, limit: ReadingLimit
    ) -> list[BudgetStatus]:
        """Return statuses of one period with their details.

        Raises:
            ReadingLimitError: There is too much usage to find them.
        """


class AlertNotDeliveredError(Exception):
    """A way of delivery has not taken an alert. The text says which, and why.

    Attributes:
        delivered: The ways that have taken it.
    """

    def __init__(self, reason: str, delivered: Collection[DeliveryWay] = ()) -> None:
        """Give the reason, and the ways that have taken the alert."""
        super().__init__(reason)
        self.delivered = frozenset(delivered)


class AlertPublisher(Protocol):
    """Delivers alerts to people and programs."""

    def publish(
        self,
        notice: Notice,
        details: Sequence[AlertDetail],
        delivered: Collection[DeliveryWay] = (),
    ) -> None:
        """Deliver alerts, as one text and each as an event.

        Args:
            notice: The text.
            details: The details of the events.
            delivered: The ways that have taken them before, and are left out.

        Raises:
            AlertNotDeliveredError: It was not delivered in every way.
        """
