"""Notifies of drift in invocation logging or the meter, and of its author."""

from __future__ import annotations

import os
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.domain.logging_configuration import LoggingChange
from lambdas.domain.metrics.catalog import DEPLOYMENT_DRIFT
from lambdas.functions.logging_watcher.settings import Settings
from lambdas.observability import log_request_id, record_health
from lambdas.services.watch_logging import LoggingWatcher
from lambdas.wiring.logging_watcher import make_watcher

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
_TRAIL_EVENT = "AWS API Call via CloudTrail"


@log_request_id
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Check after a change that a trail reports, or on schedule."""
    is_change = event["detail-type"] == _TRAIL_EVENT
    change = LoggingChange.from_event(event["detail"]) if is_change else None
    finding = watcher().check(change, datetime.fromisoformat(event["time"]))
    record_health({DEPLOYMENT_DRIFT: len(finding.drifts)})


@cache
def watcher() -> LoggingWatcher:
    """Make the watcher, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_watcher(
        deployed=settings.deployed(),
        deploying_role_arn=settings.deploying_role_arn,
        known_log_policies=settings.known_log_policies,
        state_table=settings.state_table,
        stacks=settings.stacks,
        topic_arn=settings.topic_arn,
    )
