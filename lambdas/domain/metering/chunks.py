"""Cuts calls, in the order of the stream, into chunks that one `PutMetricData` call can take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lambdas.domain.invocations import UsageRecord
from lambdas.domain.metering.aggregation import (
    DataPoint,
    Distribution,
    IdentityDimension,
    aggregate,
)
from lambdas.domain.metering.metric_catalog import Detail

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
    records: Sequence[UsageRecord], *, detail: Detail, identity_dimension: IdentityDimension
) -> Iterator[Chunk]:
    """Cut calls into the fewest chunks that fit, without changing their order.

    A single call always fits. Every call is in one chunk, so that a chunk which could not be
    sent can be sent again without repeating what was.
    """
    first = 0
    while first < len(records):
        size, points = _largest_fit(records[first:], detail, identity_dimension)
        yield Chunk(size, points)
        first += size


def _largest_fit(
    records: Sequence[UsageRecord], detail: Detail, identity_dimension: IdentityDimension
) -> tuple[int, list[DataPoint]]:
    """Bisect for the longest start that fits: more calls never make fewer data points."""

    def points_of(size: int) -> list[DataPoint]:
        return aggregate(records[:size], detail=detail, identity_dimension=identity_dimension)

    fits, points = 1, points_of(1)
    too_many = len(records) + 1
    size = len(records)
    while size > fits:
        candidate = points_of(size)
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
