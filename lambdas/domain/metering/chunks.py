"""Cuts calls, in the order of the stream, into chunks that one `PutMetricData` call can take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from lambdas.domain.invocations import UsageRecord
from lambdas.domain.metering.aggregation import (
    CostOf,
    DataPoint,
    Distribution,
    IdentityDimension,
    aggregate,
)
from lambdas.domain.metering.metric_catalog import USAGE_METRICS, Detail, MetricDefinition

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
LARGEST_CALL_DATA_POINTS = 1000
LARGEST_CALL_BYTES = 1_000_000

# As a form, uncompressed: the longest of the protocols that boto3 chooses from.
_BYTES_OF_A_POINT = 400
_BYTES_OF_A_VALUE = 100  # one entry of `Values` and one of `Counts`
_BYTES_OF_A_LETTER = 3  # `%3A` for a colon


@dataclass(frozen=True, slots=True)
class Chunk:
    """Calls that follow one another, and the data points that they make."""

    size: int
    data_points: Sequence[DataPoint]


def cut_into_chunks(
    records: Sequence[UsageRecord],
    *,
    detail: Detail,
    identity_dimension: IdentityDimension,
    cost_of: CostOf,
    metrics: Sequence[MetricDefinition] = USAGE_METRICS,
) -> Iterator[Chunk]:
    """Cut calls into the fewest chunks that fit, without changing their order.

    A single call always fits. Every call is in one chunk, so that a chunk which could not be
    sent can be sent again without repeating what was.
    """
    make_points = partial(
        aggregate,
        detail=detail,
        identity_dimension=identity_dimension,
        cost_of=cost_of,
        metrics=metrics,
    )
    first = 0
    while first < len(records):
        size, points = _largest_fit(records[first:], make_points)
        yield Chunk(size, points)
        first += size


def _largest_fit(
    records: Sequence[UsageRecord], make_points: Callable[[Sequence[UsageRecord]], list[DataPoint]]
) -> tuple[int, list[DataPoint]]:
    """Bisect for the longest start that fits: more calls never make fewer data points."""
    fits, points = 1, make_points(records[:1])
    too_many = len(records) + 1
    size = len(records)
    while size > fits:
        candidate = make_points(records[:size])
        if _fits(candidate):
            fits, points = size, candidate
        else:
            too_many = size
        size = (fits + too_many) // 2
    return fits, points


def _fits(points: Sequence[DataPoint]) -> bool:
    return (
        len(points) <= LARGEST_CALL_DATA_POINTS
        and sum(map(_wire_bytes, points)) <= LARGEST_CALL_BYTES
    )


def _wire_bytes(point: DataPoint) -> int:
    names = sum(len(name) + len(value) for name, value in point.dimensions)
    values = len(point.values.values) if isinstance(point.values, Distribution) else 4
    return _BYTES_OF_A_POINT + _BYTES_OF_A_LETTER * names + _BYTES_OF_A_VALUE * values
