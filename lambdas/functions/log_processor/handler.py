"""Turns Bedrock invocation logs, delivered by CloudWatch Logs, into the usage ledger."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.domain.invocations import MeteredSource
from lambdas.functions.log_processor.settings import Settings
from lambdas.observability import log_request_id, record_health
from lambdas.services.ingest_invocations import DeliveryIngestor
from lambdas.wiring.log_processor import make_ingestor

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@log_request_id
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Ingest one delivery; raise so that Lambda retries it when not all could be written."""
    record_health(ingestor().ingest(event["awslogs"]["data"], datetime.now(UTC)).health)


@cache
def ingestor() -> DeliveryIngestor:
    """Make the ingestor, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_ingestor(
        source=MeteredSource(settings.log_group, settings.account_id, settings.region),
        ledger_table=settings.ledger_table,
        retention_days=settings.ledger_retention_days,
        quarantine_bucket=settings.quarantine_bucket,
        metadata_names=settings.metadata_names,
        caller_role=settings.caller_role,
    )
