"""The publisher of `metric_publisher`, from the ledger's stream to CloudWatch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import boto3

from lambdas.adapters.cloudformation_stack import created_at
from lambdas.adapters.dynamodb.unpriced_calls import DynamoDbUnpricedNotes
from lambdas.adapters.dynamodb.usage_stream import read_stream
from lambdas.services.publish_metrics import MetricPublisher
from lambdas.services.publish_stream import StreamPublisher
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.enrichment import current_books
from lambdas.wiring.publishing import dimension_namer, metric_publishing
from lambdas.wiring.publishing_settings import PublishingSettings

STARTED = datetime.now(UTC)
"""The start of this process."""


def make_publisher(
    settings: PublishingSettings, *, stack_id: str, retention_days: int, caller_role: str | None
) -> StreamPublisher:
    """Make a publisher that reads and writes in the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return StreamPublisher(
        read=partial(read_stream, retention=timedelta(days=retention_days)),
        books=current_books(settings, dynamodb),
        make_publisher=partial(
            MetricPublisher,
            namer=dimension_namer(settings, dynamodb),
            publishing=metric_publishing(settings),
            unpriced=DynamoDbUnpricedNotes(dynamodb, settings.state_table),
            caller_role=caller_role,
        ),
        deployed_at=created_at(boto3.client("cloudformation", config=PROMPT), stack_id),
        started_at=STARTED,
    )
