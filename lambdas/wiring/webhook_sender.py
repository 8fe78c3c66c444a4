"""The services of `webhook_sender`, over the receivers, their key and the queue of deliveries."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import boto3

from lambdas.adapters.dynamodb.delivery_store import DynamoDbDeliveryStore
from lambdas.adapters.dynamodb.webhook_store import DynamoDbWebhookStore
from lambdas.adapters.https_receiver import HttpsReceiver
from lambdas.adapters.kms_secret_box import KmsSecretBox
from lambdas.adapters.sqs_delivery_queue import SqsDeliveryQueue, read_delivery_message
from lambdas.domain.webhooks import Origin
from lambdas.services.deliver_webhook import WebhookSender
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.webhook_settings import SendingSettings

__all__ = ["make_sender", "read_delivery_message"]


def make_sender(settings: SendingSettings) -> WebhookSender:
    """Make a sender of the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return WebhookSender(
        webhooks=DynamoDbWebhookStore(dynamodb, settings.governance_table),
        deliveries=DynamoDbDeliveryStore(dynamodb, settings.governance_table),
        queue=SqsDeliveryQueue(boto3.client("sqs", config=PROMPT), settings.delivery_queue_url),
        box=KmsSecretBox(boto3.client("kms", config=PROMPT), settings.webhook_key),
        receiver=HttpsReceiver(),
        origin=Origin(settings.account_id, settings.region),
        clock=partial(datetime.now, UTC),
    )
