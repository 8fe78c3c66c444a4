"""The services of `webhook_router`, over the receivers and the queue of deliveries."""

from __future__ import annotations

import boto3

from lambdas.adapters.dynamodb.delivery_store import DynamoDbDeliveryStore
from lambdas.adapters.dynamodb.webhook_store import DynamoDbWebhookStore
from lambdas.adapters.received_events import RejectedRecord, read_record
from lambdas.adapters.sqs_delivery_queue import SqsDeliveryQueue
from lambdas.services.route_events import EventRouter
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.webhook_settings import RoutingSettings

__all__ = ["RejectedRecord", "make_router", "read_record"]


def make_router(settings: RoutingSettings) -> EventRouter:
    """Make a router of the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return EventRouter(
        webhooks=DynamoDbWebhookStore(dynamodb, settings.governance_table),
        deliveries=DynamoDbDeliveryStore(dynamodb, settings.governance_table),
        queue=SqsDeliveryQueue(boto3.client("sqs", config=PROMPT), settings.delivery_queue_url),
    )
