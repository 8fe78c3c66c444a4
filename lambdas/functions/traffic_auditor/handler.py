"""Finds calls that no log of the deployment has: hourly, and when Bedrock or a trail reports."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.domain.metrics.catalog import UNLOGGED_JOBS
from lambdas.domain.unmetered import BATCH_EVENT, AsyncInvocation, BatchJob
from lambdas.functions.traffic_auditor.settings import Settings
from lambdas.observability import log_request_id, logger, record_health
from lambdas.services.audit_traffic import TrafficAuditor, TrafficScope
from lambdas.wiring.traffic_auditor import make_auditor

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
_TRAIL_EVENT = "AWS API Call via CloudTrail"
_CLOCK_SKEW = timedelta(hours=1)


@log_request_id
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
        logger.warning("An event about a batch job does not name the job")
    elif auditor().is_new(job):
        logger.warning("Batch job outside the logs", job=job.arn, model=job.model)
        # Before the notice, which the topic may refuse: then the event comes, and counts, again.
        record_health({UNLOGGED_JOBS: 1})
        # The time of such an event is written in more than one way.
        auditor().report_batch_job(job, datetime.now(UTC))


def _report_invocation(event: Mapping[str, Any]) -> None:
    at = datetime.fromisoformat(event["time"])
    invocation = AsyncInvocation.from_record(event["detail"], at)
    if invocation is None:
        logger.warning("A trail's event about an asynchronous invocation does not name it")
    elif at > datetime.now(UTC) + _CLOCK_SKEW:
        # Forged: it would keep the real ones of that day from being notified.
        logger.warning("A trail's event about an asynchronous invocation is from the future")
    elif auditor().report_invocation(invocation, at):
        # The hourly audit counts it, with or without a trail.
        logger.warning("Asynchronous invocation outside the logs", model=invocation.model)


def _audit_hour(moment: datetime) -> None:
    report = auditor().audit(moment)
    logger.info("Traffic outside the logs", **report.describe())
    record_health(report.get_health(auditor().scope))
    auditor().notify(report, moment)  # last: it fails where the topic refuses messages


@cache
def auditor() -> TrafficAuditor:
    """Make the auditor, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_auditor(
        scope=TrafficScope(
            settings.region,
            settings.regions,
            settings.are_tiers_logged,
            settings.denied_regions,
        ),
        state_table=settings.state_table,
        topic_arn=settings.topic_arn,
    )
