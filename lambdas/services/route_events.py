"""Adds a delivery of each event for each receiver that wants it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from lambdas.domain.events import MeterEvent
from lambdas.domain.webhooks import (
    Delivery,
    DeliveryQueue,
    DeliveryState,
    DeliveryStore,
    WebhookStore,
)


class RouteReport(NamedTuple):
    """The result of a run.

    Attributes:
        added: The number of new deliveries.
        repeated: The number of deliveries that were there already.
    """

    added: int = 0
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class EventRouter:
    """Routes events to receivers.

    Attributes:
        webhooks: The subscriptions.
        deliveries: The deliveries.
        queue: The queue from which they are sent.
    """

    webhooks: WebhookStore
    deliveries: DeliveryStore
    queue: DeliveryQueue

    def route(self, events: Iterable[MeterEvent], now: datetime) -> RouteReport:
        """Store a delivery, then have it sent, for each event and each receiver that wants it.

        Safe to repeat: a delivery is added once. One that was not attempted yet is queued again,
        since an earlier run may have stopped before it did so. If its receiver is off by now, the
        sender ends it.
        """
        subscriptions = self.webhooks.list_all()
        added = repeated = 0
        for event in events:
            for subscription in subscriptions:
                if not subscription.filter.matches(event):
                    continue
                if subscription.is_disabled:
                    self._queue_waiting(subscription.id, event.id)
                    continue
                is_new = self._add(subscription.id, event, now)
                added += is_new
                repeated += not is_new
        return RouteReport(added, repeated)

    def _add(self, webhook_id: str, event: MeterEvent, now: datetime) -> bool:
        delivery = Delivery(webhook_id=webhook_id, event=event, due_at=now, created_at=now)
        is_new = self.deliveries.add(delivery)
        if is_new:
            self.queue.send(webhook_id, event.id)
        else:
            self._queue_waiting(webhook_id, event.id)
        return is_new

    def _queue_waiting(self, webhook_id: str, event_id: str) -> None:
        """Queue a delivery that waits for its first attempt."""
        found = self.deliveries.get(webhook_id, event_id)
        if found is not None and found.state is DeliveryState.PENDING and not found.attempts:
            self.queue.send(webhook_id, event_id)
