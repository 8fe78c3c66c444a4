"""Metrics as CloudWatch's API tells them, of the local cloud or of an account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from dashboards.preview.metric_queries import Metric, Periods, Statistic, UnknownExpressionError

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_MINUTE = 60
_MOST_QUERIES = 500  # of one GetMetricData
_COMBINED: Mapping[Statistic, Callable[[Iterable[float]], float]] = {
    Statistic.SUM: sum,
    Statistic.MAXIMUM: max,
    Statistic.MINIMUM: min,
}


class CloudWatchMetrics:
    """Metrics as CloudWatch's API tells them."""

    def __init__(self, client: CloudWatchClient) -> None:
        """Ask with a CloudWatch client."""
        self._client = client

    def metrics(self, namespace: str, name: str) -> list[Metric]:
        """Every metric of a name, of whatever dimensions."""
        pages = self._client.get_paginator("list_metrics").paginate(
            Namespace=namespace, MetricName=name
        )
        return [
            Metric(
                namespace, name, tuple(sorted((d["Name"], d["Value"]) for d in it["Dimensions"]))
            )
            for page in pages
            for it in page["Metrics"]
        ]

    def values(
        self, metrics: Sequence[Metric], statistic: Statistic, periods: Periods
    ) -> dict[Metric, tuple[float | None, ...]]:
        """The values of metrics. Where windows slide, as those of alarms do, minutes are asked for.

        Raises:
            UnknownExpressionError: A statistic cannot be made of that of minutes.
        """
        if periods.is_aligned:
            asked_for = periods.seconds
        elif statistic in _COMBINED:
            asked_for = _MINUTE
        else:
            message = f"{statistic} of windows that slide"
            raise UnknownExpressionError(message)
        values = {}
        for first in range(0, len(metrics), _MOST_QUERIES):
            asked = metrics[first : first + _MOST_QUERIES]
            answers = self._ask(asked, statistic, periods, asked_for)
            for metric, points in zip(asked, answers, strict=True):
                if asked_for == periods.seconds:
                    values[metric] = tuple(points.get(start) for start, _ in periods)
                else:
                    values[metric] = _combine(points, statistic, periods)
        return values

    def _ask(
        self, metrics: Sequence[Metric], statistic: Statistic, periods: Periods, seconds: int
    ) -> list[dict[datetime, float]]:
        pages = self._client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=[
                {
                    "Id": f"m{number}",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": metric.namespace,
                            "MetricName": metric.name,
                            "Dimensions": [
                                {"Name": name, "Value": value} for name, value in metric.dimensions
                            ],
                        },
                        "Period": seconds,
                        "Stat": statistic.value,
                    },
                }
                for number, metric in enumerate(metrics)
            ],
            StartTime=periods.start,
            EndTime=periods.end,
        )
        found: defaultdict[str, dict[datetime, float]] = defaultdict(dict)
        for page in pages:
            for it in page["MetricDataResults"]:
                found[it["Id"]].update(zip(it["Timestamps"], it["Values"], strict=True))
        return [found[f"m{number}"] for number in range(len(metrics))]


def _combine(
    minutes: Mapping[datetime, float], statistic: Statistic, periods: Periods
) -> tuple[float | None, ...]:
    values = []
    for start, end in periods:
        within = [value for minute, value in minutes.items() if start <= minute < end]
        values.append(_COMBINED[statistic](within) if within else None)
    return tuple(values)
