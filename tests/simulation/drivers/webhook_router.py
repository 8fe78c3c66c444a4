"""Events of the topic and of alarms, routed to the receivers that want them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from lambdas.adapters.dynamodb.delivery_store import DynamoDbDeliveryStore
from lambdas.adapters.dynamodb.webhook_store import DynamoDbWebhookStore
from lambdas.adapters.received_events import OwnTopic, RejectedRecord, read_record
from lambdas.adapters.sqs_delivery_queue import SqsDeliveryQueue
from lambdas.domain.events import EventType, write_events
from lambdas.services.route_events import EventRouter
from tests.alarm_changes import alarm_change
from tests.simulation.account import DELIVERIES, EVENTS, GOVERNANCE, Account
from tests.simulation.cloud.queue import QueueMapping
from tests.simulation.drivers.driver import Driver
from tests.simulation.drivers.webhooks import (
    TOPIC,
    find_lost,
    list_deliveries,
    list_subscriptions,
    make_notification,
    plan_webhooks,
)
from tests.simulation.faults import Fault
from tests.simulation.phases import FAULTS_END
from tests.simulation.world import START
from tests.webhook_receivers import Pair
from tests.webhooks import make_event

MAPPING = QueueMapping(
    function="webhook_router",
    batch_size=1,
    visibility_timeout=timedelta(minutes=12),
    max_receives=5,
)
_TOPIC = OwnTopic(lambda: TOPIC)
_NOTICES = 6
_REPEATED_SHARE = 0.3
_BROKEN = ("", "no JSON", "[]", '{"source": "other"}', make_notification("[1]"))
_TYPES = (EventType.BRAKE_DENIED, EventType.LIMIT_NEAR, EventType.BUDGET_THRESHOLD_REACHED)


class WebhookRouterDriver(Driver):
    """Routes events of people's notices and of an alarm. Two batches may be at work."""

    function = "webhook_router"

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._sent: list[str] = []

    def make(self) -> EventRouter:
        return EventRouter(
            webhooks=DynamoDbWebhookStore(self.dynamodb, GOVERNANCE),
            deliveries=DynamoDbDeliveryStore(self.dynamodb, GOVERNANCE),
            queue=SqsDeliveryQueue(self.account.sqs, DELIVERIES),
        )

    def run(self, event: Any) -> Any:
        unread = [record["messageId"] for record in event["Records"] if not self._route(record)]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in unread]}

    def _route(self, record: Any) -> bool:
        found = read_record(record, _TOPIC)
        if isinstance(found, RejectedRecord):
            return False
        self.service.route(found, self.account.now)
        return True

    def start(self) -> None:
        plan_webhooks(self.account)
        self.account.queues[EVENTS].mapping = MAPPING
        for number in range(_NOTICES):
            self._plan(make_notification(write_events(self._make_events(number))))
        for state, previous in (("ALARM", "OK"), ("OK", "ALARM")):
            change = alarm_change("BedrockMeter-Health-NoData", state, previous)
            self._plan(json.dumps(change))

    def _make_events(self, number: int) -> Iterator[Any]:
        random = self.account.world.random
        for part in range(random.randint(1, 3)):
            yield make_event(id=f"evt_{number}_{part}", type=random.choice(_TYPES))

    def _plan(self, body: str) -> None:
        at = START + (FAULTS_END - START) * self.account.world.random.random()
        self.account.world.at(at, self._send, body)

    def _send(self, body: str) -> None:
        """Send a message, which SNS and EventBridge may repeat."""
        self._sent.append(body)
        queue, world = self.account.queues[EVENTS], self.account.world
        queue.add(body)
        if world.strikes(Fault.DUPLICATES, _REPEATED_SHARE):
            world.after(world.random.uniform(0, 600), queue.add, body)
        if world.strikes(Fault.POISON, _REPEATED_SHARE):
            queue.add(world.random.choice(_BROKEN))

    def check(self) -> Iterator[str]:
        yield from find_lost(self.account)
        yield from self._find_wrong_deliveries()
        queue = self.account.queues[EVENTS]
        for message in queue.messages.values():
            yield f"a message is still in the queue: {message.body}"
        for message in queue.dead_letters:
            if message.body not in _BROKEN:
                yield f"a message was not routed: {message.body}"

    def _find_wrong_deliveries(self) -> Iterator[str]:
        wanted = set[Pair]()
        subscriptions = list_subscriptions(self.account)
        for body in self._sent:
            events = read_record({"messageId": "", "body": body}, _TOPIC)
            assert not isinstance(events, RejectedRecord)
            wanted |= {
                Pair(subscription.id, event.id)
                for event in events
                for subscription in subscriptions.values()
                if subscription.filter.matches(event)
            }
        stored = {
            Pair(delivery.webhook_id, delivery.event.id)
            for delivery in list_deliveries(self.account)
            if delivery.event.type is not EventType.WEBHOOK_TEST
        }
        for pair in sorted(stored - wanted):
            yield f"{pair} is delivered, and no one has sent it"
        for pair in sorted(wanted - stored):
            # An event that was routed after a receiver was switched off has no delivery for it.
            if not subscriptions[pair.webhook_id].is_disabled:
                yield f"{pair} has no delivery"
