"""Metrics read from CloudWatch's API, of the local cloud or of an account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from dashboards.cloudwatch.queries import MAX_QUERIES
from dashboards.cloudwatch.series import (
    Metric,
    Periods,
    Statistic,
    UnknownExpressionError,
    Value,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_MINUTE = 60
_SHORTER = (3600, 300)  # CloudWatch keeps minutes for 15 days only
_COMBINED: Mapping[Statistic, Callable[[Iterable[float]], float]] = {
    Statistic.SUM: sum,
    Statistic.MAXIMUM: max,
    Statistic.MINIMUM: min,
    Statistic.SAMPLE_COUNT: sum,
}


class CloudWatchMetrics:
    """Metrics read from CloudWatch's API."""

    def __init__(self, client: CloudWatchClient) -> None:
        """Ask with a CloudWatch client."""
        self._client = client

    def metrics(self, namespace: str, name: str) -> list[Metric]:
        """Get every metric of a name, with any dimensions."""
        pages = self._client.get_paginator("list_metrics").paginate(
            Namespace=namespace, MetricName=name
        )
        return [
            Metric(
                namespace,
                name,
                tuple(sorted((pair["Name"], pair["Value"]) for pair in metric["Dimensions"])),
            )
            for page in pages
            for metric in page["Metrics"]
        ]

    def values(
        self, metrics: Sequence[Metric], statistic: Statistic, periods: Periods
    ) -> dict[Metric, tuple[Value, ...]]:
        """The values of metrics; where windows slide, as those of alarms do, made of shorter ones.

        Raises:
            UnknownExpressionError: A statistic cannot be made of that of shorter periods.
        """
        if periods.is_aligned:
            seconds = periods.seconds
        elif statistic is Statistic.AVERAGE:
            sums = self.values(metrics, Statistic.SUM, periods)
            counts = self.values(metrics, Statistic.SAMPLE_COUNT, periods)
            return {metric: _divide(sums[metric], counts[metric]) for metric in metrics}
        elif statistic in _COMBINED:
            seconds = next(
                (length for length in _SHORTER if _is_multiple(periods, length)), _MINUTE
            )
        else:
            message = f"{statistic} of windows that slide"
            raise UnknownExpressionError(message)
        values = {}
        for first in range(0, len(metrics), MAX_QUERIES):
            asked = metrics[first : first + MAX_QUERIES]
            answers = self._ask(asked, statistic, periods, seconds)
            for metric, points in zip(asked, answers, strict=True):
                if seconds == periods.seconds:
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
            for result in page["MetricDataResults"]:
                values = zip(result["Timestamps"], result["Values"], strict=True)
                found[result["Id"]].update(values)
        return [found[f"m{number}"] for number in range(len(metrics))]


def _combine(
    minutes: Mapping[datetime, float], statistic: Statistic, periods: Periods
) -> tuple[Value, ...]:
    values = []
    for start, end in periods:
        within = [value for minute, value in minutes.items() if start <= minute < end]
        values.append(_COMBINED[statistic](within) if within else None)
    return tuple(values)


def _is_multiple(periods: Periods, seconds: int) -> bool:
    return periods.end.timestamp() % seconds == 0 == periods.seconds % seconds


def _divide(sums: Sequence[Value], counts: Sequence[Value]) -> tuple[Value, ...]:
    pairs = zip(sums, counts, strict=True)
    return tuple(total / count if total is not None and count else None for total, count in pairs)
