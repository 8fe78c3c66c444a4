"""Compares what the meter has counted with what Bedrock has, and names what is missing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from lambdas.adapters.cloudformation_stack import created_at
from lambdas.adapters.cloudwatch.metric_reader import CloudWatchMetricReader
from lambdas.adapters.dynamodb.tag_memory import DynamoDbTagMemory
from lambdas.adapters.notifiers.sns_notifier import SnsNotifier
from lambdas.domain.alerts.notifications import Notice
from lambdas.domain.attribution.profile_models import ProfileModels
from lambdas.domain.completeness import (
    CoverageReport,
    MismatchReport,
    ModelCoverage,
    Quantity,
    coverage_notice,
    mismatch_notice,
)
from lambdas.domain.metrics.catalog import (
    COVERAGE_RATIO,
    COVERAGE_SHORTFALL,
    FORGED_SERIES,
    MISSING_CALLS,
    USAGE_MISMATCH,
    HealthMetric,
)
from lambdas.functions.coverage_auditor.settings import Settings
from lambdas.observability import logger, record_health
from lambdas.services.audit_coverage import AuditCoverage
from lambdas.services.find_forged_series import ForgedSeriesFinder

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
_OF_THE_ALARM = "CloudWatch Alarm State Change"


def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Audit at an event's time: measure when the schedule asks, name models when an alarm does.

    An alarm keeps the state, and notifies once; it cannot name a model. The notice that names them
    is sent when it has turned to ALARM, so there is no state to keep here.
    """
    moment = datetime.fromisoformat(event["time"])
    if event["detail-type"] == _OF_THE_ALARM:
        notifier().publish(_notice(str(event["detail"].get("alarmName")), moment))
        return
    report = audit()(moment)
    _log(report)
    health = _health(report)
    if report.window.is_hour_of_the_clock:
        health[USAGE_MISMATCH] = int(_audit_settled_hours(moment).is_mismatch)
        health[FORGED_SERIES] = _find_forged_series(moment)
    record_health(health)


def _notice(alarm_name: str, moment: datetime) -> Notice:
    """Say what an alarm stands for."""
    if alarm_name.endswith(USAGE_MISMATCH.name):
        return mismatch_notice(_audit_settled_hours(moment))
    report = audit()(moment, with_tokens=True)
    _log(report)
    return coverage_notice(report)


def _audit_settled_hours(moment: datetime) -> MismatchReport:
    report = audit().audit_settled_hours(moment)
    for hour in (report.earlier, report.later):
        logger.info(
            "Counted, and what Bedrock has, of an hour that has settled",
            start=hour.window.start.isoformat(),
            models=_counts(hour.models),
        )
    return report


def _find_forged_series(moment: datetime) -> int:
    """Count series that someone else has written to, and name them in the log."""
    found = finder().find(moment)
    if found.count:
        logger.warning(
            "Metrics that the meter cannot have published",
            negative=dict(found.negative),
            exceeded=[dimension_set.value for dimension_set in found.exceeded],
        )
    return found.count


def _health(report: CoverageReport) -> dict[HealthMetric, float]:
    health: dict[HealthMetric, float] = {
        COVERAGE_SHORTFALL: int(report.is_short),
        MISSING_CALLS: report.calls.missing,
    }
    if report.calls.ratio is not None:
        health[COVERAGE_RATIO] = report.calls.ratio
    return health


def _log(report: CoverageReport) -> None:
    logger.info(
        "Counted, of what Bedrock has",
        start=report.window.start.isoformat(),
        end=report.window.end.isoformat(),
        models=_counts(report.models),
        not_attributable=report.unlogged,
    )


def _counts(models: Iterable[ModelCoverage]) -> dict[str, dict[str, dict[str, int]]]:
    """Both counts of each model, by quantity."""
    return {
        model.model_id: {
            quantity: compared._asdict()
            for quantity, compared in {Quantity.CALLS: model.calls, **model.tokens}.items()
        }
        for model in models
    }


@cache
def settings() -> Settings:
    """The function's settings, read once."""
    return Settings.from_environment(os.environ)


@cache
def audit() -> AuditCoverage:
    """What audits, made once."""
    memory = DynamoDbTagMemory(boto3.client("dynamodb"), settings().ledger_table)
    models = ProfileModels(memory, settings().profiles_arn)
    return AuditCoverage(
        reader(),
        models.name_model,
        settings().max_models,
        metered_since=created_at(boto3.client("cloudformation"), settings().stack_id),
    )


@cache
def finder() -> ForgedSeriesFinder:
    """The finder of forged series, made once."""
    return ForgedSeriesFinder(reader(), settings().alarm_metric)


@cache
def reader() -> CloudWatchMetricReader:
    """The reader of metrics, made once."""
    return CloudWatchMetricReader(boto3.client("cloudwatch"))


@cache
def notifier() -> SnsNotifier:
    """Whom notices are given to."""
    return SnsNotifier(boto3.client("sns"), settings().topic_arn)
