"""Whatever stops, repeats or comes in another order: each event arrives, or its delivery ends.

A seeded simulation of the queues, the functions and the receivers of webhooks. Runs stop before or
after any effect, messages come twice and in any order, and two senders work at once. A message that
was received too often is a dead letter, and one that is too old is gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import Random

import pytest

from lambdas.adapters.sqs_delivery_queue import MAX_WAIT
from lambdas.domain.events import EventType, MeterEvent
from lambdas.domain.webhooks import (
    MAX_DELIVERY_AGE,
    Delivery,
    DeliveryMessage,
    DeliveryState,
    Origin,
    ReceiverAnswer,
    ReceiverError,
    WebhookFormat,
    WebhookSubscription,
)
from lambdas.services.deliver_webhook import SendResult, WebhookSender
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
    make_delivery,
    make_event,
    make_subscription,
)

SEEDS = range(60)
EVENT_COUNT = 6
MAX_STEPS = 20_000
SENDER_MOMENTS, ROUTER_MOMENTS = 14, 40
MAX_RECEIVES = 10
RETENTION = timedelta(hours=1)
"""Far below that of the queue: a message waits for minutes, and its delivery for days."""
VISIBILITY_TIMEOUT = timedelta(minutes=6)
AFTER_AN_ATTEMPT = {SendResult.DELIVERED, SendResult.RETRIED_LATER, SendResult.DISABLED}
SECOND = timedelta(seconds=1)


@dataclass(eq=False, slots=True)
class Message:
    """A message of a queue, which a sender gets when it is visible."""

    content: DeliveryMessage
    sent_at: datetime
    visible_at: datetime
    receives: int = 0

    @property
    def pair(self) -> Pair:
        return Pair(*self.content[:2])


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
    max_queue_length: int = 0
    webhooks: InMemoryWebhooks = field(init=False)
    deliveries: InMemoryDeliveries = field(init=False)
    box: InMemorySecretBox = field(default_factory=InMemorySecretBox)

    def __post_init__(self) -> None:
        self.webhooks = InMemoryWebhooks(*make_receivers(self.box), effects=self.effects)
        self.deliveries = InMemoryDeliveries(effects=self.effects)

    def send(self, message: DeliveryMessage, wait: timedelta = timedelta(0)) -> None:
        """Add a message to the queue of deliveries, as its port."""
        visible_at = self.now + min(wait, MAX_WAIT)
        added = Message(message, self.now, visible_at)
        self.effects.run(lambda: self.messages.append(added))
        self.max_queue_length = max(self.max_queue_length, len(self.messages))

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
        message.receives += 1
        assert message.receives <= MAX_RECEIVES, "a dead letter"
        assert self.now - message.sent_at < RETENTION, "SQS has deleted it"
        webhook = self.webhooks.stored[message.pair.webhook_id]
        is_forbidden = webhook.is_disabled or (
            webhook.paused_until is not None and self.now < webhook.paused_until
        )
        sender = WebhookSender(
            webhooks=self.webhooks,
            deliveries=self.deliveries,
            queue=self,
            box=self.box,
            receiver=self,
            origin=Origin("1", "r"),
            clock=lambda: self.now,
        )
        outcome = sender.send(message.content, self.now)
        if is_forbidden:
            assert outcome.result not in AFTER_AN_ATTEMPT, "sent to one that is off or paused"
        if message in self.messages and self.random.random() < 0.9:
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
    wrong = find_wrong_requests(
        delivery, requests, repeatable, is_disabled=is_disabled, now=world.now
    )
    assert list(wrong) == []


@pytest.mark.parametrize("seed", SEEDS[:20])
def test_without_crashes_nothing_is_sent_twice(seed: int) -> None:
    world = run_world(seed, has_crashes=False)
    attempts = Counter((request.pair, request.attempts_before) for request in world.requests)
    assert set(attempts.values()) == {1}
    accepted = Counter(request.pair for request in world.requests if request.is_accepted)
    assert set(accepted.values()) == {1}


@pytest.mark.parametrize("seed", SEEDS)
def test_messages_do_not_multiply(seed: int) -> None:
    """Copies come from crashes and from SQS, and end with the number of their message."""
    world = run_world(seed, has_crashes=True)
    assert world.max_queue_length <= 4 * len(list_wanted())


class LateWebhooks(InMemoryWebhooks):
    """Subscriptions whose pauses are seen later, as requests take a time."""

    def __init__(self, *subscriptions: WebhookSubscription) -> None:
        super().__init__(*subscriptions)
        self.now = NOON
        self._pauses: list[tuple[datetime, str, datetime, datetime | None]] = []

    def pause(self, webhook_id: str, until: datetime, added_at: datetime | None = None) -> None:
        self._pauses.append((self.now + SECOND, webhook_id, until, added_at))

    def get(self, webhook_id: str) -> WebhookSubscription | None:
        seen = [each for each in self._pauses if each[0] <= self.now]
        for each in seen:
            self._pauses.remove(each)
            super().pause(*each[1:])
        return super().get(webhook_id)


class Backlog:
    """Deliveries for one receiver, ten senders, and a queue that counts receives.

    A pause is seen once the request that has caused it has ended.
    """

    def __init__(self, count: int, answer: Callable[[datetime], ReceiverAnswer]) -> None:
        self.now = NOON
        self._answer = answer
        box = InMemorySecretBox()
        receiver = make_subscription(
            url=box.seal("pager", "https://receiver.example/"), format=WebhookFormat.SLACK
        )
        ids = [f"evt_{number}" for number in range(count)]
        self.webhooks = LateWebhooks(receiver)
        self.deliveries = InMemoryDeliveries(
            *(make_delivery(event=make_event(id=each)) for each in ids)
        )
        self.sender = WebhookSender(
            webhooks=self.webhooks,
            deliveries=self.deliveries,
            queue=self,
            box=box,
            receiver=self,
            origin=Origin("1", "r"),
            clock=lambda: self.now,
        )
        self.count = 0
        self.waiting: list[tuple[datetime, int, DeliveryMessage]] = []
        for each in ids:
            self.send(DeliveryMessage("pager", each))
        self.runs = 0

    def send(self, message: DeliveryMessage, wait: timedelta = timedelta(0)) -> None:
        self.count += 1
        heappush(self.waiting, (self.now + min(wait, MAX_WAIT), self.count, message))

    def post(self, *_: object) -> ReceiverAnswer:
        return self._answer(self.now)

    def run(self) -> Counter[DeliveryState]:
        """Send until the queue is empty; returns the number of deliveries by state."""
        senders = [NOON] * 10
        while self.waiting:
            visible_at, _, message = heappop(self.waiting)
            self.now = self.webhooks.now = max(visible_at, heappop(senders))
            outcome = self.sender.send(message, self.now)
            self.runs += 1
            is_attempt = outcome.result not in {SendResult.NOT_DUE, SendResult.ENDED}
            heappush(senders, self.now + (0.3 if is_attempt else 0.05) * SECOND)
        return Counter(each.state for each in self.deliveries.stored.values())


class Limited:
    """A receiver that takes one request a second."""

    def __init__(self, retry_after: timedelta | None) -> None:
        self._next = NOON
        self._retry_after = retry_after

    def __call__(self, now: datetime) -> ReceiverAnswer:
        if now < self._next:
            return ReceiverAnswer(429, self._retry_after)
        self._next = now + SECOND
        return ReceiverAnswer(200)


@pytest.mark.parametrize("seconds", [1, 30, None])
def test_a_backlog_drains_at_a_receiver_with_a_limit(seconds: int | None) -> None:
    wait = None if seconds is None else seconds * SECOND
    backlog = Backlog(1_000, Limited(wait))
    assert backlog.run() == {DeliveryState.DELIVERED: 1_000}
    assert backlog.now - NOON < MAX_DELIVERY_AGE
    assert backlog.runs < 200 * 1_000


@pytest.mark.parametrize("hours", [6, 24])
def test_a_backlog_drains_when_a_receiver_is_back(hours: int) -> None:
    back_at = NOON + timedelta(hours=hours)
    backlog = Backlog(500, lambda now: ReceiverAnswer(503 if now < back_at else 200))
    assert backlog.run() == {DeliveryState.DELIVERED: 500}


def test_a_receiver_that_pauses_for_ever_ends_all_its_deliveries() -> None:
    backlog = Backlog(100, lambda _: ReceiverAnswer(429, timedelta(hours=24)))
    assert backlog.run() == {DeliveryState.FAILED: 100}
    assert backlog.now - NOON <= MAX_DELIVERY_AGE + MAX_WAIT


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
