"""Compares the meter's counts with Bedrock's own, and names the models with missing calls."""

from __future__ import annotations

import os
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.functions.coverage_auditor.settings import Settings
from lambdas.observability import log_request_id, record_health
from lambdas.services.watch_coverage import CoverageWatcher
from lambdas.wiring.coverage_auditor import make_watcher

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
_ALARM_EVENT = "CloudWatch Alarm State Change"


@log_request_id
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Audit at the time of an event: measure on schedule, name models after an alarm."""
    moment = datetime.fromisoformat(event["time"])
    if event["detail-type"] == _ALARM_EVENT:
        watcher().explain(str(event["detail"].get("alarmName")), moment)
    else:
        record_health(watcher().measure(moment))


@cache
def watcher() -> CoverageWatcher:
    """Make the watcher, once per process."""
    settings = Settings.from_environment(os.environ)
    return make_watcher(
        topic_arn=settings.topic_arn,
        state_table=settings.state_table,
        alarm_metric=settings.alarm_metric,
        profiles_arn=settings.profiles_arn,
        max_models=settings.max_models,
        stack_id=settings.stack_id,
        counter_table=settings.counter_table,
        cell_minutes=settings.cell_minutes,
    )
