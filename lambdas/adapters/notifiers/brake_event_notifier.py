"""Delivers events of the brake."""

from __future__ import annotations

from lambdas.adapters.notifiers.event_delivery import EventClient, EventDelivery
from lambdas.domain.alerts import Notice, Notifier
from lambdas.domain.brake import BRAKE_EVENT, EventDetail, EventNotDeliveredError


class BrakeEventNotifier:
    """Delivers each event of the brake as a text and as an event."""

    def __init__(self, topic: Notifier, events: EventClient) -> None:
        """Deliver to a topic, and with an EventBridge client."""
        self._delivery = EventDelivery(topic, events, lambda _: BRAKE_EVENT)

    def publish(self, notice: Notice, detail: EventDetail) -> None:
        """Deliver an event.

        Raises:
            EventNotDeliveredError: One of the ways has not taken it.
        """
        if failures := self._delivery.deliver(notice, detail):
            raise EventNotDeliveredError("; ".join(failures))
