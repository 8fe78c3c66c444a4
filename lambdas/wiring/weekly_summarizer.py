"""The summarizer of `weekly_summarizer`, from the ledger to the topic of notifications."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import boto3

from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.adapters.dynamodb.summary_deliveries import DynamoDbSummaryDeliveries
from lambdas.adapters.notifiers.sns_notifier import SnsNotifier
from lambdas.domain.metrics import RoleRollUp
from lambdas.services.summarize_week import WeekSummarizer
from lambdas.wiring.call_settings import CallSettings
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.enrichment import current_books
from lambdas.wiring.unlogged_usage import make_unlogged_usage_reader


def make_summarizer(
    settings: CallSettings,
    *,
    ledger_table: str,
    retention_days: int,
    role_rollup_patterns: Sequence[str],
    topic_arn: str,
    dashboard_url: str,
) -> WeekSummarizer:
    """Make a summarizer of the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    _, _, _, region, account, _ = topic_arn.split(":")
    return WeekSummarizer(
        calls=DynamoDbRecordedCalls(dynamodb, ledger_table),
        books=current_books(settings, dynamodb),
        roll_up=RoleRollUp(role_rollup_patterns),
        deliveries=DynamoDbSummaryDeliveries(dynamodb, settings.state_table),
        notifier=SnsNotifier(boto3.client("sns", config=PROMPT), topic_arn),
        retention=timedelta(days=retention_days),
        dashboard_url=dashboard_url,
        place=f"{account} {region}",
        unlogged=make_unlogged_usage_reader(settings.state_table),
    )
