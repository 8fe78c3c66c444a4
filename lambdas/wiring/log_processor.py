"""The ingestor of `log_processor`, over DynamoDB and S3."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from functools import cache, partial

import boto3

from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.adapters.s3.quarantine import S3Quarantine
from lambdas.domain.invocations import MeteredSource
from lambdas.services.ingest_invocations import DeliveryIngestor


def make_ingestor(
    *,
    source: MeteredSource,
    ledger_table: str,
    retention_days: int,
    quarantine_bucket: str,
    metadata_names: Collection[str],
    caller_role: str | None,
) -> DeliveryIngestor:
    """Make an ingestor that writes to AWS."""
    retention = timedelta(days=retention_days)
    open_s3 = cache(lambda: boto3.client("s3"))  # only rejected records need it
    return DeliveryIngestor(
        source=source,
        ledger=DynamoDbUsageLedger(
            boto3.client("dynamodb"), ledger_table, retention, caller_role=caller_role
        ),
        retention=retention,
        open_quarantine=partial(S3Quarantine, open_s3, quarantine_bucket),
        metadata_names=frozenset(metadata_names),
    )
