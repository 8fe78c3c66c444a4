"""Notifications for people, in addition to alarms, and the port that delivers them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lambdas.domain.events import MeterEvent

EVENT_SOURCE = "bedrock-meter"
NOTICE_EVENT = "Bedrock Meter Notice"
"""Source and detail type of the events that carry notices, beside the topic."""
MAX_LINES = 20
"""The longest list in a notice; the function's log has the rest."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for people.

    Attributes:
        subject: The subject, in one line.
        text: The event, and the action to take.
        is_repeated: Whether it was published before, in at least one way that failed.
        detail: The same as JSON, for programs; `None` without.
        events: The same as events, for webhooks: one for each subject.
    """

    subject: str
    text: str
    is_repeated: bool = False
    detail: str | None = None
    events: tuple[MeterEvent, ...] = ()


def list_lines(found: Sequence[str]) -> list[str]:
    """List the first `MAX_LINES` texts, a line each, and the number of the others."""
    more = len(found) - MAX_LINES
    rest = [f"- and {more:,} more; see the function's log"] if more > 0 else []
    return [*(f"- {text}" for text in found[:MAX_LINES]), *rest]


class Notifier(Protocol):
    """Delivers notices to subscribers."""

    def publish(self, notice: Notice) -> None:
        """Publish a notice, after the caller has saved the state behind it."""
