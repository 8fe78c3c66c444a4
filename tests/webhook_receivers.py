"""Receivers of webhooks with their troubles, and what has to hold for their requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import NamedTuple

from lambdas.domain.webhooks import (
    MAX_ATTEMPTS,
    RETRY_WAITS,
    Delivery,
    DeliveryState,
    EventFilter,
    ReceiverAnswer,
    ReceiverError,
    SealedSecret,
    SecretBox,
    WebhookSubscription,
    is_too_old,
    make_secret,
)
from tests.webhooks import NOON, make_subscription


class Pair(NamedTuple):
    """An event for a receiver."""

    webhook_id: str
    event_id: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request, with the number of attempts that are written of its delivery."""

    pair: Pair
    at: datetime
    attempts_before: int
    is_accepted: bool


@dataclass(frozen=True, slots=True)
class Health:
    """The way in which a receiver answers: weights of kinds of answers, in percent."""

    success: int = 60
    gone: int = 1
    overloaded: int = 14

    def answer(self, random: Random) -> ReceiverAnswer | ReceiverError:
        """Choose an answer."""
        number = random.randrange(100)
        if number < self.success:
            return ReceiverAnswer(200)
        if number < self.success + self.gone:
            return ReceiverAnswer(410)
        if number < self.success + self.gone + self.overloaded:
            wait = timedelta(seconds=random.choice([0, 30, 3_600, 10**6]))
            status = random.choice([429, 503])
            return ReceiverAnswer(status, random.choice([None, wait]))
        others = (ReceiverAnswer(500), ReceiverAnswer(302), ReceiverError("reset"))
        return others[random.randrange(len(others))]


RECEIVERS: Mapping[str, Health] = {
    "healthy": Health(success=100, gone=0, overloaded=0),
    "shaky": Health(),
    "overloaded": Health(success=30, gone=0, overloaded=70),
    "dead": Health(success=0, gone=0, overloaded=20),
    "leaving": Health(success=50, gone=25),
}


def make_receivers(box: SecretBox) -> Sequence[WebhookSubscription]:
    """Make a subscription of each receiver. `shaky` wants events of the brake alone."""
    return [
        make_subscription(
            id=name,
            url=box.seal(name, f"https://{name}.example/"),
            secrets=(SealedSecret(box.seal(name, make_secret(b"s" * 32)), NOON),),
            filter=EventFilter(types=("brake.*",) if name == "shaky" else ()),
        )
        for name in RECEIVERS
    ]


def read_name(url: str) -> str:
    """Read the name of a receiver from its address."""
    return url.removeprefix("https://").partition(".")[0]


def find_wrong_requests(
    delivery: Delivery,
    requests: Sequence[Request],
    repeatable: int,
    *,
    is_disabled: bool,
    now: datetime,
) -> Iterator[str]:
    """Find what does not hold for the requests of a delivery.

    Args:
        delivery: The delivery at the end.
        requests: Its requests, in order.
        repeatable: The number of requests that may be repeated: their sender has died.
        is_disabled: Whether the receiver is switched off.
        now: The time.
    """
    pair = Pair(delivery.webhook_id, delivery.event.id)
    if delivery.attempts > MAX_ATTEMPTS:
        yield f"{pair} has {delivery.attempts} attempts"
    if not delivery.attempts <= len(requests) <= delivery.attempts + repeatable:
        yield f"{pair} has {delivery.attempts} attempts, and {len(requests)} requests"
    is_right = {
        DeliveryState.PENDING: True,
        DeliveryState.DELIVERED: any(request.is_accepted for request in requests[-1:]),
        DeliveryState.FAILED: delivery.attempts == MAX_ATTEMPTS or is_too_old(delivery, now),
        DeliveryState.DISABLED: is_disabled,
    }
    if not is_right[delivery.state]:
        yield f"{pair} is {delivery.state}, which it should not be"
    # An accepted event is sent again only if its sender stopped before it could write so.
    if sum(request.is_accepted for request in requests) > 1 + repeatable:
        yield f"{pair} was sent again after it was accepted"
    for before, after in pairwise(requests):
        is_next = after.attempts_before > before.attempts_before
        if is_next and after.at - before.at < RETRY_WAITS[before.attempts_before]:
            yield f"{pair} was sent again after {after.at - before.at}"
