"""`make doctor` checks the key, the queues, the topic and the receivers of webhooks."""

from __future__ import annotations

import json
import shlex
from datetime import timedelta
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.config.resource_names import DEAD_LETTERS, WEBHOOK_DELIVERIES, WEBHOOK_EVENTS
from cdk.operations.deployment import Deployment
from cdk.operations.deployment_checks import CheckResult, DeploymentChecks, Status
from cdk.operations.webhook_health import WebhookStores
from dashboards.command_line.commands.deny import open_brake
from dashboards.command_line.commands.doctor import open_webhooks
from lambdas.domain.webhooks import DeliveryAttempt, DeliveryState
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.operations.deployed import OUTPUTS, deploy
from tests.webhooks import NOON, make_delivery, make_event, make_subscription

QUEUES = (WEBHOOK_EVENTS, WEBHOOK_DELIVERIES)


@pytest.fixture
def stores(aws: None) -> WebhookStores:
    """A deployment with everything but receivers."""
    create_governance_table()
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    for name in QUEUES:
        sqs.create_queue(QueueName=name)
        sqs.create_queue(QueueName=f"{name}{DEAD_LETTERS}")
    topic = sns.create_topic(Name="notifications")["TopicArn"]
    assert topic == OUTPUTS[stack_names.MONITORING]["TopicArn"]
    endpoint = f"arn:aws:sqs:us-east-1:123456789012:{WEBHOOK_EVENTS}"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=endpoint)
    deploy(stack_names.STORAGE)
    deploy(stack_names.MONITORING)
    deploy(stack_names.WEBHOOKS, WebhookKeyArn=key)
    return open_webhooks(boto3.Session(), GOVERNANCE)


def check(**settings: Any) -> CheckResult:
    session = boto3.Session()
    checks = DeploymentChecks(
        session,
        Deployment(session.client("cloudformation")),
        open_brake=open_brake,
        open_webhooks=open_webhooks,
        **settings,
    )
    return next(result for result in checks.examine() if result.check == "webhooks")


@pytest.mark.usefixtures("aws")
def test_webhooks_that_are_off_are_fine() -> None:
    found = check(stacks=(stack_names.STORAGE,))
    assert (found.status, found.text[:4]) == (Status.OK, "Off:")
    assert check().text == "Not deployed yet."


def test_receivers_are_counted(stores: WebhookStores) -> None:
    stores.webhooks.add(make_subscription())
    assert (check().status, check().text) == (Status.OK, "1 receiver on.")


def test_no_receiver_is_a_warning(stores: WebhookStores) -> None:
    found = check()
    assert found.status is Status.WARNING
    assert "bedrock-meter webhooks add" in found.text


def test_receivers_that_are_off_or_fail_are_named(stores: WebhookStores) -> None:
    last = DeliveryAttempt(NOON, 500, "status 500")
    for name in ("gone", "failing", "recovered"):
        stores.webhooks.add(make_subscription(id=name))
    stores.webhooks.disable("gone", NOON, "gone")
    for name, event_id, state, minutes in (
        ("failing", "evt_1", DeliveryState.DELIVERED, 0),
        ("failing", "evt_2", DeliveryState.FAILED, 1),
        ("recovered", "evt_1", DeliveryState.FAILED, 0),
        ("recovered", "evt_2", DeliveryState.DELIVERED, 1),
    ):
        stores.deliveries.add(
            make_delivery(
                webhook_id=name,
                event=make_event(id=event_id),
                state=state,
                last=last,
                created_at=NOON + timedelta(minutes=minutes),
            )
        )
    found = check()
    assert found.status is Status.WARNING
    assert "Switched off: gone." in found.text
    assert "The last deliveries failed: failing." in found.text


@pytest.mark.parametrize("queue", QUEUES)
def test_dead_letters_are_a_warning(stores: WebhookStores, queue: str) -> None:
    stores.webhooks.add(make_subscription())
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{queue}{DEAD_LETTERS}")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    found = check()
    assert found.status is Status.WARNING
    assert f"{queue}{DEAD_LETTERS} has 1 message (docs/runbooks/WebhookDelays.md)." in found.text


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_that_is_gone_is_a_problem(stores: WebhookStores, queue: str) -> None:
    sqs = boto3.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"])
    found = check()
    assert found.status is Status.PROBLEM
    assert f"{queue} is gone" in found.text


def test_a_key_that_is_switched_off_is_a_problem(stores: WebhookStores) -> None:
    kms = boto3.client("kms")
    (key,) = kms.list_keys()["Keys"]
    kms.disable_key(KeyId=key["KeyId"])
    found = check()
    assert found.status is Status.PROBLEM
    assert "is in the state Disabled" in found.text


def test_a_queue_without_a_subscription_is_a_problem(stores: WebhookStores) -> None:
    sns = boto3.client("sns")
    (subscription,) = sns.list_subscriptions()["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    found = check()
    assert found.status is Status.PROBLEM
    assert "is not subscribed to the topic" in found.text
    # The command of the cure, as a shell reads it.
    command = shlex.split(found.text.partition("run aws ")[2].partition("}'.")[0] + "}'")
    options = dict(zip(command[2::2], command[3::2], strict=True))
    sns.subscribe(
        TopicArn=options["--topic-arn"],
        Protocol=options["--protocol"],
        Endpoint=options["--notification-endpoint"],
        Attributes=json.loads(options["--attributes"]),
    )
    assert "is not subscribed" not in check().text
