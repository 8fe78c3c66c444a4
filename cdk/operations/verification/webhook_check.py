"""Checks that a receiver that the operator names gets a test event, and that it accepts it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cdk.operations.terminal import printable
from cdk.operations.verification.check import CheckFailedError, CheckSkippedError
from lambdas.domain.events import EventType
from lambdas.domain.webhooks import (
    Delivery,
    DeliveryState,
    EventFilter,
    NewWebhook,
    WebhookFormat,
)

if TYPE_CHECKING:
    from cdk.operations.verification.verified_meter import VerifiedMeter

WEBHOOK = "verification"


def make_webhook(url: str) -> NewWebhook:
    """Make the receiver of a verification, which gets no event but the test."""
    only_tests = EventFilter(types=(EventType.WEBHOOK_TEST,))
    return NewWebhook(id=WEBHOOK, url=url, format=WebhookFormat.STANDARD, filter=only_tests)


def check_webhooks(meter: VerifiedMeter) -> str:
    """Add the receiver, send a test event, wait for the first attempt, and remove the receiver."""
    if not meter.config.webhooks:
        message = "webhooks are off: set webhooks (SET='-c webhooks=true')"
        raise CheckSkippedError(message)
    if meter.receiver_url is None:
        message = "no receiver was named: give a file with its URL (make: WEBHOOK=FILE)"
        raise CheckSkippedError(message)
    webhooks = meter.webhooks
    webhooks.changes.add(make_webhook(meter.receiver_url), datetime.now(UTC))
    try:
        event_id = webhooks.changes.test(WEBHOOK, datetime.now(UTC)).event.id
        delivery = meter.waiting.until(
            lambda: webhooks.deliveries.get(WEBHOOK, event_id), _has_result
        )
    finally:
        webhooks.changes.remove(WEBHOOK)
    return _describe(delivery)


def _has_result(delivery: Delivery | None) -> bool:
    return delivery is not None and delivery.last is not None


def _describe(delivery: Delivery | None) -> str:
    """Describe the first attempt.

    Raises:
        CheckFailedError: There was none, or it failed.
    """
    if delivery is None or delivery.last is None:
        message = "WebhookSender made no attempt to send a test event"
        raise CheckFailedError(message)
    if delivery.state is not DeliveryState.DELIVERED:
        reason = delivery.last.error or f"it answered {delivery.last.status}"
        message = f"the receiver did not accept a test event: {printable(reason)}"
        raise CheckFailedError(message)
    return f"the receiver answered a test event with {delivery.last.status}"
