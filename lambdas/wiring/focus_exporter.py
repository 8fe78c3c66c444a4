"""The exporter of `focus_exporter`, from the ledger to the bucket of reports."""

from __future__ import annotations

from datetime import timedelta

import boto3

from lambdas.adapters.duckdb_parquet import convert_to_parquet
from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.adapters.report_layouts.focus_files import FocusFiles
from lambdas.adapters.s3.report_files import S3ReportFiles
from lambdas.services.export_focus import FocusExporter
from lambdas.wiring.call_settings import CallSettings
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.enrichment import current_books
from lambdas.wiring.unlogged_usage import make_unlogged_usage_reader


def make_exporter(
    settings: CallSettings,
    *,
    ledger_table: str,
    report_bucket: str,
    billing_account_id: str | None,
    retention_days: int,
) -> FocusExporter:
    """Make an exporter of the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return FocusExporter(
        calls=DynamoDbRecordedCalls(dynamodb, ledger_table),
        books=current_books(settings, dynamodb),
        files=FocusFiles(
            S3ReportFiles(boto3.client("s3", config=PROMPT), report_bucket), convert_to_parquet
        ),
        account_id=settings.account_id,
        billing_account_id=billing_account_id,
        kept=timedelta(days=retention_days),
        unlogged=make_unlogged_usage_reader(settings.state_table),
    )
