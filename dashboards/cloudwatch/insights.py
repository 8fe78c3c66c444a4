"""Metrics Insights.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from dashboards.cloudwatch.series import (
    MetricSource,
    Periods,
    Series,
    Statistic,
    UnknownExpressionError,
)

MAX_SERIES = 500
_QUERY = re.compile(
    r"SELECT (?P<function>SUM|MIN)\((?P<name>\w+)\)"
    r" FROM SCHEMA\(\"(?P<namespace>[^\"]+)\", (?P<dimensions>\w+(?:, \w+)*)\)"
    r" GROUP BY (?P<group>\w+)"
    r"(?: ORDER BY (?P=function)\(\) (?P<order>DESC|ASC)(?: LIMIT (?P<limit>\d+))?)?"
)
_FUNCTIONS: Mapping[str, tuple[Statistic, Callable[[Iterable[float]], float]]] = {
    "SUM": (Statistic.SUM, sum),
    "MIN": (Statistic.MINIMUM, min),
}


def is_query(expression: str) -> bool:
    """True if an expression is a query, not metric math."""
    return expression.startswith("SELECT ")


def evaluate_query(query: str, source: MetricSource, periods: Periods) -> list[Series]:
    """Evaluate a query: a series for each value of the dimension that it groups by.

    Raises:
        UnknownExpressionError: It is not one that we use.
    """
    found = _QUERY.fullmatch(query)
    if found is None or found["group"] not in (names := found["dimensions"].split(", ")):
        raise UnknownExpressionError(query)
    metrics = [
        metric
        for metric in source.metrics(found["namespace"], found["name"])
        if metric.dimension_names == set(names)
    ]
    statistic, reduce = _FUNCTIONS[found["function"]]
    groups: defaultdict[str, list[tuple[float | None, ...]]] = defaultdict(list)
    for metric, values in source.values(metrics, statistic, periods).items():
        groups[dict(metric.dimensions)[found["group"]]].append(values)
    series = [
        Series(label, tuple(_reduce(reduce, column) for column in zip(*rows, strict=True)))
        for label, rows in groups.items()
    ]
    series = [one for one in series if one.present]
    sign = 1 if found["order"] == "ASC" else -1
    series.sort(key=lambda one: sign * reduce(one.present))
    return series[: int(found["limit"] or MAX_SERIES)]


def _reduce(
    reduce: Callable[[Iterable[float]], float], column: tuple[float | None, ...]
) -> float | None:
    """One value of the metrics of a group in a period; none where none has any."""
    known = [value for value in column if value is not None]
    return reduce(known) if known else None
