"""Aggregates calls into CloudWatch data points: one per metric, dimension set and minute."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from lambdas.domain.invocations import UsageRecord
from lambdas.domain.metering.metric_catalog import (
    USAGE_METRICS,
    Detail,
    DimensionSet,
    MeteredCall,
    MetricDefinition,
    MetricValue,
    dimension_value,
)
from lambdas.domain.pricing import CallCost

LARGEST_DISTRIBUTION = 150
"""Different values that one data point holds.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
"""

Dimensions: TypeAlias = tuple[tuple[str, str], ...]
IdentityDimension: TypeAlias = Callable[[UsageRecord], str]
"""What the dimension `IdentityArn` says for a call: the full ARN, or what many are folded into."""
CostOf: TypeAlias = Callable[[UsageRecord], CallCost]
"""What a call costs."""

_SeriesKey: TypeAlias = tuple[datetime, int, DimensionSet, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Distribution:
    """Values and how often each occurred: what percentiles are computed from."""

    values: tuple[MetricValue, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StatisticSet:
    """Values boiled down to what sum, average, minimum and maximum need."""

    sample_count: int
    sum: MetricValue
    minimum: MetricValue
    maximum: MetricValue


@dataclass(frozen=True, slots=True)
class DataPoint:
    """What one metric was in one minute for one choice of dimensions.

    Attributes:
        metric: The metric, with its name and unit.
        dimensions: Pairs of name and value, in the catalog's order.
        minute: The minute in UTC in which the calls were made.
        values: A distribution for the account and for models; a statistic set for identities,
            which are many, and for metrics without percentiles.
    """

    metric: MetricDefinition
    dimensions: Dimensions
    minute: datetime
    values: Distribution | StatisticSet


def aggregate(
    records: Iterable[UsageRecord],
    *,
    detail: Detail,
    identity_dimension: IdentityDimension,
    cost_of: CostOf,
    metrics: Sequence[MetricDefinition] = USAGE_METRICS,
) -> list[DataPoint]:
    """Aggregate calls, in any order, into data points in order of time, metric and dimensions.

    Args:
        records: Calls, each once.
        detail: How much is published.
        identity_dimension: What the dimension `IdentityArn` says for a call.
        cost_of: What a call costs.
        metrics: The metrics that are wanted.
    """
    series: defaultdict[_SeriesKey, Counter[MetricValue]] = defaultdict(Counter)
    for record in records:
        minute = record.minute
        call = MeteredCall(record, cost_of(record))
        model, identity = dimension_value(record.model_id), identity_dimension(record)
        choices = {
            DimensionSet.ACCOUNT: (),
            DimensionSet.MODEL: (model,),
            DimensionSet.IDENTITY: (identity,),
            DimensionSet.IDENTITY_AND_MODEL: (identity, model),
        }
        for index, metric in enumerate(metrics):
            value = metric.value_of(call)
            if value is None:
                continue
            for dimension_set, needed in metric.detail_of.items():
                if detail >= needed:
                    key = (minute, index, dimension_set, choices[dimension_set])
                    series[key][value] += 1
    return [
        point for key in sorted(series) for point in _data_points(metrics[key[1]], key, series[key])
    ]


def _data_points(
    metric: MetricDefinition, key: _SeriesKey, occurrences: Counter[MetricValue]
) -> Iterator[DataPoint]:
    minute, _, dimension_set, choice = key
    dimensions = tuple(zip(dimension_set.dimension_names, choice, strict=True))
    ordered = sorted(occurrences.items())
    if dimension_set.is_per_identity or not metric.has_percentiles:
        statistics = StatisticSet(
            sample_count=occurrences.total(),
            sum=sum(value * count for value, count in ordered),
            minimum=ordered[0][0],
            maximum=ordered[-1][0],
        )
        yield DataPoint(metric, dimensions, minute, statistics)
        return
    for start in range(0, len(ordered), LARGEST_DISTRIBUTION):
        values, counts = zip(*ordered[start : start + LARGEST_DISTRIBUTION], strict=True)
        yield DataPoint(metric, dimensions, minute, Distribution(values, counts))
