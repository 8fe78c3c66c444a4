"""Finds calls that no log of the deployment has: hourly, and when Bedrock or a trail reports."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.domain.unmetered import BATCH_EVENT, TrafficScope
from lambdas.functions.traffic_auditor.settings import Settings
from lambdas.observability import log_request_id
from lambdas.services.audit_traffic import TrafficWatcher
from lambdas.services.count_batch_jobs import BatchJobCounter
from lambdas.wiring.traffic_auditor import make_batch_job_counter, make_watcher

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
_TRAIL_EVENT = "AWS API Call via CloudTrail"


@log_request_id
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Audit an hour and count batch jobs, or report one job or asynchronous invocation."""
    kind, now = event["detail-type"], datetime.now(UTC)
    if kind == BATCH_EVENT:  # the time of such an event is written in more than one way
        watcher().watch_batch_job(event["detail"], now)
    elif kind == _TRAIL_EVENT:
        watcher().watch_invocation(event["detail"], datetime.fromisoformat(event["time"]), now)
    else:
        watcher().watch_hour(datetime.fromisoformat(event["time"]))
        if (counter := batch_job_counter()) is not None:
            counter.count(now)


@cache
def watcher() -> TrafficWatcher:
    """Make the watcher, once per process."""
    settings = read_settings()
    return make_watcher(
        scope=TrafficScope(
            settings.region,
            settings.regions,
            settings.are_tiers_logged,
            settings.denied_regions,
        ),
        state_table=settings.state_table,
        topic_arn=settings.topic_arn,
    )


@cache
def batch_job_counter() -> BatchJobCounter | None:
    """Make the counter of batch jobs, once per process; `None` where no bucket may be read."""
    settings = read_settings()
    if not settings.batch_output_buckets:
        return None
    return make_batch_job_counter(
        state_table=settings.state_table, buckets=settings.batch_output_buckets
    )


def read_settings() -> Settings:
    """Read the settings of this function."""
    return Settings.from_environment(os.environ)
