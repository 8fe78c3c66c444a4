"""Turns Bedrock invocation logs, delivered by CloudWatch Logs, into the usage ledger."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.adapters.s3.quarantine import S3Quarantine
from lambdas.domain.invocations import Delivery, MeteredSource
from lambdas.domain.metrics.catalog import ACCEPTED_RECORDS, IGNORED_RECORDS, REJECTED_RECORDS
from lambdas.domain.metrics.sink import MAX_CLOCK_DIFFERENCE
from lambdas.functions.log_processor.settings import Settings
from lambdas.observability import logger, record_health
from lambdas.services.ingest_invocations import Ingestor, IngestReport

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_s3 import S3Client


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Ingest one delivery; raises, so that Lambda tries again, where not all could be written."""
    now = datetime.now(UTC)
    report = IngestReport()
    for delivery in Delivery.open(event["awslogs"]["data"]):
        report += _ingest(delivery, now)
    record_health(
        {
            ACCEPTED_RECORDS: report.accepted,
            IGNORED_RECORDS: report.ignored,
            REJECTED_RECORDS: report.rejected,
        }
    )


def _ingest(delivery: Delivery, now: datetime) -> IngestReport:
    ingestor = Ingestor(
        ledger(),
        S3Quarantine(s3_client, settings().quarantine_bucket, delivery),
        oldest=now - retention(),
        newest=now + MAX_CLOCK_DIFFERENCE,
        metadata_names=frozenset(settings().metadata_names),
    )
    report = ingestor.ingest(delivery.source, delivery.readings(source()), delivery.first_line)
    if report.rejected:
        logger.warning(
            "Records could not be counted; the quarantine bucket tells which and why",
            source=delivery.source,
            rejected=report.rejected,
        )
    return report


@cache
def settings() -> Settings:
    """The function's settings, read once."""
    return Settings.from_environment(os.environ)


def source() -> MeteredSource:
    """Where records are taken from."""
    return MeteredSource(settings().log_group, settings().account_id, settings().region)


@cache
def ledger() -> DynamoDbUsageLedger:
    """The usage ledger."""
    return DynamoDbUsageLedger(boto3.client("dynamodb"), settings().ledger_table, retention())


def retention() -> timedelta:
    """How long the ledger keeps a call."""
    return timedelta(days=settings().ledger_retention_days)


@cache
def s3_client() -> S3Client:
    """The client that most deliveries do not need."""
    return boto3.client("s3")
