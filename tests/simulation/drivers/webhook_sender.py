"""Deliveries, sent to receivers that fail, ask for pauses, or want no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from lambdas.adapters.dynamodb.delivery_store import DynamoDbDeliveryStore
from lambdas.adapters.dynamodb.webhook_store import DynamoDbWebhookStore
from lambdas.adapters.sqs_delivery_queue import SqsDeliveryQueue, read_delivery_message
from lambdas.domain.webhooks import Origin, ReceiverAnswer, ReceiverError
from lambdas.services.deliver_webhook import WebhookSender
from tests.simulation.account import DELIVERIES, GOVERNANCE, Account
from tests.simulation.cloud.errors import UNAVAILABLE, refused
from tests.simulation.cloud.queue import QueueMapping
from tests.simulation.drivers.driver import Driver
from tests.simulation.drivers.webhooks import (
    find_lost,
    find_overdue,
    list_deliveries,
    list_subscriptions,
    plan_webhooks,
)
from tests.simulation.ports import Port
from tests.webhook_receivers import RECEIVERS, Pair, Request, find_wrong_requests, read_name

MAPPING = QueueMapping(
    function="webhook_sender",
    batch_size=1,
    visibility_timeout=timedelta(minutes=6),
    max_receives=10,
)


class Receivers:
    """The receivers, as the sender reaches them over HTTPS.

    Attributes:
        requests: What they got.
        repeatable: The number of requests that may come again, since their sender has died.
        forbidden: For each run that is under way, whether its receiver was off or paused before.
        wrong: Requests that such receivers got.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self.requests: list[Request] = []
        self.repeatable: Counter[Pair] = Counter()
        self.forbidden: list[bool] = []
        self.wrong: list[str] = []

    def post(self, url: str, _body: bytes, headers: Mapping[str, str]) -> ReceiverAnswer:
        """Take a request and answer it."""
        world = self._account.world
        world.effect()
        assert "webhook-signature" in headers
        pair = Pair(read_name(url), headers["webhook-id"])
        answer = RECEIVERS[pair.webhook_id].answer(world.random)
        is_accepted = isinstance(answer, ReceiverAnswer) and answer.status == 200
        attempts = self._read_attempts(pair)
        self.requests.append(Request(pair, self._account.now, attempts, is_accepted))
        if self.forbidden[-1]:
            self.wrong.append(f"{pair} was sent to a receiver that is off or paused")
        if world.current is not None:
            world.current.sent.append(lambda: self.repeatable.update([pair]))
        world.effect()
        if isinstance(answer, ReceiverError):
            raise answer
        return answer

    def _read_attempts(self, pair: Pair) -> int:
        deliveries = {
            Pair(each.webhook_id, each.event.id): each for each in list_deliveries(self._account)
        }
        return deliveries[pair].attempts


class WebhookSenderDriver(Driver):
    """Sends deliveries. Several may be at work, and two copies of a message too."""

    function = "webhook_sender"

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._receivers = Receivers(account)

    def make(self) -> WebhookSender:
        box: Any = Port(
            self.account.world,
            self.account.box,
            lambda text: refused(UNAVAILABLE, text),
            is_read=True,
        )
        return WebhookSender(
            webhooks=DynamoDbWebhookStore(self.dynamodb, GOVERNANCE),
            deliveries=DynamoDbDeliveryStore(self.dynamodb, GOVERNANCE),
            queue=SqsDeliveryQueue(self.account.sqs, DELIVERIES),
            box=box,
            receiver=self._receivers,
            origin=Origin("111122223333", "us-east-1"),
            clock=lambda: self.account.now,
        )

    def run(self, event: Any) -> Any:
        stay = [record["messageId"] for record in event["Records"] if not self._send(record)]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in stay]}

    def _send(self, record: Any) -> bool:
        named = read_delivery_message(record["body"])
        assert named is not None
        self._receivers.forbidden.append(self._is_forbidden(named.webhook_id))
        try:
            self.service.send(named, self.account.now)
        finally:
            self._receivers.forbidden.pop()
        return True

    def _is_forbidden(self, name: str) -> bool:
        subscription = list_subscriptions(self.account)[name]
        paused_until = subscription.paused_until or self.account.now
        return subscription.is_disabled or self.account.now < paused_until

    def start(self) -> None:
        plan_webhooks(self.account)
        self.account.queues[DELIVERIES].mapping = MAPPING

    def check(self) -> Iterator[str]:
        yield from self._receivers.wrong[:3]
        yield from find_lost(self.account)
        yield from find_overdue(self.account)
        subscriptions = list_subscriptions(self.account)
        for delivery in list_deliveries(self.account):
            pair = Pair(delivery.webhook_id, delivery.event.id)
            yield from find_wrong_requests(
                delivery,
                [request for request in self._receivers.requests if request.pair == pair],
                self._receivers.repeatable[pair],
                is_disabled=subscriptions[pair.webhook_id].is_disabled,
                now=self.account.now,
            )
        if self.account.queues[DELIVERIES].dead_letters:
            yield "a delivery has become a dead letter"
