"""The delivery of an event to a receiver, which may take several attempts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from lambdas.domain.events import MeterEvent

MAX_MESSAGE_NUMBER = 1_000_000
"""More messages than a delivery can have. All from it on have this number."""


class DeliveryState(StrEnum):
    """The state of a delivery."""

    PENDING = "pending"
    """It was not attempted yet, or is attempted again at `due_at`, until it is too old."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """Every attempt failed, or it became too old. `resend` starts again."""
    DISABLED = "disabled"
    """The subscription was switched off or removed before it was delivered."""


class DeliveryMessage(NamedTuple):
    """A message of the queue, which has a delivery attempted.

    A message that finds its delivery waiting is followed by another one. Of messages with one
    number, which a fault of a queue or of a function can make, one has a successor in the end.

    Attributes:
        webhook_id: The subscription.
        event_id: The event.
        number: The number of messages before it.
    """

    webhook_id: str
    event_id: str
    number: int = 0

    def follow(self) -> DeliveryMessage:
        """Make the message that follows. A number that a hostile message made up has an end."""
        return self._replace(number=min(self.number, MAX_MESSAGE_NUMBER - 1) + 1)


class DeliveryAttempt(NamedTuple):
    """The result of an attempt.

    Attributes:
        at: Its time.
        status: The HTTP status of the answer; `None` if there was none.
        error: Why there was no answer, or why the answer is a failure; `None` for a success.
    """

    at: datetime
    status: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event for one receiver.

    Attributes:
        webhook_id: The subscription.
        subscribed_at: The time at which the subscription was added. Another one that gets the same
            id later is another receiver.
        event: The event.
        state: The state.
        attempts: The number of attempts since it was added, or sent again by hand.
        due_at: The time of the next attempt.
        last: The result of the last attempt, or `None`.
        created_at: The time at which it was added.
        started_at: The time at which it was added, or sent again by hand last.
        message_number: The highest number of a message that is known to be in the queue.
    """

    webhook_id: str
    subscribed_at: datetime
    event: MeterEvent
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    due_at: datetime
    last: DeliveryAttempt | None = None
    created_at: datetime
    started_at: datetime
    message_number: int = 0
