"""Queries as alarms and graphs name them: a metric, or an expression over others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from dashboards.preview.metric_queries.expressions import (
    Result,
    Scope,
    evaluate_expression,
    label_of,
)
from dashboards.preview.metric_queries.insights import evaluate_query, is_query
from dashboards.preview.metric_queries.series import (
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
    named: dict[str, Result] = {}
    for query in sorted(queries, key=lambda it: "Expression" in it):  # metrics first
        named[query["Id"]] = _evaluate(query, source, periods, named)
    returned = (named[it["Id"]] for it in queries if it.get("ReturnData", True))
    return [series for result in returned for series in _series_of(result)]


def _evaluate(
    query: Query, source: MetricSource, periods: Periods, named: Mapping[str, Result]
) -> Result:
    expression = query.get("Expression")
    if expression is None:
        told = query["MetricStat"]
        metric = metric_of(told["Metric"])
        statistic = Statistic(told["Stat"])
        return Series(label_of(metric), source.values([metric], statistic, periods)[metric], metric)
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
