"""The reporter of `comparison_reporter`, from the ledger and the log to the bucket of reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import boto3

from lambdas.adapters.cloudwatch_logs.invocation_log import CloudWatchInvocationLog
from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.adapters.report_layouts.comparison_files import ComparisonFiles
from lambdas.adapters.s3.report_files import S3ReportFiles
from lambdas.domain.reports.comparison import WeeklyComparison
from lambdas.services.compare_models import ModelComparer
from lambdas.wiring.call_settings import CallSettings
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.enrichment import call_books
from lambdas.wiring.pricing import CurrentPricing


@dataclass(frozen=True, slots=True)
class PricedReporter:
    """Compares models at the prices in force."""

    reporter: ModelComparer
    pricing: CurrentPricing

    def report(
        self,
        now: datetime,
        has_time: Callable[[], bool],
        has_time_for_requests: Callable[[], bool],
    ) -> WeeklyComparison:
        """Write the report of the last whole week.

        Raises:
            ReportUnfinishedError: There was no time for all calls.
        """
        return replace(self.reporter, pricing=self.pricing.get()).report(
            now, has_time=has_time, has_time_for_requests=has_time_for_requests
        )


def make_reporter(
    settings: CallSettings, *, ledger_table: str, report_bucket: str, content_log_group: str
) -> PricedReporter:
    """Make a reporter of the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    logs = boto3.client("logs", config=PROMPT)
    reporter = ModelComparer(
        calls=DynamoDbRecordedCalls(dynamodb, ledger_table),
        books=call_books(settings, dynamodb),
        pricing=settings.pricing,
        logs=CloudWatchInvocationLog(logs, content_log_group) if content_log_group else None,
        reports=ComparisonFiles(S3ReportFiles(boto3.client("s3", config=PROMPT), report_bucket)),
    )
    return PricedReporter(reporter, CurrentPricing(settings))
