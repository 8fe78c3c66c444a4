"""Metrics in memory, for tests of the code that reads them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from dashboards.cloudwatch import Metric, Periods, Statistic

NOON = datetime(2026, 9, 8, 12, tzinfo=UTC)


def metric(name: str, **dimensions: str) -> Metric:
    return Metric("BedrockMeter", name, tuple(sorted(dimensions.items())))


class InMemoryMetrics:
    """Metrics with a list of values each; a query returns the last ones."""

    def __init__(self, figures: Mapping[Metric, Sequence[float | None]]) -> None:
        self.figures = figures

    def metrics(self, namespace: str, name: str) -> list[Metric]:
        return [key for key in self.figures if (key.namespace, key.name) == (namespace, name)]

    def values(
        self, metrics: Sequence[Metric], _statistic: Statistic, periods: Periods
    ) -> dict[Metric, tuple[float | None, ...]]:
        missing = (None,) * periods.count
        return {
            key: (missing + tuple(self.figures.get(key, ())))[-periods.count :] for key in metrics
        }
