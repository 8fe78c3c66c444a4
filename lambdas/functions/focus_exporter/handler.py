"""Writes what calls cost in FOCUS columns: the current and the previous billing period."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import boto3

from lambdas.adapters.duckdb_parquet import convert_to_parquet
from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.adapters.report_layouts.focus_files import FocusFiles
from lambdas.adapters.s3.report_files import S3ReportFiles
from lambdas.functions.focus_exporter.settings import Settings
from lambdas.observability import logger
from lambdas.services.export_focus import ExportFocus
from lambdas.wiring.client_timeouts import LONGEST_CALL_MS, PROMPT
from lambdas.wiring.enrichment import call_books
from lambdas.wiring.pricing import CurrentPricing

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_LONG = frozenset({"focus_metadata", "left_out"})
"""What of a manifest is not logged."""


def lambda_handler(_event: object, context: LambdaContext) -> None:
    """Write both periods, or raise: a part of a month would pass for the whole."""
    books = exporter().books.at_prices(pricing().get())
    for manifest in replace(exporter(), books=books).export(
        datetime.now(UTC),
        has_time=lambda: context.get_remaining_time_in_millis() > LONGEST_CALL_MS,
    ):
        told = {name: it for name, it in manifest.items() if name not in _LONG}
        logger.info("Costs of a billing period", **told)


@cache
def pricing() -> CurrentPricing:
    """Make what prices calls, once."""
    return CurrentPricing(Settings.from_environment(os.environ))


@cache
def exporter() -> ExportFocus:
    """Make what exports, once."""
    settings = Settings.from_environment(os.environ)
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return ExportFocus(
        calls=DynamoDbRecordedCalls(dynamodb, settings.ledger_table),
        books=call_books(settings, dynamodb),
        files=FocusFiles(
            S3ReportFiles(boto3.client("s3", config=PROMPT), settings.report_bucket),
            convert_to_parquet,
        ),
        account_id=settings.account_id,
        billing_account_id=settings.billing_account_id or None,
        kept=timedelta(days=settings.ledger_retention_days),
    )
