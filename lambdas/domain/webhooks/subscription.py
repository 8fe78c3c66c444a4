"""A subscription of a receiver: its address, the events that it wants, and their form."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from lambdas.domain.events import MeterEvent
from lambdas.domain.patterns import matches

_ALL = ("*",)


class WebhookFormat(StrEnum):
    """The form of what is sent."""

    STANDARD = "standard"
    """By Standard Webhooks: signed JSON. https://www.standardwebhooks.com"""
    SLACK = "slack"
    """An incoming webhook of Slack."""
    TEMPLATE = "template"
    """A JSON template that the user has written, for other chat systems."""


class SealedSecret(NamedTuple):
    """A secret, encrypted with the key of webhooks. Only the sender can decrypt it.

    Attributes:
        ciphertext: The encrypted secret.
        created_at: The time at which it was made.
        expires_at: The time from which it signs no more; `None` for the current one.
    """

    ciphertext: bytes
    created_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """The events that a receiver wants.

    Attributes:
        types: Types, or patterns such as `budget.*`, whose `*` stands for any text. Empty for all.
        scope: Names or patterns by label. An event matches if, for each label here, one of its
            own names matches; an event without that label does not. Empty for all.
    """

    types: tuple[str, ...] = ()
    scope: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def matches(self, event: MeterEvent) -> bool:
        """Say if the receiver wants an event."""
        return _match_any(self.types or _ALL, (event.type.value,)) and all(
            _match_any(patterns, event.scope.get(label, ()))
            for label, patterns in self.scope.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSubscription:
    """A receiver of events.

    Attributes:
        id: Its name, chosen by the user: lower-case letters, digits and hyphens.
        url: The encrypted address: those of chat systems are secrets.
        host: The host of the address, which may be shown.
        format: The form of what is sent.
        filter: The events that it wants.
        secrets: The secrets that sign, the current one last; two while they are rotated, none for
            chat systems.
        template: The template, as JSON; `None` for other forms. Some have a key of the receiver.
        created_at: The time at which it was added.
        paused_until: The time before which nothing is sent, as the receiver has asked for.
        disabled_at: The time at which it was switched off, or `None`.
        disabled_because: The reason, such as that the receiver is gone (410).
        last_disabled_at: The time at which it was switched off last, also after it was switched on
            again; `None` if it never was. Deliveries from before have ended.
    """

    id: str
    url: bytes
    host: str
    format: WebhookFormat = WebhookFormat.STANDARD
    filter: EventFilter = field(default_factory=EventFilter)
    secrets: tuple[SealedSecret, ...] = ()
    template: str | None = field(default=None, repr=False)
    created_at: datetime
    paused_until: datetime | None = None
    disabled_at: datetime | None = None
    disabled_because: str | None = None
    last_disabled_at: datetime | None = None

    @property
    def is_disabled(self) -> bool:
        """True while it is switched off."""
        return self.disabled_at is not None


def _match_any(patterns: Iterable[str], names: Collection[str]) -> bool:
    return any(matches(pattern, name) for pattern in patterns for name in names)
