"""CloudWatch's answers that `make verify-account METRICS=FOLDER` stored, for our own evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dashboards.cloudwatch import Metric, Periods, Query, Statistic, UnknownExpressionError, Value
from dashboards.cloudwatch.queries import parse_metric

_COMPLETE = "Complete"


@dataclass(frozen=True, slots=True)
class StoredGraph:
    """The queries of a graph, and what CloudWatch answered.

    Attributes:
        periods: The periods of the values.
        queries: As CloudWatch got them.
        answers: The values of each query that CloudWatch answered, by its id and label.
    """

    periods: Periods
    queries: Sequence[Query]
    answers: Mapping[tuple[str, str], tuple[Value, ...]]


def read_graphs(path: Path) -> Iterator[StoredGraph]:
    """Read the graphs of a stored file."""
    for raw in json.loads(path.read_text(encoding="utf-8")):
        start, end = (datetime.fromisoformat(raw[name]) for name in ("start", "end"))
        queries = raw["queries"]
        seconds = _read_period(queries[0])
        periods = Periods(end, seconds, round((end - start) / timedelta(seconds=seconds)))
        answers = {
            (result["Id"], result["Label"]): _read_values(result, periods)
            for result in raw["results"]
            if result["StatusCode"] == _COMPLETE
        }
        yield StoredGraph(periods, queries, answers)


class StoredMetrics:
    """The hourly sums of all metrics of a namespace, as they were stored."""

    _seconds = 3600

    def __init__(self, path: Path) -> None:
        self._sums: dict[Metric, dict[datetime, Value]] = {}
        for graph in read_graphs(path):
            values = {query_id: values for (query_id, _), values in graph.answers.items()}
            starts = [start for start, _ in graph.periods]
            for query in graph.queries:
                metric = parse_metric(query["MetricStat"]["Metric"])
                self._sums[metric] = dict(zip(starts, values[query["Id"]], strict=True))

    def metrics(self, namespace: str, name: str) -> list[Metric]:
        return [key for key in self._sums if (key.namespace, key.name) == (namespace, name)]

    def values(
        self, metrics: Sequence[Metric], statistic: Statistic, periods: Periods
    ) -> dict[Metric, tuple[Value, ...]]:
        if (statistic, periods.seconds) != (Statistic.SUM, self._seconds):
            message = f"{statistic} of {periods.seconds} seconds: only hourly sums are stored"
            raise UnknownExpressionError(message)
        return {
            metric: tuple(self._sums.get(metric, {}).get(start) for start, _ in periods)
            for metric in metrics
        }


def _read_period(query: Mapping[str, Any]) -> int:
    return int(query["MetricStat"]["Period"] if "MetricStat" in query else query["Period"])


def _read_values(result: Mapping[str, Any], periods: Periods) -> tuple[Value, ...]:
    moments = map(datetime.fromisoformat, result["Timestamps"])
    points = dict(zip(moments, result["Values"], strict=True))
    return tuple(points.get(start) for start, _ in periods)
