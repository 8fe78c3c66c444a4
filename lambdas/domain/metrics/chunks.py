"""Cuts calls, in the order of the stream, into chunks that one `PutMetricData` call can take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lambdas.domain.metrics.aggregation import (
    MAX_DISTRIBUTION_SIZE,
    DataPoint,
    MetricAggregator,
    Observation,
    SeriesKey,
)
from lambdas.domain.metrics.catalog import USAGE_METRICS, Detail, MetricDefinition
from lambdas.domain.metrics.metered_call import MeteredCall

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
MAX_CALL_DATA_POINTS = 1000
MAX_CALL_BYTES = 1_000_000

# As a form, uncompressed: the longest of the protocols that boto3 chooses from.
_BYTES_OF_A_POINT = 400
_BYTES_OF_A_VALUE = 100  # one entry of `Values` and one of `Counts`
_VALUES_OF_STATISTICS = 4
_BYTES_OF_A_LETTER = 3  # `%3A` for a colon


@dataclass(frozen=True, slots=True)
class Chunk:
    """Calls that follow one another, and the data points that they make."""

    size: int
    data_points: Sequence[DataPoint]


def cut_into_chunks(
    calls: Iterable[MeteredCall],
    detail: Detail,
    metrics: Sequence[MetricDefinition] = USAGE_METRICS,
) -> Iterator[Chunk]:
    """Cut calls into the fewest chunks that fit, without changing their order.

    A single call always fits. Every call is in one chunk, so that a chunk which could not be
    sent can be sent again without repeating what was.
    """
    chunk = _OpenChunk(metrics)
    for call in calls:
        observations = chunk.observe(call, detail)
        if not chunk.takes(observations):
            yield chunk.closed()
            chunk = _OpenChunk(metrics)
        chunk.add(observations)
    if chunk.size:
        yield chunk.closed()


class _OpenChunk(MetricAggregator):
    """A chunk that still grows, with the size of the request that sends it."""

    def __init__(self, metrics: Sequence[MetricDefinition]) -> None:
        super().__init__(metrics)
        self.size = 0
        self._points = 0
        self._bytes = 0

    def takes(self, observations: Sequence[Observation]) -> bool:
        """Return true when one more call still fits; the first one always does."""
        points, added_bytes = self._growth(observations)
        return not self.size or (
            self._points + points <= MAX_CALL_DATA_POINTS
            and self._bytes + added_bytes <= MAX_CALL_BYTES
        )

    def add(self, observations: Sequence[Observation]) -> None:
        points, added_bytes = self._growth(observations)
        self.size += 1
        self._points += points
        self._bytes += added_bytes
        super().add(observations)

    def closed(self) -> Chunk:
        return Chunk(self.size, self.data_points())

    def _growth(self, observations: Sequence[Observation]) -> tuple[int, int]:
        """The number of data points and bytes that a call adds."""
        points = added_bytes = 0
        for key, value in observations:
            known = self.known_values(key)
            if not self.is_distribution(key):
                is_new_point, values = known is None, _VALUES_OF_STATISTICS if known is None else 0
            else:
                values = int(known is None or value not in known)
                is_new_point = bool(values) and len(known or ()) % MAX_DISTRIBUTION_SIZE == 0
            if is_new_point:
                points += 1
                added_bytes += _BYTES_OF_A_POINT + _BYTES_OF_A_LETTER * _letters(key)
            added_bytes += _BYTES_OF_A_VALUE * values
        return points, added_bytes


def _letters(key: SeriesKey) -> int:
    _, _, dimension_set, choice = key
    return sum(map(len, (*dimension_set.dimension_names, *choice)))
