"""The delivery of an event to a receiver, which may take several attempts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from lambdas.domain.events import MeterEvent


class DeliveryState(StrEnum):
    """The state of a delivery."""

    PENDING = "pending"
    """It was not attempted yet, or is attempted again at `due_at`."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """Every attempt failed. `resend` starts again."""
    DISABLED = "disabled"
    """The subscription was switched off or removed before it was delivered."""


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
        event: The event.
        state: The state.
        attempts: The number of attempts since it was added, or sent again by hand.
        due_at: The time of the next attempt.
        last: The result of the last attempt, or `None`.
        created_at: The time at which it was added.
    """

    webhook_id: str
    event: MeterEvent
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    due_at: datetime
    last: DeliveryAttempt | None = None
    created_at: datetime
