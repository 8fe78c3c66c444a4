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
    start_delivery,
)

_MAX_AT_A_TIME = 1_000
_Wanted: TypeAlias = tuple[WebhookSubscription, MeterEvent]
RunAll: TypeAlias = Callable[
    [Callable[[_Wanted], bool | None], Iterable[_Wanted]], Iterable[bool | None]
]
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
        since an earlier run may have stopped before it did so. If its receiver is off by now, the
        sender ends it.
        """
        subscriptions = self.webhooks.list_all()
        wanted = (
            (subscription, event)
            for event in events
            for subscription in subscriptions
            if subscription.filter.matches(event)
        )
        added = repeated = 0
        while some := list(islice(wanted, _MAX_AT_A_TIME)):
            results = list(self.run_all(partial(self._add, now), some))
            added += results.count(True)
            repeated += results.count(False)
        return RouteReport(added, repeated)

    def _add(self, now: datetime, wanted: _Wanted) -> bool | None:
        """Add a delivery, and say if it is new; `None` if its receiver is off."""
        subscription, event = wanted
        if subscription.is_disabled:
            self._queue_waiting(subscription.id, event.id)
            return None
        is_new = self.deliveries.add(start_delivery(subscription, event, now))
        if is_new:
            self.queue.send(DeliveryMessage(subscription.id, event.id))
        else:
            self._queue_waiting(subscription.id, event.id)
        return is_new

    def _queue_waiting(self, webhook_id: str, event_id: str) -> None:
        """Queue a delivery that waits for its first attempt."""
        try:
            found = self.deliveries.get(webhook_id, event_id)
        except UnreadableWebhookError:
            return  # it was stored; that it cannot be sent concerns no other delivery
        if found is not None and found.state is DeliveryState.PENDING and not found.attempts:
            self.queue.send(DeliveryMessage(webhook_id, event_id, found.message_number))
