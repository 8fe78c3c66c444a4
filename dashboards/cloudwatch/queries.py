"""Queries as alarms and graphs name them: a metric, or an expression over others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from dashboards.cloudwatch.expressions import Result, Scope, evaluate_expression, label_of
from dashboards.cloudwatch.insights import evaluate_query, is_query
from dashboards.cloudwatch.series import (
    Metric,
    MetricSource,
    Periods,
    Series,
    Statistic,
    UnknownExpressionError,
)

Query: TypeAlias = Mapping[str, Any]
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html"""


def period_of(queries: Sequence[Query]) -> int:
    """The period of queries, in seconds, which is one for all of them."""
    periods = {
        int(it["MetricStat"]["Period"] if "MetricStat" in it else it["Period"])
        for it in queries
        if "MetricStat" in it or "Period" in it
    }
    if len(periods) != 1:
        message = f"queries of several periods: {sorted(periods)}"
        raise UnknownExpressionError(message)
    return periods.pop()


def evaluate(queries: Sequence[Query], source: MetricSource, periods: Periods) -> list[Series]:
    """Evaluate queries; the series are of those that return data.

    Raises:
        UnknownExpressionError: There is one that we do not use.
    """
    return [it for found in evaluate_each(queries, source, periods).values() for it in found]


def evaluate_each(
    queries: Sequence[Query], source: MetricSource, periods: Periods
) -> dict[str, list[Series]]:
    """Evaluate queries; the series of each that returns data, by its id.

    Raises:
        UnknownExpressionError: There is one that we do not use.
    """
    named = _of_metrics([it for it in queries if "Expression" not in it], source, periods)
    for query in queries:
        if "Expression" in query:
            named[query["Id"]] = _of_expression(query["Expression"], source, periods, named)
    return {it["Id"]: _series_of(named[it["Id"]]) for it in queries if it.get("ReturnData", True)}


def _of_metrics(
    queries: Sequence[Query], source: MetricSource, periods: Periods
) -> dict[str, Result]:
    """The series of queries that name a metric; those of one statistic are asked for at once."""
    by_statistic: defaultdict[Statistic, dict[str, Metric]] = defaultdict(dict)
    for query in queries:
        told = query["MetricStat"]
        by_statistic[Statistic(told["Stat"])][query["Id"]] = metric_of(told["Metric"])
    named: dict[str, Result] = {}
    for statistic, metrics in by_statistic.items():
        values = source.values(list(dict.fromkeys(metrics.values())), statistic, periods)
        for name, metric in metrics.items():
            named[name] = Series(label_of(metric), values[metric], metric)
    return named


def _of_expression(
    expression: str, source: MetricSource, periods: Periods, named: Mapping[str, Result]
) -> Result:
    if is_query(expression):
        return evaluate_query(expression, source, periods)
    return evaluate_expression(expression, Scope(source, periods, named))


def _series_of(result: Result) -> list[Series]:
    match result:
        case list():
            return result
        case Series():
            return [result]
    message = f"a number is no series: {result}"
    raise UnknownExpressionError(message)


def metric_of(told: Mapping[str, Any]) -> Metric:
    """A metric as CloudWatch's API names it."""
    dimensions = tuple(sorted((it["Name"], it["Value"]) for it in told.get("Dimensions") or ()))
    return Metric(told["Namespace"], told["MetricName"], dimensions)
