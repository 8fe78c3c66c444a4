"""The ingestor of `log_processor`, over DynamoDB and S3."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import boto3

from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.adapters.s3.quarantine import S3Quarantine
from lambdas.domain.invocations import Delivery, MeteredSource
from lambdas.domain.ledger import UsageLedger
from lambdas.domain.metrics.sink import MAX_CLOCK_DIFFERENCE
from lambdas.observability import logger
from lambdas.services.ingest_invocations import Ingestor, IngestReport

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryIngestor:
    """Ingests deliveries of CloudWatch Logs.

    Attributes:
        source: The account, Region and log group whose records count.
        ledger: The usage ledger.
        retention: How long the ledger keeps a call.
        open_s3: Returns the client that only rejected records need.
        quarantine_bucket: The bucket of rejected records.
        metadata_names: The names of `requestMetadata` that the ledger keeps.
    """

    source: MeteredSource
    ledger: UsageLedger
    retention: timedelta
    open_s3: Callable[[], S3Client]
    quarantine_bucket: str
    metadata_names: Collection[str]

    def ingest(self, delivery: Delivery, now: datetime) -> IngestReport:
        """Ingest a delivery, or a part of one."""
        ingestor = Ingestor(
            self.ledger,
            S3Quarantine(self.open_s3, self.quarantine_bucket, delivery),
            oldest=now - self.retention,
            newest=now + MAX_CLOCK_DIFFERENCE,
            metadata_names=self.metadata_names,
        )
        report = ingestor.ingest(
            delivery.source, delivery.readings(self.source), delivery.first_line
        )
        if report.rejected:
            logger.warning(
                "Records could not be counted; the quarantine bucket has each with its reason",
                source=delivery.source,
                rejected=report.rejected,
            )
        return report


def make_ingestor(
    *,
    source: MeteredSource,
    ledger_table: str,
    retention_days: int,
    quarantine_bucket: str,
    metadata_names: Collection[str],
) -> DeliveryIngestor:
    """Make an ingestor that writes to AWS."""
    retention = timedelta(days=retention_days)
    return DeliveryIngestor(
        source=source,
        ledger=DynamoDbUsageLedger(boto3.client("dynamodb"), ledger_table, retention),
        retention=retention,
        open_s3=cache(lambda: boto3.client("s3")),
        quarantine_bucket=quarantine_bucket,
        metadata_names=frozenset(metadata_names),
    )
