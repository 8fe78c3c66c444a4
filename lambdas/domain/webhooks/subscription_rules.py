"""The rules that a new subscription has to follow. Each refusal says what to write instead."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, NoReturn

from lambdas.domain.events import EventType
from lambdas.domain.patterns import matches
from lambdas.domain.scope_field import ScopeField
from lambdas.domain.webhooks.address import InvalidAddressError, ReceiverAddress, parse_address
from lambdas.domain.webhooks.attempts import belongs_to
from lambdas.domain.webhooks.deliveries import Delivery
from lambdas.domain.webhooks.subscription import (
    EventFilter,
    WebhookFormat,
    WebhookSubscription,
)
from lambdas.domain.webhooks.templates import InvalidTemplateError, check_template
from lambdas.domain.words import show

MAX_WEBHOOKS: Final = 100
"""The subscriptions of a meter."""
MAX_FILTER_NAMES: Final = 100
"""The types and names of a filter, all together."""
MAX_NAME_LETTERS: Final = 1000
MAX_FILTER_BYTES: Final = 100_000
"""The bytes of a filter as it is stored: an item of DynamoDB has 400 KB at most."""
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


class InvalidWebhookError(ValueError):
    """A subscription cannot be added as it is. The text says what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWebhook:
    """A subscription as a user asks for it.

    Attributes:
        id: Its name.
        url: The address, which may be a secret. It appears in no text of this object.
        format: The form of what is sent.
        filter: The events that it wants.
        template: The template, for the form of the same name. Some have a key of the receiver.
    """

    id: str
    url: str = field(repr=False)
    format: WebhookFormat = WebhookFormat.STANDARD
    filter: EventFilter = field(default_factory=EventFilter)
    template: str | None = field(default=None, repr=False)


def check_webhook(new: NewWebhook) -> ReceiverAddress:
    """Check a subscription, and return its address in parts.

    Raises:
        InvalidWebhookError: It breaks a rule.
    """
    if not _ID.fullmatch(new.id):
        _refuse(
            "the name is not allowed: use 1 to 40 lower-case letters, digits and"
            " hyphens, with a letter or digit at both ends"
        )
    _check_filter(new.filter)
    _check_template(new)
    try:
        return parse_address(new.url)
    except InvalidAddressError as error:
        message = f"the address cannot be called: {error}"
    raise InvalidWebhookError(message)


def check_receiver(delivery: Delivery, subscription: WebhookSubscription) -> None:
    """Refuse a delivery of an earlier subscription with the same id.

    Raises:
        InvalidWebhookError: It is one.
    """
    if not belongs_to(delivery, subscription):
        message = (
            f"this delivery was for an earlier receiver {subscription.id}, which was removed: the"
            " one of today is another receiver, and gets only events since it was added"
        )
        raise InvalidWebhookError(message)


def _check_filter(wanted: EventFilter) -> None:
    count = len(wanted.types) + sum(map(len, wanted.scope.values()))
    if count > MAX_FILTER_NAMES:
        _refuse(
            f"the filter has {count:,} types and names: use {MAX_FILTER_NAMES} at most, or"
            " patterns such as chat-*"
        )
    patterns = [*wanted.types, *(name for each in wanted.scope.values() for name in each)]
    if len(json.dumps(patterns)) > MAX_FILTER_BYTES:
        _refuse("the types and names of the filter are too long: use patterns such as chat-*")
    for pattern in wanted.types:
        if not any(matches(pattern, event_type) for event_type in EventType):
            _refuse(f"no event has the type {show(pattern)}: use {', '.join(EventType)}")
    for label, names in wanted.scope.items():
        _check_names(label, names)


def _check_names(label: str, names: Collection[str]) -> None:
    if label not in set(ScopeField):
        _refuse(f"events have no label {show(label)}: use {', '.join(ScopeField)}")
    if not names:
        _refuse(f"the filter has no name for {label}: add one, or leave the label out")
    for name in names:
        if not name or len(name) > MAX_NAME_LETTERS:
            _refuse(
                f"{show(name)} is no name for {label}: use 1 to {MAX_NAME_LETTERS:,} letters, or a"
                " pattern such as chat-*"
            )


def _check_template(new: NewWebhook) -> None:
    if new.format is not WebhookFormat.TEMPLATE:
        if new.template is not None:
            _refuse(
                f"the format {new.format} has no template: leave it out, or use the format"
                f" {WebhookFormat.TEMPLATE}"
            )
        return
    if new.template is None:
        _refuse("the template is missing: add a JSON file with names such as {title} and {text}")
    try:
        check_template(new.template)
    except InvalidTemplateError as error:
        message = str(error)
        raise InvalidWebhookError(message) from None


def _refuse(message: str) -> NoReturn:
    raise InvalidWebhookError(message)
