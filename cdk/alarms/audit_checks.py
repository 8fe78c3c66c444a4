"""Health checks of the audit trail, where governance is on."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk.alarms.health_check import (
    FIVE_MINUTES,
    TWO_HOURS,
    HealthCheck,
    Silence,
    build_health_metric,
)
from lambdas.domain.metrics.catalog import AUDIT_PROBLEMS

AUDIT_AGE = "AuditAge"
_LAMBDA = "AWS/Lambda"
_MAX_DELAY = Duration.minutes(15)


def audit_checks(function_name: str) -> Iterator[HealthCheck]:
    """Health checks of the chain, and of the function that writes it.

    Args:
        function_name: Its fixed name: a reference would be an export, which could not be removed
            together with the function.
    """
    yield HealthCheck(
        AUDIT_PROBLEMS.name,
        lambda _: build_health_metric(AUDIT_PROBLEMS.name, TWO_HOURS),
        "checks",
        "The audit trail was altered, lacks anchors, or has not been verified for two hours. First"
        " run bedrock-meter audit verify: it names each problem.",
        silence=Silence.FAULT,
    )
    yield HealthCheck(
        AUDIT_AGE,
        lambda _: cloudwatch.Metric(
            namespace=_LAMBDA,
            metric_name="IteratorAge",
            dimensions_map={"FunctionName": function_name},
            statistic="Maximum",
            period=FIVE_MINUTES,
        ),
        "delays",
        f"AuditWriter appends changes of budgets more than {_MAX_DELAY.to_minutes():.0f} minutes"
        " late. After 23 hours it gives up, and make redrive appends them. First read the last"
        " error in its log group.",
        threshold=_MAX_DELAY.to_milliseconds(),
        runbook=AUDIT_PROBLEMS.name,
    )
