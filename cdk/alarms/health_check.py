"""A health check of the meter: its metric, its meaning and the first step to fix it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_

from cdk.alarms.runbooks import name_runbook
from lambdas.domain.alarms.names import CHECKS_WITHOUT_RECOVERY
from lambdas.domain.metrics.catalog import HEALTH_NAMESPACE

FIVE_MINUTES = Duration.minutes(5)
HOUR = Duration.hours(1)
TWO_HOURS = Duration.hours(2)
DAY = Duration.days(1)


@dataclass(frozen=True, slots=True)
class Watched:
    """Resources of the meter that have metrics of their own.

    Attributes:
        log_processor: Writes to the ledger.
        metric_publisher: Publishes from its stream.
        stream_mapping: The event source mapping that starts `metric_publisher`.
    """

    log_processor: lambda_.IFunction
    metric_publisher: lambda_.IFunction
    stream_mapping: lambda_.CfnEventSourceMapping


MetricBuilder: TypeAlias = Callable[[Watched], cloudwatch.Metric | cloudwatch.MathExpression]


class Silence(Enum):
    """The meaning of a period without a value.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """

    HEALTHY = cloudwatch.TreatMissingData.NOT_BREACHING
    """Values are written when something happens."""
    FAULT = cloudwatch.TreatMissingData.BREACHING
    """Values are written on a schedule: if one is missing, the check does not run or report."""
    UNCHANGED = cloudwatch.TreatMissingData.IGNORE
    """The last value holds until the next one."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A fault that a health alarm detects.

    Attributes:
        name: Its name, the alarm's too.
        build_metric: Builds the metric that shows it.
        graph: The id of its graph on the dashboard `pipeline_health`; `None` where the runbook has
            the query instead.
        meaning: Its meaning and the first step to fix it.
        threshold: The value from which on the fault is present.
        periods: The periods that must show the fault: `m` of the last `n`.
        is_below: True if values below the threshold are the fault.
        silence: The meaning of a period without a value.
        is_of_the_past: True if its periods include the time before the deployment.
        runbook: The page in `docs/runbooks` that says what to do; that of its name by default.
    """

    name: str
    build_metric: MetricBuilder
    graph: str | None
    meaning: str
    threshold: float = 1
    periods: tuple[int, int] = (1, 1)
    is_below: bool = False
    silence: Silence = Silence.HEALTHY
    is_of_the_past: bool = False
    runbook: str = ""

    @property
    def is_recovery_notified(self) -> bool:
        """True if its end notifies people."""
        return self.name not in CHECKS_WITHOUT_RECOVERY

    @property
    def description(self) -> str:
        """The alarm's text, but for the address of its dashboard."""
        return f"{self.meaning} {name_runbook(self.runbook or self.name)}"


def build_sum_metric(
    namespace: str,
    name: str,
    dimensions: Mapping[str, str] | None = None,
    period: Duration = FIVE_MINUTES,
) -> cloudwatch.Metric:
    """Build a metric of the sum of each period."""
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dimensions,
        statistic="Sum",
        period=period,
    )


def build_health_metric(name: str, period: Duration) -> cloudwatch.Metric:
    """Build a health metric of maximums, which forged values below zero do not lower."""
    return cloudwatch.Metric(
        namespace=HEALTH_NAMESPACE, metric_name=name, statistic="Maximum", period=period
    )


def build_report_count(name: str, period: Duration) -> cloudwatch.Metric:
    """Build a metric of the number of times that a function wrote a health metric."""
    return cloudwatch.Metric(
        namespace=HEALTH_NAMESPACE, metric_name=name, statistic="SampleCount", period=period
    )
