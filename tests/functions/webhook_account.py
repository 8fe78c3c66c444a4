"""An account with receivers of webhooks, their queue and their key, in moto."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from lambdas.adapters.dynamodb.delivery_store import DynamoDbDeliveryStore
from lambdas.adapters.dynamodb.webhook_store import DynamoDbWebhookStore
from lambdas.adapters.kms_secret_box import KmsSecretBox
from lambdas.adapters.sqs_delivery_queue import SqsDeliveryQueue
from lambdas.domain.webhooks import Delivery, NewWebhook
from lambdas.services.manage_webhooks import WebhookManager
from tests.aws import clear_caches
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.operations.deployed import deploy

TOPIC = "arn:aws:sns:us-east-1:111122223333:BedrockMeter-Monitoring-Notifications1A-2B"
URL = "https://receiver.example/hooks/MarkedUrlToken"


@dataclass(frozen=True)
class WebhookAccount:
    """The resources of webhooks.

    Attributes:
        queue_url: The queue of deliveries.
        manager: Manages receivers, as the commands do.
    """

    queue_url: str
    manager: WebhookManager

    def add(self, name: str, **changes: Any) -> str:
        """Add a receiver; returns its secret."""
        added = self.manager.add(NewWebhook(id=name, url=URL, **changes), datetime.now(UTC))
        assert added.secret is not None
        return added.secret

    def test(self, name: str) -> Delivery:
        """Add a delivery of a test event."""
        return self.manager.test(name, datetime.now(UTC))

    def receive(self) -> dict[str, Any]:
        """Receive the waiting messages as Lambda does; returns the event of a function."""
        answer = boto3.client("sqs").receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10
        )
        return {
            "Records": [
                {
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                }
                for message in answer.get("Messages", ())
            ]
        }


def open_account(monkeypatch: pytest.MonkeyPatch) -> WebhookAccount:
    """Make the table and the other resources, and set the variables of both functions."""
    create_governance_table()
    return open_webhooks(monkeypatch)


def open_webhooks(monkeypatch: pytest.MonkeyPatch) -> WebhookAccount:
    """Make the resources beside the table, and set the variables of both functions."""
    url = boto3.client("sqs").create_queue(QueueName="deliveries")["QueueUrl"]
    deploy(stack_names.MONITORING, TopicArn=TOPIC)
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    for name, value in {
        "GOVERNANCE_TABLE": GOVERNANCE,
        "DELIVERY_QUEUE_URL": url,
        "TOPIC_STACK": stack_names.MONITORING,
        "WEBHOOK_KEY": key,
        "ACCOUNT_ID": "111122223333",
        "REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    clear_caches()
    dynamodb = boto3.client("dynamodb")
    manager = WebhookManager(
        webhooks=DynamoDbWebhookStore(dynamodb, GOVERNANCE),
        deliveries=DynamoDbDeliveryStore(dynamodb, GOVERNANCE),
        queue=SqsDeliveryQueue(boto3.client("sqs"), url),
        box=KmsSecretBox(boto3.client("kms"), key),
        make_random=lambda count: b"r" * count,
    )
    return WebhookAccount(url, manager)
