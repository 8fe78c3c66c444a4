"""Delivers marks of limits."""

from __future__ import annotations

from collections.abc import Sequence

from lambdas.adapters.notifiers.event_delivery import EventClient, EventDelivery
from lambdas.domain.alerts import Notice, Notifier
from lambdas.domain.limit_notices import (
    MarkDetail,
    MarksNotDeliveredError,
    name_event,
)


class LimitMarkNotifier:
    """Delivers marks as one text for all and an event for each."""

    def __init__(self, topic: Notifier, events: EventClient) -> None:
        """Deliver to a topic, and with an EventBridge client."""
        self._delivery = EventDelivery(topic, events, name_event)

    def publish(self, notice: Notice, details: Sequence[MarkDetail]) -> None:
        """Deliver marks.

        Raises:
            MarksNotDeliveredError: One of the ways has not taken them.
        """
        if failures := self._delivery.deliver_all(notice, details):
            raise MarksNotDeliveredError("; ".join(failures))
