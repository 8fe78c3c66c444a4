"""Adds a delivery of each event for each receiver that wants it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from lambdas.domain.events import MeterEvent
from lambdas.domain.webhooks import (
    DeliveryMessage,
    DeliveryQueue,
    DeliveryState,
    DeliveryStore,
    WebhookStore,
    WebhookSubscription,
    belongs_to,
    start_delivery,
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
        since an earlier run may have stopped before it did so.
        """
        enabled = [each for each in self.webhooks.list_all() if not each.is_disabled]
        added = repeated = 0
        for event in events:
            for subscription in enabled:
                if subscription.filter.matches(event):
                    is_new = self._add(subscription, event, now)
                    added += is_new
                    repeated += not is_new
        return RouteReport(added, repeated)

    def _add(self, subscription: WebhookSubscription, event: MeterEvent, now: datetime) -> bool:
        is_new = self.deliveries.add(start_delivery(subscription, event, now))
        if is_new or self._waits_for_first_attempt(subscription, event.id):
            self.queue.send(DeliveryMessage(subscription.id, event.id))
        return is_new

    def _waits_for_first_attempt(self, subscription: WebhookSubscription, event_id: str) -> bool:
        found = self.deliveries.get(subscription.id, event_id)
        return (
            found is not None
            and found.state is DeliveryState.PENDING
            and not found.attempts
            and belongs_to(found, subscription)
        )
