"""What CloudWatch makes of metrics, as far as our alarms and dashboards use it.

Metric math, SEARCH and Metrics Insights, evaluated over figures that a source gives. Whatever else
CloudWatch knows is refused, so that nothing is taken for shown that was not.
"""

from dashboards.cloudwatch.alarms import Alarm, AlarmState, Contributor
from dashboards.cloudwatch.queries import evaluate, evaluate_each
from dashboards.cloudwatch.series import (
    Metric,
    MetricSource,
    Periods,
    Series,
    SourceError,
    Statistic,
    UnknownExpressionError,
)

__all__ = [
    "Alarm",
    "AlarmState",
    "Contributor",
    "Metric",
    "MetricSource",
    "Periods",
    "Series",
    "SourceError",
    "Statistic",
    "UnknownExpressionError",
    "evaluate",
    "evaluate_each",
]
