"""The meaning of CloudWatch's queries and alarms, as far as our alarms and dashboards use them.

`LocalEvaluator` evaluates metric math, SEARCH and Metrics Insights over figures of a source, and
refuses what it does not know, so that a graph is right or absent. `AccountEvaluator` lets
CloudWatch itself evaluate.
"""

from dashboards.cloudwatch.account_evaluator import AccountEvaluator
from dashboards.cloudwatch.alarm_evaluation import AlarmEvaluation
from dashboards.cloudwatch.alarms import Alarm, AlarmState, Contributor
from dashboards.cloudwatch.aws_errors import plain_errors
from dashboards.cloudwatch.cloudwatch_metrics import CloudWatchMetrics
from dashboards.cloudwatch.queries import (
    Evaluation,
    Evaluator,
    LocalEvaluator,
    Query,
    evaluate,
)
from dashboards.cloudwatch.search import search_metrics
from dashboards.cloudwatch.series import (
    Metric,
    MetricSource,
    Periods,
    Series,
    SourceError,
    Statistic,
    UnknownExpressionError,
    Value,
)

__all__ = [
    "AccountEvaluator",
    "Alarm",
    "AlarmEvaluation",
    "AlarmState",
    "CloudWatchMetrics",
    "Contributor",
    "Evaluation",
    "Evaluator",
    "LocalEvaluator",
    "Metric",
    "MetricSource",
    "Periods",
    "Query",
    "Series",
    "SourceError",
    "Statistic",
    "UnknownExpressionError",
    "Value",
    "evaluate",
    "plain_errors",
    "search_metrics",
]
