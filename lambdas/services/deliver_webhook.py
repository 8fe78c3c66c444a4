"""Makes the next attempt of a delivery, if it is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from lambdas.domain.webhooks import (
    Conclusion,
    Delivery,
    DeliveryMessage,
    DeliveryQueue,
    DeliveryState,
    DeliveryStore,
    Origin,
    ReceiverAnswer,
    ReceiverError,
    SecretBox,
    WebhookReceiver,
    WebhookStore,
    WebhookSubscription,
    compute_spread,
    conclude,
    disable_delivery,
    fail_delivery,
    find_due_time,
    is_dropped,
    is_too_old,
    list_valid,
    redact,
    write_body,
)
from lambdas.domain.webhooks.signing import sign

CLAIM_TIME = timedelta(seconds=60)
"""The time of a claim: above that of an attempt, so that it ends only if the sender has died."""


class SendResult(StrEnum):
    """The result of a run."""

    DELIVERED = "delivered"
    RETRIED_LATER = "retried_later"
    """The attempt failed, and another one follows."""
    FAILED = "failed"
    """The last attempt failed, or the delivery has waited for too long."""
    DISABLED = "disabled"
    """The receiver wants no more events, and its subscription was switched off."""
    NOT_DUE = "not_due"
    """There was no attempt: it is not due, the receiver has a pause, or another sender is at it."""
    ENDED = "ended"
    """There was no attempt: the delivery has ended, or its subscription is off or was removed."""
    FOLLOWED = "followed"
    """There was no attempt: a later message of the delivery is in the queue."""


class SendOutcome(NamedTuple):
    """The result of a run. The message that caused it is done.

    Attributes:
        result: The result.
        wait: The time after which the next message has to come; `None` for no other one.
        delivery: The delivery afterwards, without which there was none.
    """

    result: SendResult
    wait: timedelta | None = None
    delivery: Delivery | None = None


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """Sends deliveries. A message of one that has to wait is followed by another message.

    So no message waits for long: SQS deletes old ones, and gives up those that it has handed out
    often. Only faults make a message come again.

    Attributes:
        webhooks: The subscriptions.
        deliveries: The deliveries.
        queue: The queue from which they are sent.
        box: Decrypts addresses and secrets.
        receiver: Sends over HTTPS.
        origin: The account and the Region of the meter.
        clock: The time in UTC.
    """

    webhooks: WebhookStore
    deliveries: DeliveryStore
    queue: DeliveryQueue
    box: SecretBox
    receiver: WebhookReceiver
    origin: Origin
    clock: Callable[[], datetime]

    def send(self, message: DeliveryMessage, now: datetime) -> SendOutcome:
        """Make the next attempt of a delivery, if it is due; if it is not done, send a message.

        Safe to repeat: of several senders one makes the attempt. If it stops before it has written
        the result, the attempt is made again, with the same id.
        """
        outcome = self._process(message, now)
        if outcome.wait is not None:
            following = message.follow()
            # In this order: if the run stops in between, there are two messages and never none.
            # The number ends one of them when the other one is followed.
            self.queue.send(following, outcome.wait)
            self.deliveries.note_message(following)
        return outcome

    def _process(self, message: DeliveryMessage, now: datetime) -> SendOutcome:
        delivery = self.deliveries.get(message.webhook_id, message.event_id)
        if delivery is None or delivery.state is not DeliveryState.PENDING:
            return SendOutcome(SendResult.ENDED, delivery=delivery)
        if message.number < delivery.message_number:
            return SendOutcome(SendResult.FOLLOWED, delivery=delivery)
        subscription = self.webhooks.get(message.webhook_id)
        if subscription is None or is_dropped(delivery, subscription):
            return self._end(delivery, disable_delivery(delivery), SendResult.ENDED)
        if is_too_old(delivery, now):
            return self._end(delivery, fail_delivery(delivery), SendResult.FAILED)
        due_at = find_due_time(delivery, subscription)
        if now < due_at:
            wait = due_at - now
            if due_at > delivery.due_at:
                wait += compute_spread(delivery, message.number)
            return SendOutcome(SendResult.NOT_DUE, wait, delivery)
        return self._attempt(delivery, subscription, now)

    def _end(self, delivery: Delivery, ended: Delivery, result: SendResult) -> SendOutcome:
        if self.deliveries.write(ended, delivery.attempts):
            return SendOutcome(result, delivery=ended)
        return SendOutcome(SendResult.NOT_DUE, CLAIM_TIME, delivery)

    def _attempt(
        self, delivery: Delivery, subscription: WebhookSubscription, now: datetime
    ) -> SendOutcome:
        # All that can fail on our side comes before the claim, which would delay the repeat.
        url = self.box.open(subscription.id, subscription.url)
        secrets = [
            self.box.open(subscription.id, secret.ciphertext)
            for secret in list_valid(subscription.secrets, now)
        ]
        body = write_body(subscription, delivery.event, self.origin)
        headers = sign(body, delivery.event.id, secrets, now) if secrets else {}
        if not self.deliveries.claim(delivery, now, now + CLAIM_TIME):
            return SendOutcome(SendResult.NOT_DUE, CLAIM_TIME, delivery)
        result: ReceiverAnswer | ReceiverError
        try:
            answer = self.receiver.post(url, body, headers)
            result = answer._replace(body=redact(answer.body, url, secrets))
        except ReceiverError as error:
            result = error
        return self._write(delivery, conclude(delivery, result, self.clock()))

    def _write(self, before: Delivery, conclusion: Conclusion) -> SendOutcome:
        """Write the consequences: the delivery last, since a success is done after it."""
        delivery, now = conclusion.delivery, self.clock()
        if conclusion.disable_because is not None:
            self.webhooks.disable(
                delivery.webhook_id, now, conclusion.disable_because, delivery.subscribed_at
            )
        if conclusion.pause_until is not None:
            self.webhooks.pause(delivery.webhook_id, conclusion.pause_until, delivery.subscribed_at)
        if not self.deliveries.write(delivery, before.attempts):
            # Another sender, or a person who sent it again, was faster: look at it once more.
            return SendOutcome(SendResult.NOT_DUE, CLAIM_TIME, delivery)
        if delivery.state is DeliveryState.PENDING:
            wait = max(delivery.due_at - now, timedelta(0))
            return SendOutcome(SendResult.RETRIED_LATER, wait, delivery)
        return SendOutcome(SendResult(delivery.state), delivery=delivery)
