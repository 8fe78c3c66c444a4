"""Adds a delivery of each event for each receiver that wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import NamedTuple, TypeAlias

from lambdas.domain.events import MeterEvent
from lambdas.domain.webhooks import (
    DeliveryMessage,
    DeliveryQueue,
    DeliveryState,
    DeliveryStore,
    UnreadableWebhookError,
    WebhookStore,
    WebhookSubscription,
    belongs_to,
    start_delivery,
)

_MAX_AT_A_TIME = 1_000
_Wanted: TypeAlias = tuple[WebhookSubscription, MeterEvent]
RunAll: TypeAlias = Callable[[Callable[[_Wanted], bool], Iterable[_Wanted]], Iterable[bool]]
"""Runs a function with each item, and returns the results, as `map` does."""


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
        run_all: Adds deliveries, several at a time.
    """

    webhooks: WebhookStore
    deliveries: DeliveryStore
    queue: DeliveryQueue
    run_all: RunAll = map

    def route(self, events: Iterable[MeterEvent], now: datetime) -> RouteReport:
        """Store a delivery, then have it sent, for each event and each receiver that wants it.

        Safe to repeat: a delivery is added once. One that was not attempted yet is queued again,
        since an earlier run may have stopped before it did so.
        """
        enabled = [each for each in self.webhooks.list_all() if not each.is_disabled]
        wanted = (
            (subscription, event)
            for event in events
            for subscription in enabled
            if subscription.filter.matches(event)
        )
        added = total = 0
        while some := list(islice(wanted, _MAX_AT_A_TIME)):
            added += sum(self.run_all(partial(self._add, now), some))
            total += len(some)
        return RouteReport(added, total - added)

    def _add(self, now: datetime, wanted: _Wanted) -> bool:
        subscription, event = wanted
        is_new = self.deliveries.add(start_delivery(subscription, event, now))
        if is_new or self._waits_for_first_attempt(subscription, event.id):
            self.queue.send(DeliveryMessage(subscription.id, event.id))
        return is_new

    def _waits_for_first_attempt(self, subscription: WebhookSubscription, event_id: str) -> bool:
        try:
            found = self.deliveries.get(subscription.id, event_id)
        except UnreadableWebhookError:
            return False  # it was stored; that it cannot be sent concerns no other delivery
        return (
            found is not None
            and found.state is DeliveryState.PENDING
            and not found.attempts
            and belongs_to(found, subscription)
        )
