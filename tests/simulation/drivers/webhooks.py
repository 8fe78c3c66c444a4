"""Receivers of webhooks, events that are sent to them, and what has to hold at the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.dynamodb.delivery_store import DynamoDbDeliveryStore
from lambdas.adapters.dynamodb.webhook_store import DynamoDbWebhookStore, write_webhook
from lambdas.adapters.sqs_delivery_queue import SqsDeliveryQueue, read_delivery_message
from lambdas.domain.webhooks import (
    Delivery,
    DeliveryState,
    InvalidWebhookError,
    WebhookSubscription,
)
from lambdas.services.manage_webhooks import WebhookChangedError, WebhookManager
from tests.simulation.account import DELIVERIES, GOVERNANCE, Account
from tests.simulation.cloud.dynamodb import SimulatedDynamoDb
from tests.simulation.phases import FAULTS_END
from tests.simulation.world import START, World
from tests.webhook_receivers import RECEIVERS, Pair, make_receivers

TOPIC = "arn:aws:sns:us-east-1:111122223333:BedrockMeter-Monitoring-Notifications1A-2B"
_TESTS = 4
_LATEST = timedelta(minutes=30)
"""The time after which an attempt that is due has been made, where no fault is in the way."""
_REFUSALS = (BotoCoreError, ClientError, WebhookChangedError)
_PLAN = "webhooks"


def plan_webhooks(account: Account) -> None:
    """Plan what people do: receivers, and tests of them."""
    if _PLAN in account.planned:
        return
    account.planned.add(_PLAN)
    for subscription in make_receivers(account.box):
        account.tables[GOVERNANCE].load(write_webhook(subscription))
    random = account.world.random
    for _ in range(_TESTS):
        at = START + (FAULTS_END - START) * random.random()
        account.world.at(at, _test, account, random.choice([*RECEIVERS]))
    for queue in account.queues.values():
        account.world.at(FAULTS_END + timedelta(hours=2), queue.redrive)


def list_deliveries(account: Account) -> Iterator[Delivery]:
    """List the stored deliveries, with no fault in the way."""
    store = DynamoDbDeliveryStore(_open_tables(account), GOVERNANCE)
    for name in RECEIVERS:
        yield from store.list_for(name)


def list_subscriptions(account: Account) -> dict[str, WebhookSubscription]:
    """List the receivers, with no fault in the way."""
    found = DynamoDbWebhookStore(_open_tables(account), GOVERNANCE).list_all()
    return {subscription.id: subscription for subscription in found}


def find_lost(account: Account) -> Iterator[str]:
    """Find deliveries that wait for an attempt, and that no message leads to."""
    queued = {
        Pair(*named[:2])
        for message in account.queues[DELIVERIES].messages.values()
        if (named := read_delivery_message(message.body)) is not None
    }
    for delivery in list_deliveries(account):
        pair = Pair(delivery.webhook_id, delivery.event.id)
        if delivery.state is DeliveryState.PENDING and pair not in queued:
            yield f"{pair} is pending, and no message leads to it"


def find_overdue(account: Account) -> Iterator[str]:
    """Find deliveries whose attempt should have been made."""
    subscriptions = list_subscriptions(account)
    for delivery in list_deliveries(account):
        paused_until = subscriptions[delivery.webhook_id].paused_until or delivery.due_at
        due_at = max(delivery.due_at, paused_until)
        if delivery.state is DeliveryState.PENDING and due_at + _LATEST < account.now:
            yield f"{delivery.webhook_id} {delivery.event.id} is due since {due_at}"


def _open_tables(account: Account) -> Any:
    """Make a client without faults, of another world."""
    return SimulatedDynamoDb(World(0, frozenset()), account.tables)


def _open_manager(account: Account) -> WebhookManager:
    return WebhookManager(
        webhooks=DynamoDbWebhookStore(account.dynamodb, GOVERNANCE),
        deliveries=DynamoDbDeliveryStore(account.dynamodb, GOVERNANCE),
        queue=SqsDeliveryQueue(account.sqs, DELIVERIES),
        box=account.box,
        make_random=bytes,
    )


def _test(account: Account, name: str) -> None:
    """Run `webhooks test`, and `webhooks resend` a minute later if that fails."""
    try:
        _open_manager(account).test(name, account.now)
    except InvalidWebhookError:
        return  # it is switched off
    except _REFUSALS:
        account.world.after(60, _resend, account, name)


def _resend(account: Account, name: str) -> None:
    """Send again what waits for its first attempt."""
    manager = _open_manager(account)
    try:
        for delivery in manager.list_deliveries(name):
            if delivery.state is DeliveryState.PENDING and not delivery.attempts:
                manager.resend(name, delivery.event.id, account.now)
    except InvalidWebhookError:
        return
    except _REFUSALS:
        account.world.after(60, _resend, account, name)


def make_notification(events: str) -> str:
    """Write the message of a topic as it comes to a queue."""
    attributes: Any = {"events": {"Type": "String", "Value": events}}
    message = {"Type": "Notification", "TopicArn": TOPIC, "Message": ""}
    return json.dumps({**message, "MessageAttributes": attributes})
