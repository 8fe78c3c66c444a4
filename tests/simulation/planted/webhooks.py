"""Bugs in how events are routed to receivers of webhooks and sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lambdas.domain.webhooks import Delivery, WebhookSubscription
from lambdas.services.deliver_webhook import WebhookSender
from lambdas.services.route_events import EventRouter
from tests.simulation.planted.plant import Plant
from tests.simulation.world import Killed

_NO_FAILURES: dict[str, Any] = {"batchItemFailures": []}


class _SenderBug(Plant):
    """A bug in the sender."""

    def change_service(self, _function: str, service: Any) -> Any:
        return self.change_sender(service) if isinstance(service, WebhookSender) else service

    def change_sender(self, sender: WebhookSender) -> Any:
        raise NotImplementedError


class _Changed:
    """A store or a sender with changed methods."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class AnswersFirst(Plant):
    """Messages are deleted when they are received, before the work on them is done."""

    def call(self, function: str, handle: Callable[[Any], Any], event: Any) -> Any:
        try:
            return handle(event)
        except Killed:
            if not function.startswith("webhook_"):
                raise
            return _NO_FAILURES


class _ClaimsAnyway(_Changed):
    def claim(self, *_: Any) -> bool:
        return True


class ClaimsNothing(_SenderBug):
    """Two copies of a message make the same attempt."""

    def change_sender(self, sender: WebhookSender) -> Any:
        deliveries: Any = _ClaimsAnyway(sender.deliveries)
        return replace(sender, deliveries=deliveries)


class _SeesNoPause(_Changed):
    def get(self, webhook_id: str) -> WebhookSubscription | None:
        found: WebhookSubscription | None = self._inner.get(webhook_id)
        return None if found is None else replace(found, paused_until=None)


class IgnoresPauses(_SenderBug):
    """Other events are sent to a receiver that has asked for a pause."""

    def change_sender(self, sender: WebhookSender) -> Any:
        webhooks: Any = _SeesNoPause(sender.webhooks)
        return replace(sender, webhooks=webhooks)


class _SendsNothing(_Changed):
    def send(self, *_: Any) -> None:
        """Lose the message."""


class ForgetsWaits(_SenderBug):
    """The message is done after its first attempt, whatever the result."""

    def change_sender(self, sender: WebhookSender) -> Any:
        queue: Any = _SendsNothing(sender.queue)
        return replace(sender, queue=queue)


class _SeesNoWaiting(_Changed):
    def get(self, _webhook_id: str, _event_id: str) -> None:
        return None


class QueuesOnce(Plant):
    """A repeat leaves a delivery alone that an earlier run has added and not queued."""

    def change_service(self, _function: str, service: Any) -> Any:
        if not isinstance(service, EventRouter):
            return service
        deliveries: Any = _SeesNoWaiting(service.deliveries)
        return replace(service, deliveries=deliveries)


class _AddsAnyway(_Changed):
    def add(self, delivery: Delivery) -> bool:
        stored = self._inner.get(delivery.webhook_id, delivery.event.id)
        if stored is not None:
            self._inner.write(delivery, stored.attempts, stored.started_at)
            return True
        added: bool = self._inner.add(delivery)
        return added


class AddsAgain(Plant):
    """A repeated event begins its delivery again."""

    def change_service(self, _function: str, service: Any) -> Any:
        if not isinstance(service, EventRouter):
            return service
        deliveries: Any = _AddsAnyway(service.deliveries)
        return replace(service, deliveries=deliveries)
