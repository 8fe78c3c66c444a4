"""Alarms on tokens and cost: of the account, of models and of identities."""

from __future__ import annotations

from decimal import Decimal

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk.alarms.runbooks import name_runbook
from cdk.alarms.thresholds import AlarmThreshold
from cdk.config import Window
from cdk.config.resource_names import NAME_PREFIX
from lambdas.domain.alarms.names import name_anomaly_alarm
from lambdas.domain.metrics.catalog import NAMESPACE, DimensionSet

EVALUATED_EVERY = Duration.minutes(1)
"""The interval at which CloudWatch evaluates an alarm whose period is a minute or more."""

_RUNBOOK = "UsageAlarms"
_NOT_BELOW = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
_SILENCE_IS_GOOD = cloudwatch.TreatMissingData.NOT_BREACHING


class UsageAlarm(cloudwatch.Alarm):
    """The alarm of one threshold. Its window slides, so that it notifies as soon as it can."""

    def __init__(self, scope: Construct, *, threshold: AlarmThreshold, dashboard_url: str) -> None:
        """Make the alarm.

        Args:
            scope: The stack.
            threshold: The amount from which on it notifies.
            dashboard_url: The address of the dashboard with the details.
        """
        super().__init__(
            scope,
            threshold.alarm_name.removeprefix(NAME_PREFIX),
            alarm_name=threshold.alarm_name,
            alarm_description=_describe(threshold, dashboard_url),
            metric=describe_usage(threshold),
            threshold=float(threshold.value),
            evaluation_periods=1,
            comparison_operator=_NOT_BELOW,
            treat_missing_data=_SILENCE_IS_GOOD,
        )


class AnomalyAlarm(cloudwatch.AnomalyDetectionAlarm):
    """Notifies when the account's tokens, or its cost, rise above what CloudWatch has learnt."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        width: float,
        metric_name: str,
        dashboard_url: str,
    ) -> None:
        """Make the alarm; `width` is that of the band, in standard deviations."""
        super().__init__(
            scope,
            construct_id,
            alarm_name=name_anomaly_alarm(construct_id),
            alarm_description=(
                f"The account's {metric_name} for the last hour is above the range expected at this"
                f" time ({width:g} standard deviations). Usage by identity and model:"
                f" {dashboard_url} {name_runbook(_RUNBOOK)}"
            ),
            metric=_plain(DimensionSet.ACCOUNT, Window.HOUR, metric_name),
            std_devs=width,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_UPPER_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=_SILENCE_IS_GOOD,
        )


def describe_usage(threshold: AlarmThreshold) -> cloudwatch.IMetric:
    """Make the metric that a threshold watches, or a query with one series for each subject."""
    if not threshold.is_grouped:
        return _plain(
            threshold.dimension_set, threshold.window, threshold.metric_name, threshold.name
        )
    (dimension,) = threshold.dimension_set.dimension_names
    # Billed by the metrics it matches: this one set of dimensions, and no more.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-alarms.html
    clauses = (
        f"SELECT SUM({threshold.metric_name})",
        f'FROM SCHEMA("{NAMESPACE}", {dimension})',
        f"GROUP BY {dimension}",
        "ORDER BY SUM() DESC",
    )
    return cloudwatch.MathExpression(
        expression=" ".join(clauses),
        using_metrics={},
        period=Duration.seconds(threshold.window.seconds),
    )


def _plain(
    dimension_set: DimensionSet, window: Window, metric_name: str, name: str | None = None
) -> cloudwatch.Metric:
    names = dimension_set.dimension_names
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=metric_name,
        dimensions_map=dict.fromkeys(names, name) if name is not None else None,
        statistic="Sum",
        period=Duration.seconds(window.seconds),
    )


def _describe(threshold: AlarmThreshold, dashboard_url: str) -> str:
    who = threshold.subject[:200]
    if threshold.is_grouped:
        who = f"any {threshold.dimension_set}; the notification names it"
    what = f"{threshold.value:,} {threshold.metric_name}"
    if threshold.is_of_cost:
        what = f"{Decimal(threshold.value).normalize():,f} US dollars (estimated)"
    return (
        f"{threshold.severity.capitalize()}: {what} or more within"
        f" {'an hour' if threshold.window is Window.HOUR else f'a {threshold.window}'}"
        f" ({who}). Usage by identity and model: {dashboard_url} {name_runbook(_RUNBOOK)}"
    )
