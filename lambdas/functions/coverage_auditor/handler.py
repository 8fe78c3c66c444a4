"""Compares what the meter has counted with what Bedrock has, and names what is missing."""

from __future__ import annotations

import os
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from lambdas.adapters.cloudwatch_metric_reader import CloudWatchMetricReader
from lambdas.adapters.dynamodb_tag_memory import DynamoDbTagMemory
from lambdas.adapters.sns_notifier import SnsNotifier
from lambdas.domain.attribution.profile_models import ProfileModels
from lambdas.domain.completeness import CoverageReport, Quantity, coverage_notice
from lambdas.domain.metering.metric_catalog import (
    COVERAGE_RATIO,
    COVERAGE_SHORTFALL,
    MISSING_CALLS,
    HealthMetric,
)
from lambdas.functions.coverage_auditor.settings import Settings
from lambdas.observability import logger, record_health
from lambdas.services.audit_coverage import AuditCoverage

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
_OF_THE_ALARM = "CloudWatch Alarm State Change"


def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Audit at an event's time: measure when the schedule asks, name models when the alarm does.

    The alarm remembers that calls are missing, and tells of it once; it cannot name a model. What
    names them is sent when it has turned to ALARM, so there is no state to keep here.
    """
    report = audit()(datetime.fromisoformat(event["time"]))
    _log(report)
    if event["detail-type"] == _OF_THE_ALARM:
        notifier().publish(coverage_notice(report))
    else:
        record_health(_health(report))


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
        models={
            model.model_id: {
                quantity: compared._asdict()
                for quantity, compared in {Quantity.CALLS: model.calls, **model.tokens}.items()
            }
            for model in report.models
        },
        not_attributable=report.unlogged,
    )


@cache
def settings() -> Settings:
    """The function's settings, read once."""
    return Settings.from_environment(os.environ)


@cache
def audit() -> AuditCoverage:
    """What audits, made once."""
    memory = DynamoDbTagMemory(boto3.client("dynamodb"), settings().ledger_table)
    models = ProfileModels(memory, settings().profiles_arn)
    return AuditCoverage(CloudWatchMetricReader(boto3.client("cloudwatch")), models.name_model)


@cache
def notifier() -> SnsNotifier:
    """Whom notices are given to."""
    return SnsNotifier(boto3.client("sns"), settings().topic_arn)
