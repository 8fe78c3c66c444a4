"""Memoizes metrics and evaluations."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dashboards.cloudwatch import (
    Evaluation,
    Evaluator,
    Metric,
    MetricSource,
    Periods,
    Query,
    Statistic,
    Value,
)


class MemoizedMetrics:
    """Metrics as they were when first read; for one view, or a page of many."""

    def __init__(self, source: MetricSource) -> None:
        """Memoize a source."""
        self._source = source
        self._metrics: dict[tuple[str, str], Sequence[Metric]] = {}
        self._values: dict[tuple[Metric, Statistic, Periods], tuple[Value, ...]] = {}

    def metrics(self, namespace: str, name: str) -> Sequence[Metric]:
        """Get every metric of a name, with any dimensions."""
        key = (namespace, name)
        if key not in self._metrics:
            self._metrics[key] = self._source.metrics(namespace, name)
        return self._metrics[key]

    def values(
        self, metrics: Sequence[Metric], statistic: Statistic, periods: Periods
    ) -> dict[Metric, tuple[Value, ...]]:
        """The values of metrics, one for each period."""
        new = [metric for metric in metrics if (metric, statistic, periods) not in self._values]
        if new:
            for metric, values in self._source.values(new, statistic, periods).items():
                self._values[metric, statistic, periods] = values
        return {metric: self._values[metric, statistic, periods] for metric in metrics}


class MemoizedEvaluator:
    """Evaluates the same queries once; for one view, or a page of many."""

    def __init__(self, evaluator: Evaluator) -> None:
        """Memoize an evaluator."""
        self._evaluator = evaluator
        self._evaluations: dict[tuple[str, Periods], Evaluation] = {}

    def evaluate(self, queries: Sequence[Query], periods: Periods) -> Evaluation:
        """Evaluate queries."""
        key = (json.dumps(queries), periods)
        if key not in self._evaluations:
            self._evaluations[key] = self._evaluator.evaluate(queries, periods)
        return self._evaluations[key]
