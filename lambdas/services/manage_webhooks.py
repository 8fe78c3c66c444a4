"""Adds, removes and changes subscriptions, and sends deliveries again, for the operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from lambdas.domain.events import EventType, MeterEvent, make_event_id
from lambdas.domain.times import write_time
from lambdas.domain.webhooks import (
    MAX_WEBHOOKS,
    RANDOM_BYTES,
    SECRET_OVERLAP,
    Delivery,
    DeliveryMessage,
    DeliveryQueue,
    DeliveryStore,
    InvalidWebhookError,
    NewWebhook,
    SealedSecret,
    SecretBox,
    WebhookFormat,
    WebhookStore,
    WebhookSubscription,
    check_receiver,
    check_webhook,
    make_secret,
    restart_delivery,
    rotate_secrets,
    start_delivery,
)
from lambdas.domain.words import printable


class UnknownWebhookError(LookupError):
    """There is no such subscription or delivery. The text says how to list them."""


class WebhookChangedError(Exception):
    """Another change was faster. Repeat yours if it is still wanted."""


class AddedWebhook(NamedTuple):
    """A subscription that was added or whose secret was replaced.

    Attributes:
        subscription: The subscription.
        secret: Its new secret, which is never returned again; `None` for chat systems.
    """

    subscription: WebhookSubscription
    secret: str | None

    def __repr__(self) -> str:
        """Leave the secret out."""
        return f"AddedWebhook({self.subscription!r})"


@dataclass(frozen=True, slots=True)
class WebhookManager:
    """Manages subscriptions and their deliveries.

    Attributes:
        webhooks: The subscriptions.
        deliveries: The deliveries.
        queue: The queue from which deliveries are sent.
        box: Encrypts addresses and secrets.
        make_random: Makes a number of random bytes.
    """

    webhooks: WebhookStore
    deliveries: DeliveryStore
    queue: DeliveryQueue
    box: SecretBox
    make_random: Callable[[int], bytes]

    def add(self, new: NewWebhook, now: datetime) -> AddedWebhook:
        """Add a subscription.

        Raises:
            InvalidWebhookError: It breaks a rule, or its id is taken.
        """
        address = check_webhook(new)
        if len(self.webhooks.list_all()) >= MAX_WEBHOOKS:
            message = f"there are {MAX_WEBHOOKS} receivers already: remove one first"
            raise InvalidWebhookError(message)
        is_signed = new.format is WebhookFormat.STANDARD
        secret = make_secret(self.make_random(RANDOM_BYTES)) if is_signed else None
        sealed = () if secret is None else (SealedSecret(self.box.seal(new.id, secret), now),)
        subscription = WebhookSubscription(
            id=new.id,
            url=self.box.seal(new.id, new.url),
            host=address.host,
            format=new.format,
            filter=new.filter,
            secrets=sealed,
            template=new.template,
            created_at=now,
        )
        if not self.webhooks.add(subscription):
            message = (
                f"there is a receiver {new.id} already: choose another name, or remove it first"
            )
            raise InvalidWebhookError(message)
        return AddedWebhook(subscription, secret)

    def remove(self, webhook_id: str) -> None:
        """Remove a subscription. Its deliveries that are not done end.

        Raises:
            UnknownWebhookError: It does not exist.
        """
        if not self.webhooks.remove(webhook_id):
            raise _make_unknown_error(webhook_id)

    def enable(self, webhook_id: str) -> None:
        """Switch a subscription on again, and end its pause.

        Deliveries that have ended stay so: see `resend`.

        Raises:
            UnknownWebhookError: It does not exist.
        """
        if not self.webhooks.enable(webhook_id):
            raise _make_unknown_error(webhook_id)

    def rotate(
        self, webhook_id: str, now: datetime, *, overlap: timedelta = SECRET_OVERLAP
    ) -> AddedWebhook:
        """Replace the secret of a subscription. The old one still signs for the overlap.

        Raises:
            UnknownWebhookError: It does not exist.
            InvalidWebhookError: It has no secret.
            WebhookChangedError: Another rotation was faster: its secret is the current one.
        """
        found = self._get(webhook_id)
        if not found.secrets:
            message = f"{webhook_id} has no secret to rotate: its format is {found.format}"
            raise InvalidWebhookError(message)
        secret = make_secret(self.make_random(RANDOM_BYTES))
        sealed = self.box.seal(webhook_id, secret)
        secrets = rotate_secrets(found.secrets, sealed, now, overlap=overlap)
        if not self.webhooks.write_secrets(webhook_id, secrets, found.secrets):
            message = f"{webhook_id} was changed at the same time: its secret is not yours"
            raise WebhookChangedError(message)
        return AddedWebhook(replace(found, secrets=tuple(secrets)), secret)

    def test(self, webhook_id: str, now: datetime) -> Delivery:
        """Send a test event to a subscription, whatever its filter.

        Raises:
            UnknownWebhookError: It does not exist.
            InvalidWebhookError: It is switched off.
        """
        found = self._get_enabled(webhook_id)
        event = MeterEvent(
            id=make_event_id(EventType.WEBHOOK_TEST, webhook_id, write_time(now)),
            type=EventType.WEBHOOK_TEST,
            at=now,
            title="Test of a webhook",
            text=f"This is a test of the webhook {webhook_id}. There is nothing to do.",
            detail={"webhook": webhook_id},
        )
        delivery = start_delivery(found, event, now)
        self.deliveries.add(delivery)
        self.queue.send(DeliveryMessage(found.id, event.id))
        return delivery

    def list_deliveries(self, webhook_id: str) -> Iterator[Delivery]:
        """List the deliveries of the last 30 days, the newest first.

        Those of a subscription that was removed are listed too.
        """
        return self.deliveries.list_for(webhook_id)

    def resend(self, webhook_id: str, event_id: str, now: datetime) -> Delivery:
        """Start a delivery again, with all its attempts, at once. The id of the event stays.

        Raises:
            UnknownWebhookError: The subscription or the delivery does not exist.
            InvalidWebhookError: The subscription is switched off, or was added after the delivery.
            WebhookChangedError: An attempt ended at the same time.
        """
        subscription = self._get_enabled(webhook_id)
        found = self.deliveries.get(webhook_id, event_id)
        if found is None:
            message = (
                "there is no such delivery: list them with `bedrock-meter webhooks deliveries`;"
                " they are stored for 30 days"
            )
            raise UnknownWebhookError(message)
        check_receiver(found, subscription)
        restarted = restart_delivery(found, now)
        if not self.deliveries.write(restarted, found.attempts, found.started_at):
            message = "an attempt has just ended: look at its result, then send it again if needed"
            raise WebhookChangedError(message)
        # A message that waits in the queue stops when it finds that this one has done its work.
        self.queue.send(DeliveryMessage(webhook_id, event_id, found.message_number))
        return restarted

    def _get(self, webhook_id: str) -> WebhookSubscription:
        found = self.webhooks.get(webhook_id)
        if found is None:
            raise _make_unknown_error(webhook_id)
        return found

    def _get_enabled(self, webhook_id: str) -> WebhookSubscription:
        found = self._get(webhook_id)
        if found.is_disabled:
            message = (
                f"{webhook_id} is switched off ({found.disabled_because}): switch it on with"
                " `bedrock-meter webhooks enable`"
            )
            raise InvalidWebhookError(message)
        return found


def _make_unknown_error(webhook_id: str) -> UnknownWebhookError:
    message = (
        f"there is no receiver {printable(webhook_id)}: list them with"
        " `bedrock-meter webhooks list`"
    )
    return UnknownWebhookError(message)
