"""Whatever stops, repeats or comes in another order: each event arrives, or its delivery ends.

A seeded simulation of the queues, the functions and the receivers of webhooks. Runs stop before or
after any effect, messages come twice and in any order, and two senders work at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import pytest

from lambdas.domain.events import EventType, MeterEvent
from lambdas.domain.webhooks import (
    Delivery,
    DeliveryState,
    Origin,
    ReceiverAnswer,
    ReceiverError,
)
from lambdas.services.deliver_webhook import WebhookSender
from lambdas.services.route_events import EventRouter
from tests.brake import Crash, Effects
from tests.webhook_receivers import (
    RECEIVERS,
    Pair,
    Request,
    find_wrong_requests,
    make_receivers,
    read_name,
)
from tests.webhooks import (
    NOON,
    InMemoryDeliveries,
    InMemorySecretBox,
    InMemoryWebhooks,
    make_event,
)

SEEDS = range(60)
EVENT_COUNT = 6
MAX_STEPS = 5_000
SENDER_MOMENTS, ROUTER_MOMENTS = 14, 40
MAX_VISIBILITY = timedelta(hours=12)
VISIBILITY_TIMEOUT = timedelta(seconds=90)
SECOND = timedelta(seconds=1)


@dataclass(eq=False, slots=True)
class Message:
    """A message of a queue, which a sender gets when it is visible."""

    pair: Pair
    visible_at: datetime


@dataclass(slots=True)
class World:
    """The parts of the meter that deliver webhooks, and what happened to them.

    Attributes:
        random: Decides all that happens.
        has_crashes: Whether runs stop anywhere. Without them no event arrives twice.
    """

    random: Random
    has_crashes: bool
    now: datetime = NOON
    effects: Effects = field(default_factory=Effects)
    messages: list[Message] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    crashes: Counter[Pair] = field(default_factory=Counter)
    webhooks: InMemoryWebhooks = field(init=False)
    deliveries: InMemoryDeliveries = field(init=False)
    box: InMemorySecretBox = field(default_factory=InMemorySecretBox)

    def __post_init__(self) -> None:
        self.webhooks = InMemoryWebhooks(*make_receivers(self.box), effects=self.effects)
        self.deliveries = InMemoryDeliveries(effects=self.effects)

    def send(self, webhook_id: str, event_id: str) -> None:
        """Add a message to the queue of deliveries, as the port of the router."""
        pair = Pair(webhook_id, event_id)
        self.effects.run(lambda: self.messages.append(Message(pair, self.now)))

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> ReceiverAnswer:
        """Answer as the health of the receiver says. Each answer takes up to 15 seconds."""
        name = read_name(url)
        answer = RECEIVERS[name].answer(self.random)
        is_accepted = isinstance(answer, ReceiverAnswer) and answer.status == 200
        pair = Pair(name, headers["webhook-id"])
        assert f'"title":"{TITLES[pair.event_id]}"'.encode() in body
        self.effects.run(lambda: self._note_request(pair, is_accepted=is_accepted))
        self.now += self.random.randrange(15) * SECOND
        if isinstance(answer, ReceiverError):
            raise answer
        return answer

    def _note_request(self, pair: Pair, *, is_accepted: bool) -> None:
        attempts = self.deliveries.stored[pair].attempts
        self.requests.append(Request(pair, self.now, attempts, is_accepted))

    def route(self, event: MeterEvent) -> None:
        """Route an event until a run comes to its end."""
        router = EventRouter(self.webhooks, self.deliveries, self)
        while not self._run_to_the_end(router, event):
            self.now += SECOND

    def _run_to_the_end(self, router: EventRouter, event: MeterEvent) -> bool:
        self._plan_the_end(ROUTER_MOMENTS)
        try:
            router.route([event], self.now)
        except Crash:
            return False
        finally:
            self.effects.left = None
        return True

    def receive(self, message: Message) -> None:
        """Give a message to a sender, which may stop or meet another one."""
        self._plan_the_end(SENDER_MOMENTS)
        if self.random.random() < 0.3:
            # Another sender gets a copy of the message, or another one, at some moment.
            self.effects.left = self.random.randrange(SENDER_MOMENTS)
            other = self.random.choice([message, *self.messages])
            self.effects.interrupt = lambda: self._process(other)
        try:
            self._process(message)
        except Crash:
            self.crashes[message.pair] += 1
        finally:
            self.effects.left = self.effects.interrupt = None

    def _plan_the_end(self, moments: int) -> None:
        self.effects.interrupt = None
        has_end = self.has_crashes and self.random.random() < 0.4
        self.effects.left = self.random.randrange(moments) if has_end else None

    def _process(self, message: Message) -> None:
        message.visible_at = self.now + VISIBILITY_TIMEOUT
        webhook = self.webhooks.stored[message.pair.webhook_id]
        is_forbidden = webhook.is_disabled or (
            webhook.paused_until is not None and self.now < webhook.paused_until
        )
        sent_before = len(self.requests)
        sender = WebhookSender(
            self.webhooks, self.deliveries, self.box, self, Origin("1", "r"), lambda: self.now
        )
        outcome = sender.send(*message.pair, self.now)
        if is_forbidden:
            assert len(self.requests) == sent_before, "sent to a receiver that is off or paused"
        if outcome.wait is not None:
            message.visible_at = self.now + min(outcome.wait, MAX_VISIBILITY)
        elif message in self.messages and self.random.random() < 0.9:
            self.messages.remove(message)
        # Else it comes again, as SQS may have it.

    def run(self) -> None:
        """Route and send until nothing is left to do."""
        to_route = [*EVENTS, *self.random.choices(EVENTS, k=3)]
        self.random.shuffle(to_route)
        for _ in range(MAX_STEPS):
            visible = [each for each in self.messages if each.visible_at <= self.now]
            if to_route and (not visible or self.random.random() < 0.2):
                self.route(to_route.pop())
            elif visible:
                self.receive(self.random.choice(visible))
            elif self.messages:
                self.now = min(each.visible_at for each in self.messages)
            else:
                return
        pytest.fail("there is no end of it")


EVENTS = [
    make_event(
        id=f"evt_{number}",
        title=f"Event number {number}.",
        type=EventType.BRAKE_DENIED if number % 2 else EventType.LIMIT_NEAR,
    )
    for number in range(EVENT_COUNT)
]

TITLES = {event.id: event.title for event in EVENTS}


def list_wanted() -> set[Pair]:
    return {
        Pair(name, event.id)
        for name in RECEIVERS
        for event in EVENTS
        if name != "shaky" or event.type is EventType.BRAKE_DENIED
    }


def run_world(seed: int, *, has_crashes: bool) -> World:
    world = World(Random(seed), has_crashes)  # noqa: S311  # a simulation, no secret
    world.run()
    return world


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("has_crashes", [True, False])
def test_each_event_arrives_or_its_delivery_ends(seed: int, *, has_crashes: bool) -> None:
    world = run_world(seed, has_crashes=has_crashes)
    stored = world.deliveries.stored
    # An event that was routed after a receiver was switched off has no delivery for it.
    missing = list_wanted() - stored.keys()
    assert stored.keys() <= list_wanted()
    assert all(world.webhooks.stored[pair.webhook_id].is_disabled for pair in missing)
    for key, delivery in stored.items():
        check_end(world, Pair(*key), delivery)


def check_end(world: World, pair: Pair, delivery: Delivery) -> None:
    assert delivery.state is not DeliveryState.PENDING
    requests = [request for request in world.requests if request.pair == pair]
    is_disabled = world.webhooks.stored[pair.webhook_id].is_disabled
    repeatable = world.crashes[pair]
    wrong = find_wrong_requests(delivery, requests, repeatable, is_disabled=is_disabled)
    assert list(wrong) == []


@pytest.mark.parametrize("seed", SEEDS[:20])
def test_without_crashes_nothing_is_sent_twice(seed: int) -> None:
    world = run_world(seed, has_crashes=False)
    attempts = Counter((request.pair, request.attempts_before) for request in world.requests)
    assert set(attempts.values()) == {1}
    accepted = Counter(request.pair for request in world.requests if request.is_accepted)
    assert set(accepted.values()) == {1}


def test_the_simulation_reaches_every_end_and_every_trouble() -> None:
    worlds = [run_world(seed, has_crashes=True) for seed in SEEDS[:20]]
    states = {each.state for world in worlds for each in world.deliveries.stored.values()}
    assert states == set(DeliveryState) - {DeliveryState.PENDING}
    assert sum(world.crashes.total() for world in worlds) > 100
    accepted = Counter(
        (number, request.pair)
        for number, world in enumerate(worlds)
        for request in world.requests
        if request.is_accepted
    )
    assert max(accepted.values()) > 1, "no crash between an accepted request and its writing"
