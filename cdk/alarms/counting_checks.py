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
    build_health_metric,
    build_sum_metric,
)
from lambdas.domain.alarms.names import NEGATIVE_METRICS
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
"""The account metrics that usage alarms add up, for every kind of tokens."""
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
        lambda _: build_sum_metric(BEDROCK_NAMESPACE, BedrockMetric.LOGS_NOT_DELIVERED),
        "lost-calls",
        "Bedrock could not deliver invocation logs, so these calls are not counted. First read"
        " the notifications of LoggingWatcher: it checks the logging role and the log group.",
    )
    yield HealthCheck(
        REJECTED_RECORDS.name,
        lambda _: build_health_metric(REJECTED_RECORDS.name, FIVE_MINUTES),
        "record-faults",
        "Records in the log group could not be counted. First look in the quarantine bucket: it has"
        " each record with the reason. Some reasons mean that the record is forged.",
    )
    # Our metrics may arrive some minutes after Bedrock's, so a single period is no proof.
    yield HealthCheck(
        "NoData",
        lambda _: cloudwatch.MathExpression(
            expression=_NOTHING_METERED,
            using_metrics={
                "bedrock": build_sum_metric(BEDROCK_NAMESPACE, BedrockMetric.INVOCATIONS),
                "metered": build_sum_metric(NAMESPACE, INVOCATIONS.name),
                "failed": build_sum_metric(NAMESPACE, INVOCATION_ERRORS.name),
            },
            period=FIVE_MINUTES,
        ),
        "lost-calls",
        "In at least three five-minute periods of the last hour, Bedrock counted calls but the"
        " meter counted none. First run make doctor: it checks invocation logging and the"
        " subscription.",
        periods=(3, 12),
        is_of_the_past=True,
    )


def _conflicts() -> Iterator[HealthCheck]:
    graph = "record-faults"
    yield HealthCheck(
        CONFLICTING_DUPLICATES.name,
        lambda _: build_health_metric(CONFLICTING_DUPLICATES.name, FIVE_MINUTES),
        graph,
        "The log group has several records of one call, and they differ: some may be forged. No"
        " count and no cost was lowered. First query the log of MetricPublisher: it names the"
        " callers.",
    )
    yield HealthCheck(
        TAMPERED_CALLS.name,
        lambda _: build_health_metric(TAMPERED_CALLS.name, FIVE_MINUTES),
        graph,
        "Something other than the meter changed or deleted calls in the ledger. This is expected"
        " after make erase-identity. Metrics are not affected; reports may be too low. First query"
        " the log of MetricPublisher: it names the calls.",
    )


def _late_calls() -> Iterator[HealthCheck]:
    # No audit reads an hour again after two hours.
    yield HealthCheck(
        "LateCalls",
        lambda _: build_health_metric(METERING_DELAY.name, FIVE_MINUTES),
        "delays",
        "A call was counted more than two hours after the time in its record. This is expected"
        " after an outage or make replay. Otherwise the record may be forged: audits no longer"
        " compare that hour with Bedrock's own count.",
        threshold=TWO_HOURS.to_seconds(),
    )
    yield HealthCheck(
        UNPUBLISHED_RECORDS.name,
        lambda _: build_health_metric(UNPUBLISHED_RECORDS.name, FIVE_MINUTES),
        "record-faults",
        "The ledger has new calls that are more than two weeks old, or items that cannot be read."
        " Reports include them; metrics do not. This is expected after make replay of logs that"
        " old. Otherwise the records may be forged.",
    )


def _bounds() -> Iterator[HealthCheck]:
    yield HealthCheck(
        NEGATIVE_METRICS,
        lambda _: cloudwatch.MathExpression(
            expression=_BELOW_ZERO,
            using_metrics={label: _minimum(name) for label, name in _ADDED_UP.items()},
            period=FIVE_MINUTES,
        ),
        "record-faults",
        "An account metric has negative values, which the meter never publishes. Such values lower"
        " sums and can keep usage alarms silent. First check which roles can publish metrics. The"
        " ledger and the reports are not affected.",
    )
    # Written once an hour, some seconds early or late: each two hours hold a value.
    yield HealthCheck(
        FORGED_SERIES.name,
        lambda _: build_health_metric(FORGED_SERIES.name, TWO_HOURS),
        "checks",
        "In the last eight days, a metric of an identity or model had negative values, or there"
        " were more series than the meter publishes. Such values can keep usage alarms silent."
        " First query the log of CoverageAuditor: it lists the series. The ledger and the reports"
        " are not affected.",
        silence=Silence.FAULT,
        runbook="NegativeMetrics",
    )
    # The overflow bucket is used until the month ends: that is one notification.
    yield HealthCheck(
        OVERFLOWING_CALLS.name,
        lambda _: build_health_metric(OVERFLOWING_CALLS.name, HOUR),
        "prices-and-names",
        "This month's calls come from more identities, projects or models than the meter publishes"
        " metrics for. Metrics and alarms combine the others as __other__; the ledger and the"
        " reports list each one.",
        periods=(1, 72),
    )


def _coverage() -> Iterator[HealthCheck]:
    yield HealthCheck(
        "Coverage",
        lambda _: build_health_metric(COVERAGE_SHORTFALL.name, FIVE_MINUTES),
        "checks",
        "Bedrock counted more calls than the meter: over half a percent of an hour's calls are"
        " missing. A second notification lists the models and their missing calls. If none"
        " follows, the audits may not be reporting: check that the log group of CoverageAuditor"
        " exists.",
        periods=(AUDITS_RUNNING, AUDITS_RUNNING),
        silence=Silence.FAULT,
    )
    # Written once an hour, some seconds early or late: each two hours hold a value.
    yield HealthCheck(
        USAGE_MISMATCH.name,
        lambda _: build_health_metric(USAGE_MISMATCH.name, TWO_HOURS),
        "checks",
        "For two hours in a row, the calls or tokens of a model differ from Bedrock's own count."
        " A shortfall points to lost records, a surplus to forged records. A second notification"
        " lists the models. If none follows, the audits may not be reporting: check that the log"
        " group of CoverageAuditor exists.",
        silence=Silence.FAULT,
    )
    yield HealthCheck(
        "UnloggedTraffic",
        lambda _: build_sum_metric(MANTLE_NAMESPACE, MantleMetric.INFERENCES, period=DAY),
        "outside-the-logs",
        "Models were called through bedrock-mantle within the last day. Bedrock does not log these"
        " calls, and the callers are unknown. Their tokens are shown separately, and are in no"
        f" cost. The metric {MantleMetric.INFERENCES} in {MANTLE_NAMESPACE} names the models. First"
        " check which roles and"
        " users have bedrock-mantle:* permissions in IAM.",
    )
    # An hour that one run cannot read is read by the next as well.
    yield HealthCheck(
        UNREADABLE_REGIONS.name,
        lambda _: build_health_metric(UNREADABLE_REGIONS.name, HOUR),
        "outside-the-logs",
        "For two hours, TrafficAuditor could not read some Regions, so calls there may go"
        " unnoticed. First query the log of TrafficAuditor: it names the Regions and the reasons."
        " If it has no new lines, check that the log group exists.",
        periods=(2, 2),
        silence=Silence.FAULT,
    )


def _minimum(name: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE, metric_name=name, statistic="Minimum", period=FIVE_MINUTES
    )
