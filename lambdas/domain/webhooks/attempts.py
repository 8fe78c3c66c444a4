"""The rules of attempts: what follows from an answer, and when the next attempt is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import NamedTuple

from lambdas.domain.events import MeterEvent
from lambdas.domain.webhooks.deliveries import Delivery, DeliveryAttempt, DeliveryState
from lambdas.domain.webhooks.ports import ReceiverAnswer, ReceiverError, SlowReceiverError
from lambdas.domain.webhooks.subscription import WebhookSubscription
from lambdas.domain.words import printable

RETRY_WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""The waits after failed attempts, as Standard Webhooks has them. The first attempt is at once.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""
MAX_ATTEMPTS = 1 + len(RETRY_WAITS)
MAX_PAUSE = timedelta(hours=24)
"""The longest pause that a receiver can ask for."""
DEFAULT_PAUSE = timedelta(minutes=1)
"""The pause of a receiver that is overloaded and does not say for how long, or that does not answer
in time: its other deliveries would keep the sender busy."""
MAX_DELIVERY_AGE = timedelta(days=7)
"""The time after which a delivery fails, whatever it waits for.

All attempts without pauses take 84 hours at most, so pauses may take as long again.
"""
MAX_SPREAD = timedelta(minutes=15)
"""The longest time by which a delivery comes later than the end of a pause."""
GONE = "the receiver answered 410: it wants no more events"
_MAX_JITTER = 0.1
_MAX_DOUBLINGS = 10
_MAX_ERROR_LETTERS = 200
_OVERLOADED = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


class Conclusion(NamedTuple):
    """The consequences of an attempt.

    Attributes:
        delivery: The delivery after it.
        pause_until: The time before which nothing is sent to the receiver; `None` for no pause.
        disable_because: Why the subscription is switched off; `None` if it stays on.
    """

    delivery: Delivery
    pause_until: datetime | None = None
    disable_because: str | None = None


def conclude(
    delivery: Delivery, result: ReceiverAnswer | ReceiverError, now: datetime
) -> Conclusion:
    """Draw the conclusion from an attempt.

    Args:
        delivery: The delivery before the attempt. One that has ended stays as it is.
        result: The answer, or why there was none.
        now: The time at which the attempt ended.
    """
    if delivery.state is not DeliveryState.PENDING:
        return Conclusion(delivery)
    attempted = replace(
        delivery, attempts=delivery.attempts + 1, last=_describe_attempt(result, now)
    )
    if attempted.last is not None and attempted.last.error is None:
        return Conclusion(replace(attempted, state=DeliveryState.DELIVERED))
    if isinstance(result, ReceiverAnswer) and result.status == HTTPStatus.GONE:
        ended = replace(attempted, state=DeliveryState.DISABLED)
        return Conclusion(ended, disable_because=GONE)
    pause_until = _find_pause(result, now)
    if attempted.attempts >= MAX_ATTEMPTS:
        return Conclusion(replace(attempted, state=DeliveryState.FAILED), pause_until)
    due_at = now + compute_wait(attempted)
    if pause_until is not None:
        due_at = max(due_at, pause_until)
    return Conclusion(replace(attempted, due_at=due_at), pause_until)


def disable_delivery(delivery: Delivery) -> Delivery:
    """End a delivery whose subscription is switched off or was removed."""
    return replace(delivery, state=DeliveryState.DISABLED)


def fail_delivery(delivery: Delivery) -> Delivery:
    """End a delivery that is too old."""
    return replace(delivery, state=DeliveryState.FAILED)


def is_too_old(delivery: Delivery, now: datetime) -> bool:
    """Say if a delivery has waited for too long."""
    return now - delivery.started_at >= MAX_DELIVERY_AGE


def belongs_to(delivery: Delivery, subscription: WebhookSubscription) -> bool:
    """Say if a delivery is for a subscription, and not for an earlier one with the same id."""
    return (delivery.webhook_id, delivery.subscribed_at) == (
        subscription.id,
        subscription.created_at,
    )


def is_dropped(delivery: Delivery, subscription: WebhookSubscription) -> bool:
    """Say if a delivery ends without another attempt.

    Its subscription is off, was off after the delivery was started, or is another one by now.
    """
    off_at = subscription.last_disabled_at
    return (
        subscription.is_disabled
        or not belongs_to(delivery, subscription)
        or (off_at is not None and delivery.started_at < off_at)
    )


def start_delivery(subscription: WebhookSubscription, event: MeterEvent, now: datetime) -> Delivery:
    """Make the delivery of an event to a subscription, which is due at once."""
    return Delivery(
        webhook_id=subscription.id,
        subscribed_at=subscription.created_at,
        event=event,
        due_at=now,
        created_at=now,
        started_at=now,
    )


def restart_delivery(delivery: Delivery, now: datetime) -> Delivery:
    """Start a delivery again, with all its attempts. The id of its event stays."""
    return replace(delivery, state=DeliveryState.PENDING, attempts=0, due_at=now, started_at=now)


def find_due_time(delivery: Delivery, subscription: WebhookSubscription) -> datetime:
    """Find the time of the next attempt: not before it is due, nor during a pause."""
    paused_until = subscription.paused_until
    return delivery.due_at if paused_until is None else max(delivery.due_at, paused_until)


def compute_wait(delivery: Delivery) -> timedelta:
    """Compute the wait after a failed attempt, with up to a tenth more.

    The tenth spreads deliveries that failed together. It is made from their ids, so that a repeat
    computes the same.

    Args:
        delivery: A delivery with 1 to 9 attempts.
    """
    wait = RETRY_WAITS[delivery.attempts - 1]
    return wait * (1 + _MAX_JITTER * _draw_fraction(delivery, "attempt", delivery.attempts))


def compute_spread(delivery: Delivery, message_number: int) -> timedelta:
    """Compute the time by which a delivery comes later than the end of a pause.

    A receiver that is overloaded has a backlog, which would come back as one. The more often a
    delivery has waited, the wider it is spread: up to a second at first, and `MAX_SPREAD` at most.

    Args:
        delivery: The delivery.
        message_number: The number of the message that has found it waiting.
    """
    widest = min(timedelta(seconds=2 ** min(message_number, _MAX_DOUBLINGS)), MAX_SPREAD)
    return widest * _draw_fraction(delivery, "message", message_number)


def _draw_fraction(delivery: Delivery, kind: str, number: int) -> float:
    """Draw a number from 0 to 1, the same in each repeat."""
    cause = f"{delivery.webhook_id}\0{delivery.event.id}\0{kind}\0{number}"
    return int.from_bytes(sha256(cause.encode()).digest()[:4]) / 2**32


def _describe_attempt(result: ReceiverAnswer | ReceiverError, now: datetime) -> DeliveryAttempt:
    if isinstance(result, ReceiverError):
        return DeliveryAttempt(now, None, _shorten(str(result)) or "no answer")
    if HTTPStatus.OK <= result.status < HTTPStatus.MULTIPLE_CHOICES:
        return DeliveryAttempt(now, result.status)
    answer = _shorten(result.body.strip())
    error = f"it answered {result.status}" + (f": {answer}" if answer else "")
    return DeliveryAttempt(now, result.status, error)


def _shorten(text: str) -> str:
    return printable(text[:_MAX_ERROR_LETTERS])


def _find_pause(result: ReceiverAnswer | ReceiverError, now: datetime) -> datetime | None:
    if isinstance(result, SlowReceiverError):
        return now + DEFAULT_PAUSE
    if isinstance(result, ReceiverError) or result.status not in _OVERLOADED:
        return None
    wanted = DEFAULT_PAUSE if result.retry_after is None else result.retry_after
    return now + min(max(wanted, timedelta(0)), MAX_PAUSE)
