"""The exporter of `focus_exporter`, from the ledger to the bucket of reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import boto3

from lambdas.adapters.duckdb_parquet import convert_to_parquet
from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.adapters.report_layouts.focus_files import FocusFiles
from lambdas.adapters.s3.report_files import S3ReportFiles
from lambdas.services.export_focus import FocusExporter
from lambdas.wiring.call_settings import CallSettings
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.enrichment import call_books
from lambdas.wiring.pricing import CurrentPricing


@dataclass(frozen=True, slots=True)
class PricedExporter:
    """Exports at the prices in force."""

    exporter: FocusExporter
    pricing: CurrentPricing

    def export(self, now: datetime, has_time: Callable[[], bool]) -> list[Mapping[str, Any]]:
        """Write both periods; returns their manifests.

        Raises:
            ReportUnfinishedError: There was no time for all.
            TooManyChargesError: There are more charges than memory holds.
        """
        books = self.exporter.books.at_prices(self.pricing.get())
        return replace(self.exporter, books=books).export(now, has_time)


def make_exporter(
    settings: CallSettings,
    *,
    ledger_table: str,
    report_bucket: str,
    billing_account_id: str | None,
    retention_days: int,
) -> PricedExporter:
    """Make an exporter of the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    exporter = FocusExporter(
        calls=DynamoDbRecordedCalls(dynamodb, ledger_table),
        books=call_books(settings, dynamodb),
        files=FocusFiles(
            S3ReportFiles(boto3.client("s3", config=PROMPT), report_bucket), convert_to_parquet
        ),
        account_id=settings.account_id,
        billing_account_id=billing_account_id,
        kept=timedelta(days=retention_days),
    )
    return PricedExporter(exporter, CurrentPricing(settings))
