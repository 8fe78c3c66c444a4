"""Finds calls that no log of the deployment has: hourly, and when Bedrock or a trail reports."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from lambdas.adapters.aws_account_regions import AwsAccountRegions
from lambdas.adapters.bedrock.async_invocations import BedrockAsyncInvocations
from lambdas.adapters.cloudwatch.traffic_reader import CloudWatchTrafficReader
from lambdas.adapters.dynamodb.sent_notices import DynamoDbSentNotices
from lambdas.adapters.notifiers.all_notifiers import AllNotifiers
from lambdas.adapters.notifiers.eventbridge_notifier import EventBridgeNotifier
from lambdas.adapters.notifiers.log_notifier import LogNotifier
from lambdas.adapters.notifiers.sns_notifier import SnsNotifier
from lambdas.domain.metrics.catalog import (
    MISREAD_TIER_CALLS,
    UNLOGGED_JOBS,
    UNMETERED_CALLS,
    UNREADABLE_REGIONS,
    HealthMetric,
)
from lambdas.domain.unmetered import (
    BATCH_EVENT,
    AsyncInvocation,
    BatchJob,
    count_by_model,
)
from lambdas.functions.traffic_auditor.settings import Settings
from lambdas.observability import logger, record_health
from lambdas.services.audit_traffic import (
    AuditTraffic,
    TrafficReport,
    TrafficScope,
    TrafficSources,
)
from lambdas.wiring.client_timeouts import BRIEF

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
_TRAIL_EVENT = "AWS API Call via CloudTrail"
_CLOCK_SKEW = timedelta(hours=1)


def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Audit an hour, or report one batch job or asynchronous invocation."""
    if event["detail-type"] == BATCH_EVENT:
        _report_batch_job(event["detail"])
    elif event["detail-type"] == _TRAIL_EVENT:
        _report_invocation(event)
    else:
        _audit_hour(datetime.fromisoformat(event["time"]))


def _report_batch_job(detail: Mapping[str, Any]) -> None:
    job = BatchJob.from_detail(detail)
    if job is None:
        logger.warning("An event on a batch job names none")
    elif audit().is_new(job):
        logger.warning("Batch job outside the logs", job=job.arn, model=job.model)
        # Before the notice, which the topic may refuse: then the event comes, and counts, again.
        record_health({UNLOGGED_JOBS: 1})
        # The time of such an event is written in more than one way.
        audit().report_batch_job(job, datetime.now(UTC))


def _report_invocation(event: Mapping[str, Any]) -> None:
    at = datetime.fromisoformat(event["time"])
    invocation = AsyncInvocation.from_record(event["detail"], at)
    if invocation is None:
        logger.warning("A trail's event on an asynchronous invocation names none")
    elif at > datetime.now(UTC) + _CLOCK_SKEW:
        # Forged: it would keep the real ones of that day from being notified.
        logger.warning("A trail's event on an asynchronous invocation is from the future")
    elif audit().report_invocation(invocation, at):
        # The hourly audit counts it, with or without a trail.
        logger.warning("Asynchronous invocation outside the logs", model=invocation.model)


def _audit_hour(moment: datetime) -> None:
    report = audit()(moment)
    _log(report)
    record_health(_health(report))
    audit().notify(report, moment)  # last: it fails where the topic refuses messages


def _health(report: TrafficReport) -> dict[HealthMetric, float]:
    health: dict[HealthMetric, float] = {
        UNLOGGED_JOBS: len(report.invocations),
        MISREAD_TIER_CALLS: sum(row.calls for row in report.tiers),
        UNREADABLE_REGIONS: len(audit().scope.unexpected(report.unreadable)),
    }
    if audit().scope.has_other_regions:
        health[UNMETERED_CALLS] = report.unmetered_calls
    return health


def _log(report: TrafficReport) -> None:
    logger.info(
        "Traffic outside the logs",
        start=report.window.start.isoformat(),
        end=report.window.end.isoformat(),
        unmetered={
            traffic.region: {
                "calls": dict(traffic.calls),
                "mantle_calls": dict(traffic.mantle_calls),
                "metered_calls": traffic.metered_calls,
            }
            for traffic in report.unmetered
        },
        unreadable=dict(report.unreadable),
        asynchronous=dict(count_by_model(report.invocations)),
        tiers=[(row.model, row.tier, row.calls) for row in report.tiers],
    )


@cache
def settings() -> Settings:
    """The function's settings, read once."""
    return Settings.from_environment(os.environ)


@cache
def audit() -> AuditTraffic:
    """The audit, made once."""
    own = settings()
    return AuditTraffic(
        TrafficScope(own.region, own.regions, own.are_tiers_logged, own.denied_regions),
        sources(),
        DynamoDbSentNotices(boto3.client("dynamodb"), own.state_table),
        AllNotifiers(
            LogNotifier(),
            EventBridgeNotifier(boto3.client("events")),
            SnsNotifier(boto3.client("sns"), own.topic_arn),
        ),
    )


@cache
def sources() -> TrafficSources:
    """The sources that the audit reads; a Region that is slow to answer keeps no other waiting."""
    return TrafficSources(
        AwsAccountRegions(boto3.client("account", config=BRIEF)),
        CloudWatchTrafficReader(
            settings().region,
            lambda region: boto3.client("cloudwatch", region_name=region, config=BRIEF),
        ),
        BedrockAsyncInvocations(boto3.client("bedrock-runtime", config=BRIEF)),
    )
