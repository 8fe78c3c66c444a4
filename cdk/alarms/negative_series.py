"""Health checks of values below zero in the series that alarms on usage look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk.alarms.health_symptoms import Symptom, Watched
from lambdas.domain.metrics.catalog import NAMESPACE, DimensionSet

_NAMES = {
    DimensionSet.IDENTITY: ("NegativeIdentityMetrics", "an identity"),
    DimensionSet.MODEL: ("NegativeModelMetrics", "a model"),
}
_FIVE_MINUTES = Duration.minutes(5)


def series_symptoms(metric_name: str) -> Iterator[Symptom]:
    """Health checks of the series that alarms on every identity and every model look at.

    Each series is a contributor of its own, so that the notification names it. Billed by the
    metrics that the query matches:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-alarms.html
    """
    for dimension_set, (name, one) in _NAMES.items():
        yield Symptom(
            name,
            _lowest(metric_name, dimension_set),
            f"lowest-{dimension_set}-values",
            f"{metric_name} of {one} has values below zero, which the meter never publishes:"
            " whoever may publish metrics keeps the alarms on it silent. The notification names it."
            " The ledger and its reports are right.",
            threshold=0,
            is_below=True,
            runbook="NegativeMetrics",
        )


def _lowest(
    metric_name: str, dimension_set: DimensionSet
) -> Callable[[Watched], cloudwatch.MathExpression]:
    """Query the lowest value of each series of a metric.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
    """
    (dimension,) = dimension_set.dimension_names
    clauses = (
        f"SELECT MIN({metric_name})",
        f'FROM SCHEMA("{NAMESPACE}", {dimension})',
        f"GROUP BY {dimension}",
        "ORDER BY MIN() ASC",
    )
    return lambda _: cloudwatch.MathExpression(
        expression=" ".join(clauses), using_metrics={}, period=_FIVE_MINUTES
    )
