"""The ports through which webhooks reach the outside world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from lambdas.domain.webhooks.deliveries import Delivery, DeliveryMessage
from lambdas.domain.webhooks.subscription import SealedSecret, WebhookSubscription


class ReceiverAnswer(NamedTuple):
    """The answer of a receiver.

    Attributes:
        status: The HTTP status.
        retry_after: The time to wait that it asks for, or `None`.
        body: The first kilobyte of the text of a failure, for the operator.
    """

    status: int
    retry_after: timedelta | None = None
    body: str = ""


class ReceiverError(Exception):
    """A receiver has not answered, or may not be called. The text says why, without secrets."""


class SlowReceiverError(ReceiverError):
    """A receiver has not answered in time."""


class UnreadableWebhookError(Exception):
    """A stored subscription or delivery cannot be read. The text says which, and what to do."""


class WebhookReceiver(Protocol):
    """Sends to receivers."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> ReceiverAnswer:
        """Send a body to an address, to one of its checked IP addresses; no redirect is followed.

        Raises:
            SlowReceiverError: There was no answer in time.
            ReceiverError: There was none, or the address may not be called.
        """


class SecretBox(Protocol):
    """Encrypts and decrypts the secrets and addresses of subscriptions."""

    def seal(self, webhook_id: str, text: str) -> bytes:
        """Encrypt a text for a subscription."""

    def open(self, webhook_id: str, ciphertext: bytes) -> str:
        """Decrypt a text of a subscription."""


class WebhookStore(Protocol):
    """The stored subscriptions."""

    def list_all(self) -> Sequence[WebhookSubscription]:
        """List all subscriptions by id. One that cannot be read is left out and logged."""

    def get(self, webhook_id: str) -> WebhookSubscription | None:
        """Get a subscription; `None` if it does not exist.

        Raises:
            UnreadableWebhookError: It cannot be read.
        """

    def add(self, subscription: WebhookSubscription) -> bool:
        """Add a subscription; `False` if one has its id."""

    def remove(self, webhook_id: str) -> bool:
        """Remove a subscription; `False` if it does not exist."""

    def write_secrets(
        self,
        webhook_id: str,
        secrets: Sequence[SealedSecret],
        replaced: Sequence[SealedSecret],
    ) -> bool:
        """Replace the secrets of a subscription; `False` if it has others by now."""

    def pause(self, webhook_id: str, until: datetime, added_at: datetime | None = None) -> None:
        """Send nothing before a time, unless a later one is stored.

        Args:
            webhook_id: The subscription.
            until: The time.
            added_at: The time at which the subscription was added; `None` for any. Another one with
                the same id stays as it is.
        """

    def disable(
        self, webhook_id: str, at: datetime, because: str, added_at: datetime | None = None
    ) -> None:
        """Switch a subscription off.

        Args:
            webhook_id: The subscription.
            at: The time of the change.
            because: The reason.
            added_at: As for `pause`.
        """

    def enable(self, webhook_id: str) -> bool:
        """Switch a subscription on again, and end its pause; `False` if it does not exist."""


class DeliveryStore(Protocol):
    """The stored deliveries."""

    def add(self, delivery: Delivery) -> bool:
        """Add a delivery; `False` if the subscription has one of the same event already."""

    def get(self, webhook_id: str, event_id: str) -> Delivery | None:
        """Get a delivery; `None` if it does not exist.

        Raises:
            UnreadableWebhookError: It cannot be read.
        """

    def list_for(self, webhook_id: str) -> Iterator[Delivery]:
        """List the deliveries of a subscription, the newest first."""

    def claim(self, delivery: Delivery, now: datetime, until: datetime) -> bool:
        """Claim the next attempt, so that of several senders one makes it.

        Returns:
            `False` if another has claimed or made it, or the delivery is no longer pending.
        """

    def write(
        self, delivery: Delivery, attempts_before: int, started_before: datetime | None = None
    ) -> bool:
        """Write a delivery after an attempt, and end its claim.

        Args:
            delivery: The delivery.
            attempts_before: The number of attempts that it had.
            started_before: The time at which it had been started; `None` if it is the same.

        Returns:
            `False` if it has another number of attempts by now, or was started again.
        """

    def note_message(self, message: DeliveryMessage) -> None:
        """Store the number of a message of a delivery, unless a higher one is stored."""


class DeliveryQueue(Protocol):
    """The queue from which deliveries are sent."""

    def send(self, message: DeliveryMessage, wait: timedelta = timedelta(0)) -> None:
        """Have a delivery looked at after a wait, or after the longest one that the queue has."""
