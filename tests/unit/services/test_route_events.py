"""Each event reaches each receiver that wants it, once, wherever a run stops."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.domain.events import EventType, MeterEvent
from lambdas.domain.webhooks import (
    Delivery,
    DeliveryMessage,
    DeliveryState,
    EventFilter,
    UnreadableWebhookError,
)
from lambdas.services.route_events import EventRouter, RouteReport
from tests.brake import Crash, Effects
from tests.webhooks import (
    NOON,
    InMemoryDeliveries,
    InMemoryDeliveryQueue,
    InMemoryWebhooks,
    make_delivery,
    make_event,
    make_subscription,
)

LATER = NOON + timedelta(minutes=5)
DENIED = make_event(id="evt_denied", type=EventType.BRAKE_DENIED)
REACHED = make_event(id="evt_reached")
ALL = make_subscription(id="all")
BRAKE = make_subscription(id="brake", filter=EventFilter(types=("brake.*",)))
OFF = make_subscription(id="off", disabled_at=NOON, disabled_because="410")


class Routing:
    """A router with what it works on."""

    def __init__(self, effects: Effects | None = None) -> None:
        self.deliveries = InMemoryDeliveries(effects=effects)
        self.queue = InMemoryDeliveryQueue(effects=effects)
        webhooks = InMemoryWebhooks(ALL, BRAKE, OFF)
        self.router = EventRouter(webhooks, self.deliveries, self.queue)

    def route(self, *events: MeterEvent) -> RouteReport:
        return self.router.route(events, LATER)


def test_an_event_is_delivered_to_each_receiver_that_wants_it() -> None:
    routing = Routing()
    assert routing.route(REACHED, DENIED) == RouteReport(added=3)
    wanted = [("all", "evt_reached"), ("all", "evt_denied"), ("brake", "evt_denied")]
    assert list(routing.deliveries.stored) == wanted
    assert routing.queue.messages == [DeliveryMessage(*each) for each in wanted]


def test_a_delivery_is_due_at_once() -> None:
    routing = Routing()
    routing.route(DENIED)
    assert routing.deliveries.get("all", "evt_denied") == make_delivery(
        webhook_id="all", event=DENIED, due_at=LATER, created_at=LATER, started_at=LATER
    )


def test_a_repeated_event_adds_nothing_but_wakes_what_was_not_attempted() -> None:
    routing = Routing()
    routing.route(REACHED)
    assert routing.route(REACHED) == RouteReport(repeated=1)
    assert len(routing.deliveries.stored) == 1
    assert routing.queue.messages == [DeliveryMessage("all", "evt_reached")] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {"attempts": 1},
        {"state": DeliveryState.DELIVERED, "attempts": 1},
        {"state": DeliveryState.FAILED, "attempts": 10},
        {"state": DeliveryState.DISABLED},
    ],
    ids=str,
)
def test_a_delivery_that_was_attempted_or_has_ended_is_not_queued_again(
    changes: dict[str, object],
) -> None:
    routing = Routing()
    found = make_delivery(webhook_id="all", event=REACHED, **changes)
    routing.deliveries.stored["all", "evt_reached"] = found
    assert routing.route(REACHED) == RouteReport(repeated=1)
    assert not routing.queue.messages
    assert routing.deliveries.get("all", "evt_reached") == found


def test_a_stored_delivery_that_cannot_be_read_stops_no_other() -> None:
    class Damaged(InMemoryDeliveries):
        def get(self, webhook_id: str, event_id: str) -> Delivery | None:
            if webhook_id == "all":
                raise UnreadableWebhookError
            return super().get(webhook_id, event_id)

    routing = Routing()
    stored = Damaged()
    router = replace(routing.router, deliveries=stored)
    for _ in range(2):
        router.route([DENIED], LATER)
    queued = [message.webhook_id for message in routing.queue.messages]
    assert queued == ["all", "brake", "brake"]


def test_no_event_is_no_work() -> None:
    assert Routing().route() == RouteReport()


@pytest.mark.parametrize("moment", range(12))
def test_a_run_that_stops_anywhere_loses_nothing(moment: int) -> None:
    effects = Effects(moment)
    routing = Routing(effects)
    with pytest.raises(Crash):
        routing.route(REACHED, DENIED)
    routing.route(REACHED, DENIED)
    assert len(routing.deliveries.stored) == 3
    assert {message[:2] for message in routing.queue.messages} == set(routing.deliveries.stored)


def test_a_delivery_that_was_not_queued_before_its_receiver_was_off_is_queued_to_be_ended() -> None:
    routing = Routing()
    routing.deliveries.add(make_delivery(webhook_id="off", event=DENIED))
    routing.route(DENIED, REACHED)
    queued = [message for message in routing.queue.messages if message.webhook_id == "off"]
    assert queued == [DeliveryMessage("off", "evt_denied")]
    assert ("off", "evt_reached") not in routing.deliveries.stored
