"""Compares models on the calls of the last whole week, and says where money is lost."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import boto3

from lambdas.adapters.cloudwatch_logs.invocation_log import CloudWatchInvocationLog
from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.adapters.report_layouts.comparison_files import ComparisonFiles
from lambdas.adapters.s3.report_files import S3ReportFiles
from lambdas.functions.comparison_reporter.settings import Settings
from lambdas.observability import logger
from lambdas.services.compare_models import CompareModels
from lambdas.wiring.client_timeouts import LONGEST_CALL_MS, PROMPT
from lambdas.wiring.enrichment import call_books
from lambdas.wiring.pricing import CurrentPricing

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_KEPT_FOR_CALLS_MS = 5 * 60_000
"""So much time is left to compare the calls once requests have been looked at."""


def lambda_handler(_event: object, context: LambdaContext) -> None:
    """Write the report, or raise: a part of a week would pass for the whole."""
    written = replace(reporter(), pricing=pricing().get()).report(
        datetime.now(UTC),
        has_time=lambda: context.get_remaining_time_in_millis() > LONGEST_CALL_MS,
        has_time_for_requests=lambda: context.get_remaining_time_in_millis() > _KEPT_FOR_CALLS_MS,
    )
    coverage = written.report.coverage
    logger.info(
        "Models compared",
        week=written.week,
        calls=coverage.calls,
        outlined_calls=coverage.outlined_calls,
    )
    if written.requests_unread is not None:
        logger.warning("Not all requests were looked at", reason=written.requests_unread)


@cache
def pricing() -> CurrentPricing:
    """Make what prices calls, once."""
    return CurrentPricing(Settings.from_environment(os.environ))


@cache
def reporter() -> CompareModels:
    """Make what compares models, once."""
    settings = Settings.from_environment(os.environ)
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    logs = boto3.client("logs", config=PROMPT)
    log_group = settings.content_log_group
    return CompareModels(
        calls=DynamoDbRecordedCalls(dynamodb, settings.ledger_table),
        books=call_books(settings, dynamodb),
        pricing=settings.pricing,
        logs=CloudWatchInvocationLog(logs, log_group) if log_group else None,
        reports=ComparisonFiles(
            S3ReportFiles(boto3.client("s3", config=PROMPT), settings.report_bucket)
        ),
    )
