"""Health checks of calls that are missing, doubtful, late or forged."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import aws_cloudwatch as cloudwatch

from cdk.alarms.health_check import (
    DAY,
    FIVE_MINUTES,
    HOUR,
    TWO_HOURS,
    HealthCheck,
    Silence,
    health_maximum,
    sum_metric,
)
from lambdas.domain.completeness import AUDITS_RUNNING
from lambdas.domain.metrics.bedrock_metrics import (
    BEDROCK_NAMESPACE,
    MANTLE_NAMESPACE,
    BedrockMetric,
    MantleMetric,
)
from lambdas.domain.metrics.catalog import (
    CONFLICTING_DUPLICATES,
    COVERAGE_SHORTFALL,
    ESTIMATED_COST,
    FORGED_SERIES,
    INVOCATION_ERRORS,
    INVOCATIONS,
    METERING_DELAY,
    NAMESPACE,
    OVERFLOWING_CALLS,
    QUOTA_TOKENS,
    REJECTED_RECORDS,
    TAMPERED_CALLS,
    TOTAL_TOKENS,
    UNPUBLISHED_RECORDS,
    UNREADABLE_REGIONS,
    USAGE_MISMATCH,
)

_ADDED_UP = {
    "quota": QUOTA_TOKENS.name,
    "total": TOTAL_TOKENS.name,
    "cost": ESTIMATED_COST.name,
    "calls": INVOCATIONS.name,
}
"""The metrics of the account that alarms on usage add up, for every kind of tokens."""
_NOTHING_METERED = "IF(bedrock > 0 AND FILL(metered, 0) == 0 AND FILL(failed, 0) == 0, 1, 0)"
"""1 for a period with calls at Bedrock but without any in the meter."""
_BELOW_ZERO = "IF(" + " OR ".join(f"FILL({label}, 0) < 0" for label in _ADDED_UP) + ", 1, 0)"
"""1 for a period in which a metric of the account has values below zero."""


def counting_checks() -> Iterator[HealthCheck]:
    """Health checks of the counts themselves."""
    yield from _completeness()
    yield from _conflicts()
    yield from _late_calls()
    yield from _bounds()
    yield from _coverage()


def _completeness() -> Iterator[HealthCheck]:
    yield HealthCheck(
        "LogDeliveryFailures",
        lambda _: sum_metric(BEDROCK_NAMESPACE, BedrockMetric.LOGS_NOT_DELIVERED),
        "log-delivery-failures",
        "Bedrock could not deliver invocation logs, so these calls are not counted. Check"
        " the notifications of LoggingWatcher first: it checks the logging role and the log group.",
    )
    yield HealthCheck(
        REJECTED_RECORDS.name,
        lambda _: health_maximum(REJECTED_RECORDS.name, FIVE_MINUTES),
        "rejected-records",
        "Records in the log group could not be counted. Look in the quarantine bucket first: it has"
        " each record with its reason, and some reasons mean that the record was forged.",
    )
    # Our metrics may arrive some minutes after Bedrock's, so a single period is no proof.
    yield HealthCheck(
        "NoData",
        lambda _: cloudwatch.MathExpression(
            expression=_NOTHING_METERED,
            using_metrics={
                "bedrock": sum_metric(BEDROCK_NAMESPACE, BedrockMetric.INVOCATIONS),
                "metered": sum_metric(NAMESPACE, INVOCATIONS.name),
                "failed": sum_metric(NAMESPACE, INVOCATION_ERRORS.name),
            },
            period=FIVE_MINUTES,
        ),
        "nothing-metered",
        "Bedrock was called in at least 15 minutes of the last hour in which the meter counted"
        " nothing. Run make doctor first: it checks invocation logging and the subscription.",
        periods=(3, 12),
        is_of_the_past=True,
    )


def _conflicts() -> Iterator[HealthCheck]:
    graph = "conflicting-calls"
    yield HealthCheck(
        CONFLICTING_DUPLICATES.name,
        lambda _: health_maximum(CONFLICTING_DUPLICATES.name, FIVE_MINUTES),
        graph,
        "Calls were logged twice with different contents: a sign of forged records. No count and no"
        " cost was lowered. The log of MetricPublisher names the callers.",
    )
    yield HealthCheck(
        TAMPERED_CALLS.name,
        lambda _: health_maximum(TAMPERED_CALLS.name, FIVE_MINUTES),
        graph,
        "Something other than the meter changed or removed calls in the ledger's table. Metrics are"
        " as they were, reports may be too low. The log of MetricPublisher names the calls.",
    )


def _late_calls() -> Iterator[HealthCheck]:
    # No audit looks at an hour again once two hours have gone by.
    yield HealthCheck(
        "LateCalls",
        lambda _: health_maximum(METERING_DELAY.name, FIVE_MINUTES),
        "metering-delay",
        "A call was counted more than two hours after the time that its record gives. After an"
        " outage or make replay this is expected. Otherwise the record may be forged: no audit"
        " compares hours so long ago with Bedrock's own count.",
        threshold=TWO_HOURS.to_seconds(),
    )
    yield HealthCheck(
        UNPUBLISHED_RECORDS.name,
        lambda _: health_maximum(UNPUBLISHED_RECORDS.name, FIVE_MINUTES),
        "unpublished-calls",
        "The ledger has new calls that are more than two weeks old, or items that cannot be read:"
        " they are in reports and in no metric. After make replay of such a time this is expected."
        " Otherwise the records may be forged.",
    )


def _bounds() -> Iterator[HealthCheck]:
    yield HealthCheck(
        "NegativeMetrics",
        lambda _: cloudwatch.MathExpression(
            expression=_BELOW_ZERO,
            using_metrics={label: _minimum(name) for label, name in _ADDED_UP.items()},
            period=FIVE_MINUTES,
        ),
        "negative-metrics",
        "A metric of the account has values below zero, which the meter never publishes: whoever"
        " may publish metrics can lower sums so that no alarm on usage notifies. The ledger and its"
        " reports are right.",
    )
    # Written once an hour, some seconds early or late: each two hours hold a value.
    yield HealthCheck(
        FORGED_SERIES.name,
        lambda _: health_maximum(FORGED_SERIES.name, TWO_HOURS),
        "forged-series",
        "A metric of an identity or a model had values below zero within eight days, or more series"
        " exist than the meter publishes: whoever may publish metrics can keep alarms on usage"
        " silent. The log of CoverageAuditor names the series. The ledger and its reports are"
        " right.",
        silence=Silence.FAULT,
        runbook="NegativeMetrics",
    )
    # The bucket is used until the month ends: that is one notification.
    yield HealthCheck(
        OVERFLOWING_CALLS.name,
        lambda _: health_maximum(OVERFLOWING_CALLS.name, HOUR),
        "overflowing-calls",
        "More identities, projects or models called than have metrics of their own this month:"
        " metrics and alarms show the others as __other__. The ledger and its reports have each.",
        periods=(1, 72),
        is_recovery_notified=False,
    )


def _coverage() -> Iterator[HealthCheck]:
    yield HealthCheck(
        "Coverage",
        lambda _: health_maximum(COVERAGE_SHORTFALL.name, FIVE_MINUTES),
        "coverage-shortfall",
        "Bedrock has counted calls that the meter has not: more than half a percent of an hour's."
        " A second notification names the models and how much is missing. Without one, the audits"
        " may report nothing: check that the log group of CoverageAuditor still exists.",
        periods=(AUDITS_RUNNING, AUDITS_RUNNING),
        silence=Silence.FAULT,
    )
    # Written once an hour, some seconds early or late: each two hours hold a value.
    yield HealthCheck(
        USAGE_MISMATCH.name,
        lambda _: health_maximum(USAGE_MISMATCH.name, TWO_HOURS),
        "usage-mismatch",
        "For two hours running, calls or tokens of a model differ from Bedrock's own: some are"
        " missing, or there are too many, which forged records make. A second notification names"
        " the models. Without one, the audits may report nothing: check that the log group of"
        " CoverageAuditor still exists.",
        silence=Silence.FAULT,
    )
    yield HealthCheck(
        "UnloggedTraffic",
        lambda _: sum_metric(MANTLE_NAMESPACE, MantleMetric.INFERENCES, period=DAY),
        "unlogged-traffic",
        "Models were called through bedrock-mantle within a day. Bedrock does not log these calls:"
        " they are in no count and no cost, and the caller is not known. Check first which roles"
        " and users IAM allows bedrock-mantle:*.",
    )
    # An hour that one run cannot read is read by the next as well.
    yield HealthCheck(
        UNREADABLE_REGIONS.name,
        lambda _: health_maximum(UNREADABLE_REGIONS.name, HOUR),
        "unreadable-regions",
        "For two hours, calls outside the logs could not be looked for in a Region: nothing is"
        " known of it. The log of TrafficAuditor names the Regions and reasons. If it has no new"
        " lines, check that the log group still exists.",
        periods=(2, 2),
        silence=Silence.FAULT,
    )


def _minimum(name: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE, metric_name=name, statistic="Minimum", period=FIVE_MINUTES
    )
