"""In-memory twins of the stores, the queue, the key and the receivers of webhooks, and builders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from lambdas.domain.events import EventType, MeterEvent, make_event_id
from lambdas.domain.webhooks import (
    Delivery,
    DeliveryMessage,
    DeliveryState,
    ReceiverAnswer,
    ReceiverError,
    SealedSecret,
    WebhookSubscription,
)
from tests.brake import Effects

NOON = datetime(2026, 9, 8, 12, 0, tzinfo=UTC)
URL = "https://receiver.example/hooks/url-token"
"""The address of a receiver; its path is a secret."""

_Result = TypeVar("_Result")


def make_event(**changes: Any) -> MeterEvent:
    """An event about a budget, but for the changes."""
    event = MeterEvent(
        id=make_event_id("tests"),
        type=EventType.BUDGET_THRESHOLD_REACHED,
        at=NOON,
        title="Budget chat: 80 % of $100.00",
        text="Project chat has used $81.20 of $100.00. Ask its owner.",
        scope={"project": ("chat",)},
        detail={"budget": "chat"},
        link="https://console.aws.amazon.com/cloudwatch/home#dashboards/dashboard/BedrockMeter",
    )
    return replace(event, **changes)


def make_subscription(**changes: Any) -> WebhookSubscription:
    """A receiver of all events, but for the changes."""
    subscription = WebhookSubscription(
        id="pager", url=b"sealed", host="receiver.example", created_at=NOON
    )
    return replace(subscription, **changes)


def make_delivery(**changes: Any) -> Delivery:
    """A delivery that is due and was not attempted yet, but for the changes."""
    times = {"due_at": NOON, "created_at": NOON, "started_at": NOON, "subscribed_at": NOON}
    return Delivery(**{"webhook_id": "pager", "event": make_event(), **times, **changes})


class NotSealedHereError(Exception):
    """A ciphertext belongs to another subscription, or was never made."""


class InMemorySecretBox:
    """Keeps texts and hands out numbers for them, so that no ciphertext contains its text."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, bytes], str] = {}

    def seal(self, webhook_id: str, text: str) -> bytes:
        ciphertext = f"{webhook_id}:{len(self._texts)}".encode()
        self._texts[webhook_id, ciphertext] = text
        return ciphertext

    def open(self, webhook_id: str, ciphertext: bytes) -> str:
        text = self._texts.get((webhook_id, ciphertext))
        if text is None:
            raise NotSealedHereError
        return text


class InMemoryWebhooks:
    """Subscriptions in a dictionary."""

    def __init__(self, *subscriptions: WebhookSubscription, effects: Effects | None = None) -> None:
        self.stored = {each.id: each for each in subscriptions}
        self._effects = effects or Effects()

    def list_all(self) -> Sequence[WebhookSubscription]:
        return [self.stored[webhook_id] for webhook_id in sorted(self.stored)]

    def get(self, webhook_id: str) -> WebhookSubscription | None:
        return self.stored.get(webhook_id)

    def add(self, subscription: WebhookSubscription) -> bool:
        def insert() -> bool:
            return self.stored.setdefault(subscription.id, subscription) is subscription

        return _run(self._effects, insert)

    def remove(self, webhook_id: str) -> bool:
        return _run(self._effects, lambda: self.stored.pop(webhook_id, None) is not None)

    def write_secrets(
        self,
        webhook_id: str,
        secrets: Sequence[SealedSecret],
        replaced: Sequence[SealedSecret],
    ) -> bool:
        def write() -> bool:
            found = self.stored.get(webhook_id)
            if found is None or found.secrets != tuple(replaced):
                return False
            self.stored[webhook_id] = replace(found, secrets=tuple(secrets))
            return True

        return _run(self._effects, write)

    def _get(self, webhook_id: str, added_at: datetime | None) -> WebhookSubscription | None:
        found = self.stored.get(webhook_id)
        is_another = found is not None and added_at is not None and found.created_at != added_at
        return None if is_another else found

    def pause(self, webhook_id: str, until: datetime, added_at: datetime | None = None) -> None:
        def write() -> None:
            found = self._get(webhook_id, added_at)
            if found is not None and (found.paused_until is None or found.paused_until < until):
                self.stored[webhook_id] = replace(found, paused_until=until)

        _run(self._effects, write)

    def disable(
        self, webhook_id: str, at: datetime, because: str, added_at: datetime | None = None
    ) -> None:
        def write() -> None:
            found = self._get(webhook_id, added_at)
            if found is not None and found.disabled_at is None:
                self.stored[webhook_id] = replace(
                    found, disabled_at=at, disabled_because=because, last_disabled_at=at
                )

        _run(self._effects, write)

    def enable(self, webhook_id: str) -> bool:
        def write() -> bool:
            found = self.stored.get(webhook_id)
            if found is None:
                return False
            self.stored[webhook_id] = replace(
                found, disabled_at=None, disabled_because=None, paused_until=None
            )
            return True

        return _run(self._effects, write)


class InMemoryDeliveries:
    """Deliveries in a dictionary, with the ends of their claims."""

    def __init__(self, *deliveries: Delivery, effects: Effects | None = None) -> None:
        self.stored = {(each.webhook_id, each.event.id): each for each in deliveries}
        self._claims: dict[tuple[str, str], datetime] = {}
        self._effects = effects or Effects()

    def add(self, delivery: Delivery) -> bool:
        def insert() -> bool:
            return self.stored.setdefault(_key(delivery), delivery) is delivery

        return _run(self._effects, insert)

    def get(self, webhook_id: str, event_id: str) -> Delivery | None:
        return self.stored.get((webhook_id, event_id))

    def list_for(self, webhook_id: str) -> Iterator[Delivery]:
        found = [each for each in self.stored.values() if each.webhook_id == webhook_id]
        yield from sorted(found, key=lambda each: (each.created_at, each.event.id), reverse=True)

    def claim(self, delivery: Delivery, now: datetime, until: datetime) -> bool:
        def write() -> bool:
            key = _key(delivery)
            found, claimed_until = self.stored.get(key), self._claims.get(key)
            if (
                found is None
                or found.state is not DeliveryState.PENDING
                or found.attempts != delivery.attempts
                or (claimed_until is not None and now < claimed_until)
            ):
                return False
            self._claims[key] = until
            return True

        return _run(self._effects, write)

    def write(
        self, delivery: Delivery, attempts_before: int, started_before: datetime | None = None
    ) -> bool:
        def write() -> bool:
            key = _key(delivery)
            found = self.stored.get(key)
            before = attempts_before, started_before or delivery.started_at
            if found is None or (found.attempts, found.started_at) != before:
                return False
            self.stored[key] = delivery
            self._claims.pop(key, None)
            return True

        return _run(self._effects, write)

    def note_message(self, message: DeliveryMessage) -> None:
        def write() -> None:
            key = message.webhook_id, message.event_id
            found = self.stored.get(key)
            if found is not None and found.message_number < message.number:
                self.stored[key] = replace(found, message_number=message.number)

        _run(self._effects, write)


class InMemoryDeliveryQueue:
    """A queue in a list, with the waits of its messages in another one."""

    def __init__(self, *, effects: Effects | None = None) -> None:
        self.messages: list[DeliveryMessage] = []
        self.waits: list[timedelta] = []
        self._effects = effects or Effects()

    def send(self, message: DeliveryMessage, wait: timedelta = timedelta(0)) -> None:
        def append() -> None:
            self.messages.append(message)
            self.waits.append(wait)

        _run(self._effects, append)


class SentRequest(NamedTuple):
    """A request that a receiver was sent."""

    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(slots=True)
class ScriptedReceiver:
    """A receiver that gives the answers of a list in turn, and 200 after them.

    Attributes:
        answers: The answers that are left; an error means that there was none.
        effects: Each request is one of them.
        requests: The requests so far.
    """

    answers: list[ReceiverAnswer | ReceiverError] = field(default_factory=list)
    effects: Effects = field(default_factory=Effects)
    requests: list[SentRequest] = field(default_factory=list)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> ReceiverAnswer:
        _run(self.effects, lambda: self.requests.append(SentRequest(url, body, dict(headers))))
        answer = self.answers.pop(0) if self.answers else ReceiverAnswer(200)
        if isinstance(answer, ReceiverError):
            raise answer
        return answer


def _key(delivery: Delivery) -> tuple[str, str]:
    return delivery.webhook_id, delivery.event.id


def _run(effects: Effects, write: Callable[[], _Result]) -> _Result:
    """Make a write one effect, and return its result."""
    results: list[_Result] = []
    effects.run(lambda: results.append(write()))
    return results[0]
