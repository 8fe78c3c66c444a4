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
    build_sum_metric,
)
from lambdas.domain.metrics.catalog import AUDIT_PROBLEMS

AUDIT_AGE = "AuditAge"
UNRECORDED_CHANGES = "UnrecordedChanges"
_LAMBDA = "AWS/Lambda"
_GIVEN_UP = {"stored": "OnFailureDestinationDeliveredEventCount", "dropped": "DroppedEventCount"}
_MAX_DELAY = Duration.minutes(15)


def audit_checks(function_name: str, mapping_id: str) -> Iterator[HealthCheck]:
    """Health checks of the chain, and of the function that writes it.

    Args:
        function_name: Its fixed name: a reference would be an export, which could not be removed
            together with the function.
        mapping_id: The id of the mapping that starts it, which has no fixed name. It is removed
            with its stack alone.
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
        " late. Nothing is lost for 23 hours. First read the last error in its log group.",
        threshold=_MAX_DELAY.to_milliseconds(),
        runbook=AUDIT_PROBLEMS.name,
    )
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    yield HealthCheck(
        UNRECORDED_CHANGES,
        lambda _: cloudwatch.MathExpression(
            expression="FILL(stored, 0) + FILL(dropped, 0)",
            using_metrics={
                name: build_sum_metric(_LAMBDA, metric, {"EventSourceMappingUUID": mapping_id})
                for name, metric in _GIVEN_UP.items()
            },
            period=FIVE_MINUTES,
        ),
        "lost-calls",
        "AuditWriter gave up on changes after 23 hours, so the audit trail lacks them. First fix"
        " the last error in its log group, then run make redrive: it appends what is in the failure"
        " bucket.",
    )
