"""The comparer of `comparison_reporter`, from the ledger and the log to the bucket of reports."""

from __future__ import annotations

import boto3

from lambdas.adapters.cloudwatch_logs.invocation_log import CloudWatchInvocationLog
from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.adapters.report_layouts.comparison_files import ComparisonFiles
from lambdas.adapters.s3.report_files import S3ReportFiles
from lambdas.services.compare_models import ModelComparer
from lambdas.wiring.call_settings import CallSettings
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.enrichment import current_books
from lambdas.wiring.unlogged_usage import make_unlogged_usage_reader


def make_comparer(
    settings: CallSettings, *, ledger_table: str, report_bucket: str, content_log_group: str
) -> ModelComparer:
    """Make a comparer of the calls of the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    logs = boto3.client("logs", config=PROMPT)
    return ModelComparer(
        calls=DynamoDbRecordedCalls(dynamodb, ledger_table),
        books=current_books(settings, dynamodb),
        logs=CloudWatchInvocationLog(logs, content_log_group) if content_log_group else None,
        reports=ComparisonFiles(S3ReportFiles(boto3.client("s3", config=PROMPT), report_bucket)),
        unlogged=make_unlogged_usage_reader(settings.state_table),
    )
