"""Webhooks where policies are evaluated: receivers on this machine get signed events."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from standardwebhooks import Webhook

from cdk.config import stack_names
from cdk.config.resource_names import DEAD_LETTERS, WEBHOOK_DELIVERIES, WEBHOOK_EVENTS
from cdk.local_cloud.receiver import ReceivedWebhook, Receiver, open_receiver
from lambdas.adapters.dynamodb.delivery_store import DynamoDbDeliveryStore
from lambdas.adapters.dynamodb.webhook_store import DynamoDbWebhookStore
from lambdas.adapters.kms_secret_box import KmsSecretBox
from lambdas.adapters.sqs_delivery_queue import SqsDeliveryQueue
from lambdas.domain.budgets import BudgetChanges
from lambdas.domain.budgets.current_sums import BOOK_LIFETIME
from lambdas.domain.events import EventType
from lambdas.domain.webhooks import DeliveryAttempt, DeliveryState, EventFilter, NewWebhook
from lambdas.services.manage_webhooks import WebhookManager
from lambdas.wiring.budgets_file import read_budgets
from tests.end_to_end.deployed import Deployed, calls, user
from tests.end_to_end.test_budgets import open_store
from tests.local_cloud.waiting import wait_for

SPENDER = user("webhook-spender")
ALARM = "BedrockMeter-Health-NoData"
BUDGET = {
    "managed_by": "tests",
    "budgets": [
        {
            "name": "webhooks",
            "scope": {"identity": SPENDER},
            "amount": {"total_tokens": 30},
            "period": {"every": "day"},
            "alerts": {"actual": [50], "forecast": []},
        }
    ],
}


def open_manager(deployed: Deployed) -> WebhookManager:
    """Manages receivers as `bedrock-meter webhooks` does."""
    client, find = deployed.cloud.client, deployed.deployment.output
    dynamodb, table = client("dynamodb"), deployed.bucket("GovernanceTableName")
    queue = find(stack_names.WEBHOOKS, "WebhookDeliveryQueueUrl")
    return WebhookManager(
        webhooks=DynamoDbWebhookStore(dynamodb, table),
        deliveries=DynamoDbDeliveryStore(dynamodb, table),
        queue=SqsDeliveryQueue(client("sqs"), queue),
        box=KmsSecretBox(client("kms"), find(stack_names.WEBHOOKS, "WebhookKeyArn")),
        make_random=secrets.token_bytes,
    )


@pytest.fixture
def manager(deployed: Deployed) -> Iterator[WebhookManager]:
    opened = open_manager(deployed)
    yield opened
    for webhook in opened.webhooks.list_all():
        opened.remove(webhook.id)


@pytest.fixture
def receiver(deployed: Deployed) -> Iterator[Receiver]:
    with open_receiver(deployed.cloud) as opened:
        yield opened


def add(manager: WebhookManager, name: str, receiver: Receiver, *types: EventType) -> str:
    """Add a receiver; returns its secret."""
    wanted = EventFilter(types=tuple(types))
    new = NewWebhook(id=name, url=receiver.url, filter=wanted)
    secret = manager.add(new, datetime.now(UTC)).secret
    assert secret is not None
    return secret


def verify(request: ReceivedWebhook, secret: str) -> dict[str, Any]:
    """Check a signature as a receiver does; returns the payload."""
    payload: dict[str, Any] = Webhook(secret).verify(request.body, dict(request.headers))
    return payload


def set_alarm(deployed: Deployed, state: str) -> None:
    deployed.cloud.client("cloudwatch").set_alarm_state(
        AlarmName=ALARM, StateValue=state, StateReason="tests"
    )


def test_the_beginning_and_the_end_of_an_alarm_reach_a_receiver_signed(
    deployed: Deployed, manager: WebhookManager, receiver: Receiver
) -> None:
    kinds = (EventType.HEALTH_ALARM, EventType.HEALTH_RECOVERED)
    secret = add(manager, "alarms", receiver, *kinds)
    set_alarm(deployed, "OK")
    set_alarm(deployed, "ALARM")
    wait_for(lambda: len(receiver.requests) == 1)
    set_alarm(deployed, "OK")
    wait_for(lambda: len(receiver.requests) == 2)
    began, ended = (verify(request, secret) for request in receiver.requests)
    assert [began["type"], ended["type"]] == ["health.alarm", "health.recovered"]
    assert "NoData" in json.dumps(began["data"]["detail"])
    wait_for(lambda: deployed.health("DeliveredWebhooks") >= 2)


def test_an_alert_of_a_budget_reaches_the_receiver_that_wants_it(
    deployed: Deployed, manager: WebhookManager, receiver: Receiver
) -> None:
    store = open_store(deployed)
    declared = read_budgets(json.dumps(BUDGET)).budgets
    book = store.write(BudgetChanges(declared), store.read().revision)
    store.mark_active("webhooks", book.budgets["webhooks"].generation)
    known_at = datetime.now(UTC) + BOOK_LIFETIME
    wait_for(lambda: datetime.now(UTC) >= known_at)
    secret = add(manager, "budgets", receiver, EventType.BUDGET_THRESHOLD_REACHED)
    deployed.log_calls(*calls(SPENDER, 2))
    wait_for(lambda: receiver.requests)
    payload = verify(receiver.requests[0], secret)
    assert payload["type"] == "budget.threshold_reached"
    assert payload["data"]["detail"]["budget"]["name"] == "webhooks"


def test_a_receiver_that_fails_first_gets_the_same_event_again(
    deployed: Deployed, manager: WebhookManager, receiver: Receiver
) -> None:
    secret = add(manager, "flaky", receiver)
    receiver.answers = [500]
    delivery = manager.test("flaky", datetime.now(UTC))
    wait_for(lambda: len(receiver.requests) == 2)
    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == delivery.event.id
    assert verify(second, secret)["type"] == "webhook.test"
    found = wait_for(lambda: is_done(manager, "flaky", delivery.event.id))
    assert (found.state, found.attempts) == (DeliveryState.DELIVERED, 2)


def test_a_receiver_that_is_gone_is_switched_off(
    deployed: Deployed, manager: WebhookManager, receiver: Receiver
) -> None:
    add(manager, "gone", receiver)
    receiver.answers = [410]
    delivery = manager.test("gone", datetime.now(UTC))
    found = wait_for(lambda: is_done(manager, "gone", delivery.event.id))
    assert found.state is DeliveryState.DISABLED
    (webhook,) = manager.webhooks.list_all()
    assert webhook.disabled_at is not None
    assert len(receiver.requests) == 1


def is_done(manager: WebhookManager, name: str, event_id: str) -> Any:
    found = manager.deliveries.get(name, event_id)
    return None if found is None or found.state is DeliveryState.PENDING else found


def test_an_address_on_this_machine_is_refused_by_the_sender_itself(
    deployed: Deployed, manager: WebhookManager
) -> None:
    """The local cloud emulates names of the internet, and no other way around the check."""
    add(manager, "inside", Receiver("https://localhost.localdomain/hook"))
    delivery = manager.test("inside", datetime.now(UTC))
    last = wait_for(lambda: get_last_attempt(manager, "inside", delivery.event.id))
    assert last is not None
    assert last.status is None
    assert last.error


def get_last_attempt(manager: WebhookManager, name: str, event_id: str) -> DeliveryAttempt | None:
    found = manager.deliveries.get(name, event_id)
    return None if found is None else found.last


@pytest.mark.parametrize("queue", [WEBHOOK_EVENTS, f"{WEBHOOK_EVENTS}{DEAD_LETTERS}"])
def test_no_one_but_the_topic_and_the_rule_sends_events(deployed: Deployed, queue: str) -> None:
    sqs = deployed.cloud.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    assert "ServicesAlone" in policy["Attributes"]["Policy"]


def test_messages_that_cannot_be_read_stop_no_others(
    deployed: Deployed, manager: WebhookManager, receiver: Receiver
) -> None:
    secret = add(manager, "others", receiver)
    sqs = deployed.cloud.client("sqs")
    url = sqs.get_queue_url(QueueName=WEBHOOK_DELIVERIES)["QueueUrl"]
    for body in ("{", json.dumps({"webhook": 1}), json.dumps({"webhook": "a", "event": "b"})):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    manager.test("others", datetime.now(UTC))
    wait_for(lambda: receiver.requests)
    assert verify(receiver.requests[0], secret)["type"] == "webhook.test"


def test_a_ciphertext_is_bound_to_its_receiver(deployed: Deployed, manager: WebhookManager) -> None:
    sealed = manager.box.seal("a", "text")
    kms = deployed.cloud.client("kms")
    with pytest.raises(ClientError):
        kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"webhook": "b"})
