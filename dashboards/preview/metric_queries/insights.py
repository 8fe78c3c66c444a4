"""Metrics Insights.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
"""

from __future__ import annotations

import re
from collections import defaultdict

from dashboards.preview.metric_queries.series import (
    MetricSource,
    Periods,
    Series,
    Statistic,
    UnknownExpressionError,
)

MOST_SERIES = 500
_QUERY = re.compile(
    r"SELECT SUM\((?P<name>\w+)\)"
    r" FROM SCHEMA\(\"(?P<namespace>[^\"]+)\", (?P<dimensions>\w+(?:, \w+)*)\)"
    r" GROUP BY (?P<group>\w+)"
    r"(?: ORDER BY SUM\(\) DESC(?: LIMIT (?P<limit>\d+))?)?"
)


def is_query(expression: str) -> bool:
    """Whether an expression is a query and no metric math."""
    return expression.startswith("SELECT ")


def evaluate_query(query: str, source: MetricSource, periods: Periods) -> list[Series]:
    """Evaluate a query: a series for each value of the dimension that it groups by.

    Raises:
        UnknownExpressionError: It is none that we use.
    """
    found = _QUERY.fullmatch(query)
    if found is None or found["group"] not in (names := found["dimensions"].split(", ")):
        raise UnknownExpressionError(query)
    metrics = [
        metric
        for metric in source.metrics(found["namespace"], found["name"])
        if metric.dimension_names == set(names)
    ]
    groups: defaultdict[str, list[float | None]] = defaultdict(lambda: [None] * periods.count)
    for metric, values in source.values(metrics, Statistic.SUM, periods).items():
        group = groups[dict(metric.dimensions)[found["group"]]]
        for place, value in enumerate(values):
            if value is not None:
                group[place] = value + (group[place] or 0)
    series = [Series(label, tuple(values)) for label, values in groups.items()]
    series = [it for it in series if it.present]
    series.sort(key=lambda it: -sum(it.present))
    return series[: int(found["limit"] or MOST_SERIES)]
