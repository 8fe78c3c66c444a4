"""An event: what happened, for people and for programs. It holds no prompt and no secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeAlias

from lambdas.domain.events.types import EventType

EventScope: TypeAlias = Mapping[str, tuple[str, ...]]
"""Names by label, as scopes of budgets have them: `{"project": ("chat",)}`. Empty for none."""
MAX_ID_LETTERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterEvent:
    """Something that the meter reports.

    Attributes:
        id: A text that is made from the cause, so that a repeated event has the same one; see
            `make_event_id`. Receivers notice repeated deliveries by it.
        type: The type.
        at: The time at which it happened, UTC.
        title: What happened, in one line.
        text: The same with the action to take, for people.
        scope: The usage that it concerns. An event about the whole meter has none.
        detail: The content for programs, in the form of the JSON Schema of the type.
        link: The address of a dashboard, or `None`.
    """

    id: str
    type: EventType
    at: datetime
    title: str
    text: str
    scope: EventScope = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    link: str | None = None


def make_event_id(*cause: str) -> str:
    """Make the id of an event from its cause, such as its type, its subject and its period.

    The result has only letters that headers and keys may have.
    """
    digest = sha256("\0".join(cause).encode()).hexdigest()
    return f"evt_{digest[:32]}"
