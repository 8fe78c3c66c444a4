"""The services of `webhook_router`, over the receivers and the queue of deliveries."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import boto3

from lambdas.adapters.cloudformation_stack import get_output
from lambdas.adapters.dynamodb.delivery_store import DynamoDbDeliveryStore
from lambdas.adapters.dynamodb.webhook_store import DynamoDbWebhookStore
from lambdas.adapters.received_events import OwnTopic, RejectedRecord, read_record
from lambdas.adapters.sqs_delivery_queue import SqsDeliveryQueue
from lambdas.services.route_events import EventRouter
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.webhook_settings import RoutingSettings

_MAX_AT_A_TIME = 10
"""Deliveries that are added at a time: a client keeps as many connections."""

TOPIC_OUTPUT = "TopicArn"
"""The output of the stack with the topic."""

__all__ = ["TOPIC_OUTPUT", "RejectedRecord", "make_router", "make_topic", "read_record"]


def make_router(settings: RoutingSettings) -> EventRouter:
    """Make a router of the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return EventRouter(
        webhooks=DynamoDbWebhookStore(dynamodb, settings.governance_table),
        deliveries=DynamoDbDeliveryStore(dynamodb, settings.governance_table),
        queue=SqsDeliveryQueue(boto3.client("sqs", config=PROMPT), settings.delivery_queue_url),
        run_all=ThreadPoolExecutor(_MAX_AT_A_TIME).map,
    )


def make_topic(settings: RoutingSettings) -> OwnTopic:
    """Make the topic, which is looked up when the first message has come."""
    client = boto3.client("cloudformation", config=PROMPT)
    return OwnTopic(partial(get_output, client, settings.topic_stack, TOPIC_OUTPUT))
