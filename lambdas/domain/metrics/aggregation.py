"""Aggregates calls into CloudWatch data points: one per metric, dimension set and minute."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from lambdas.domain.metrics.catalog import (
    USAGE_METRICS,
    Detail,
    DimensionSet,
    Metric,
    MetricDefinition,
    MetricValue,
)
from lambdas.domain.metrics.metered_call import MeteredCall

MAX_DISTRIBUTION_SIZE = 150
"""Different values that one data point holds.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
"""

Dimensions: TypeAlias = tuple[tuple[str, str], ...]
SeriesKey: TypeAlias = tuple[datetime, int, DimensionSet, tuple[str, ...]]
"""A minute, the place of a metric, a dimension set and the values of its dimensions."""
Observation: TypeAlias = tuple[SeriesKey, MetricValue]


@dataclass(frozen=True, slots=True)
class Distribution:
    """Values and how often each occurred: what percentiles are computed from."""

    values: tuple[MetricValue, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StatisticSet:
    """Values reduced to what sum, average, minimum and maximum need."""

    sample_count: int
    sum: MetricValue
    minimum: MetricValue
    maximum: MetricValue


@dataclass(frozen=True, slots=True)
class DataPoint:
    """The values of one metric in one minute for one set of dimensions.

    Attributes:
        metric: The metric, with its name and unit.
        dimensions: Pairs of name and value, in the catalog's order.
        minute: The minute in UTC in which the calls were made.
        values: A distribution for the account and for models; a statistic set for identities,
            which are many, and for metrics without percentiles.
    """

    metric: Metric
    dimensions: Dimensions
    minute: datetime
    values: Distribution | StatisticSet


def aggregate(
    calls: Iterable[MeteredCall],
    detail: Detail,
    metrics: Sequence[MetricDefinition] = USAGE_METRICS,
) -> list[DataPoint]:
    """Aggregate calls, in any order, into data points in order of time, metric and dimensions.

    Args:
        calls: Calls, each once.
        detail: The amount of detail to publish.
        metrics: The metrics that are wanted.
    """
    aggregator = MetricAggregator(metrics)
    for call in calls:
        aggregator.add(aggregator.observe(call, detail))
    return aggregator.data_points()


class MetricAggregator:
    """Collects the values that calls add to metrics, and makes data points of them."""

    def __init__(self, metrics: Sequence[MetricDefinition] = USAGE_METRICS) -> None:
        """Start without values."""
        self._metrics = metrics
        self._series: defaultdict[SeriesKey, Counter[MetricValue]] = defaultdict(Counter)

    def observe(self, metered: MeteredCall, detail: Detail) -> list[Observation]:
        """Yield what a call adds to each metric and dimension set, each at most once.

        Of a call that was published before, this is what it adds to that. It goes to the model,
        identity and project that the call has now, so that the sum over these is always that of
        the account.

        Args:
            metered: The call.
            detail: The amount of detail to publish.
        """
        minute = metered.time.replace(second=0, microsecond=0)
        choices = metered.values.by_set
        return [
            ((minute, index, dimension_set, choices[dimension_set]), value)
            for index, metric in enumerate(self._metrics)
            if (value := metered.get_addition(metric)) is not None
            for dimension_set, needed in metric.detail_of.items()
            if detail >= needed
        ]

    def add(self, observations: Sequence[Observation]) -> None:
        """Add the values of a call."""
        for key, value in observations:
            self._series[key][value] += 1

    def known_values(self, key: SeriesKey) -> Collection[MetricValue] | None:
        """The different values that were added to a series; `None` where it is new."""
        return self._series[key].keys() if key in self._series else None

    def is_distribution(self, key: SeriesKey) -> bool:
        """Return true when each value of a series is published."""
        _, index, dimension_set, _ = key
        return self._metrics[index].has_percentiles and not dimension_set.is_per_identity

    def data_points(self) -> list[DataPoint]:
        """The aggregated data points, in order of time, metric and dimensions."""
        return [
            point
            for key in sorted(self._series)
            for point in self._data_points(key, self._series[key])
        ]

    def _data_points(
        self, key: SeriesKey, occurrences: Counter[MetricValue]
    ) -> Iterator[DataPoint]:
        minute, index, dimension_set, choice = key
        metric = self._metrics[index]
        dimensions = tuple(zip(dimension_set.dimension_names, choice, strict=True))
        ordered = sorted(occurrences.items())
        if not self.is_distribution(key):
            statistics = StatisticSet(
                sample_count=occurrences.total(),
                sum=sum(value * count for value, count in ordered),
                minimum=ordered[0][0],
                maximum=ordered[-1][0],
            )
            yield DataPoint(metric, dimensions, minute, statistics)
            return
        for start in range(0, len(ordered), MAX_DISTRIBUTION_SIZE):
            values, counts = zip(*ordered[start : start + MAX_DISTRIBUTION_SIZE], strict=True)
            yield DataPoint(metric, dimensions, minute, Distribution(values, counts))
