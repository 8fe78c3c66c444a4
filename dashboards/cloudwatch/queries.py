"""Queries as alarms and graphs name them: a metric, or an expression over others."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

from dashboards.cloudwatch.expressions import Result, Scope, evaluate_expression, get_label
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

MAX_QUERIES = 500
"""Of one request.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

_DIMENSION_LABEL = re.compile(r"\$\{PROP\('Dim\.(\w+)'\)\}")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answer to queries.

    Attributes:
        series: The series of each query that returns data, by its id.
        messages: Remarks on the answer, such as that a part of it is missing.
    """

    series: Mapping[str, Sequence[Series]]
    messages: tuple[str, ...] = ()


class Evaluator(Protocol):
    """Evaluates queries."""

    def evaluate(self, queries: Sequence[Query], periods: Periods) -> Evaluation:
        """Evaluate queries; the period of each equals the length of the periods.

        Raises:
            UnknownExpressionError: A query is not known.
            SourceError: The source of the figures does not answer.
        """


class LocalEvaluator:
    """Evaluates queries on this machine, over the figures of a source."""

    def __init__(self, source: MetricSource) -> None:
        """Evaluate over a source."""
        self._source = source

    def evaluate(self, queries: Sequence[Query], periods: Periods) -> Evaluation:
        """Evaluate queries.

        Raises:
            UnknownExpressionError: A query has an unsupported form.
        """
        return Evaluation(_evaluate_each(queries, self._source, periods))


def get_period(queries: Sequence[Query]) -> int:
    """The period of queries, in seconds, which is one for all of them."""
    periods = {
        int(query["MetricStat"]["Period"] if "MetricStat" in query else query["Period"])
        for query in queries
        if "MetricStat" in query or "Period" in query
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
    found = _evaluate_each(queries, source, periods)
    return [series for several in found.values() for series in several]


def is_returned(query: Query) -> bool:
    """Say if a query is answered, and not only used by others."""
    return bool(query.get("ReturnData", True))


def _evaluate_each(
    queries: Sequence[Query], source: MetricSource, periods: Periods
) -> dict[str, list[Series]]:
    named = _read_metrics(
        [query for query in queries if "Expression" not in query], source, periods
    )
    for query in queries:
        if "Expression" in query:
            named[query["Id"]] = _evaluate_text(query["Expression"], source, periods, named)
    return {
        query["Id"]: [_label(series, query) for series in _list_series(named[query["Id"]])]
        for query in queries
        if is_returned(query)
    }


def _label(series: Series, query: Query) -> Series:
    """Label a series as its query says.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/graph-dynamic-labels.html
    """
    if "Label" not in query:
        return series
    dimensions = dict(series.metric.dimensions) if series.metric else {}
    label = _DIMENSION_LABEL.sub(
        lambda found: dimensions.get(found[1], found[1]), str(query["Label"])
    ).replace("${LABEL}", series.label)
    return replace(series, label=label)


def _read_metrics(
    queries: Sequence[Query], source: MetricSource, periods: Periods
) -> dict[str, Result]:
    """The series of queries that name a metric; those of one statistic are asked for at once."""
    by_statistic: defaultdict[Statistic, dict[str, Metric]] = defaultdict(dict)
    for query in queries:
        requested = query["MetricStat"]
        by_statistic[Statistic(requested["Stat"])][query["Id"]] = parse_metric(requested["Metric"])
    named: dict[str, Result] = {}
    for statistic, metrics in by_statistic.items():
        values = source.values(list(dict.fromkeys(metrics.values())), statistic, periods)
        for name, metric in metrics.items():
            named[name] = Series(get_label(metric), values[metric], metric)
    return named


def _evaluate_text(
    expression: str, source: MetricSource, periods: Periods, named: Mapping[str, Result]
) -> Result:
    if is_query(expression):
        return evaluate_query(expression, source, periods)
    return evaluate_expression(expression, Scope(source, periods, named))


def _list_series(result: Result) -> list[Series]:
    match result:
        case list():
            return result
        case Series():
            return [result]
    message = f"a number is no series: {result}"
    raise UnknownExpressionError(message)


def parse_metric(raw: Mapping[str, Any]) -> Metric:
    """A metric from the way CloudWatch's API names it."""
    pairs = raw.get("Dimensions") or ()
    dimensions = tuple(sorted((pair["Name"], pair["Value"]) for pair in pairs))
    return Metric(raw["Namespace"], raw["MetricName"], dimensions)
