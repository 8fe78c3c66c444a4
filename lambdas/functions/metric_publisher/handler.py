"""Turns the stream of the usage ledger into CloudWatch metrics."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from lambdas.adapters.cloudwatch_metric_sink import CloudWatchMetricSink
from lambdas.adapters.dynamodb_identity_registry import DynamoDbIdentityRegistry
from lambdas.adapters.dynamodb_usage_item import from_item
from lambdas.domain.metering.identity_folding import BoundedIdentities, IdentityFolding
from lambdas.domain.metering.metric_catalog import (
    CONFLICTING_DUPLICATES,
    METERING_DELAY,
    UNPUBLISHED_RECORDS,
    Detail,
    HealthMetric,
)
from lambdas.functions.metric_publisher.settings import Settings
from lambdas.observability import logger, record_health
from lambdas.services.publish_metrics import PublishMetrics

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Publish what is new in a batch of the stream.

    Returns:
        The partial batch response: the first record that is to come again, with all after it.
        https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    now = datetime.now(UTC)
    changes: list[dict[str, Any]] = event["Records"]
    inserts = [change for change in changes if change["eventName"] == "INSERT"]
    records = [from_item(change["dynamodb"]["NewImage"]) for change in inserts]
    report = publisher()(records, now)
    done, failures = changes, []
    if report.first_unsent is not None:
        failed = inserts[report.first_unsent]
        done = changes[: changes.index(failed)]
        logger.warning(
            "CloudWatch took a part of the batch; the rest comes again",
            published=report.published,
            left=len(records) - report.first_unsent,
        )
        failures = [{"itemIdentifier": failed["dynamodb"]["SequenceNumber"]}]
    health: dict[HealthMetric, float] = {
        CONFLICTING_DUPLICATES: sum(map(_is_correction, done)),
        UNPUBLISHED_RECORDS: report.outside_window,
    }
    if report.published:
        oldest = min(record.timestamp for record in records[: report.first_unsent])
        health[METERING_DELAY] = (now - oldest).total_seconds()
    record_health(health)
    return {"batchItemFailures": failures}


def _is_correction(change: dict[str, Any]) -> bool:
    """Whether a call was read differently than before; the same again is no correction."""
    images = change["dynamodb"]
    return change["eventName"] == "MODIFY" and bool(images["NewImage"] != images["OldImage"])


@cache
def publisher() -> PublishMetrics:
    """What publishes, made once."""
    settings = Settings.from_environment(os.environ)
    registry = DynamoDbIdentityRegistry(
        boto3.client("dynamodb"), settings.ledger_table, settings.identity_bound
    )
    return PublishMetrics(
        sink=CloudWatchMetricSink(boto3.client("cloudwatch")),
        detail=Detail[settings.metric_detail.upper()],
        identity_dimension=BoundedIdentities(IdentityFolding(settings.folding_patterns), registry),
    )
