"""Delivers alerts of budgets."""

from __future__ import annotations

from lambdas.adapters.notifiers.event_delivery import EventClient, EventDelivery
from lambdas.domain.alerts import Notice, Notifier
from lambdas.domain.budgets.budget_alerts import (
    BUDGET_ALERT_EVENT,
    AlertDetail,
    AlertNotDeliveredError,
)


class BudgetAlertPublisher:
    """Delivers each alert as a text and as an event."""

    def __init__(self, topic: Notifier, events: EventClient) -> None:
        """Deliver to a topic, and with an EventBridge client."""
        self._delivery = EventDelivery(topic, events, BUDGET_ALERT_EVENT)

    def publish(self, notice: Notice, detail: AlertDetail) -> None:
        """Deliver an alert.

        Raises:
            AlertNotDeliveredError: One of the ways has not taken it.
        """
        if failures := self._delivery.deliver(notice, detail):
            raise AlertNotDeliveredError("; ".join(failures))
