"""Publishes calls chunk by chunk, one call of `PutMetricData` each, for all publishers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lambdas.domain.metrics.catalog import USAGE_METRICS, Detail, MetricDefinition
from lambdas.domain.metrics.chunks import cut_into_chunks
from lambdas.domain.metrics.metered_call import MeteredCall
from lambdas.domain.metrics.sink import MetricSink, MetricsUnavailableError


class PublishingStop(NamedTuple):
    """The reason why calls are left to be published.

    Attributes:
        reason: The reason, as reports show it.
        is_refused: Whether CloudWatch refused them.
    """

    reason: str
    is_refused: bool = False


NO_TIME = PublishingStop("there is no time left")


class Published(NamedTuple):
    """The result of publishing calls.

    Attributes:
        calls: The number of calls that were published, the first ones.
        stop: The reason why the rest was not; `None` if all were published.
    """

    calls: int
    stop: PublishingStop | None


def _ignore(_published: int) -> None:
    """Do nothing after a chunk."""


@dataclass(frozen=True, slots=True)
class MetricPublishing:
    """Publishes calls in their order, each once, up to the first chunk that cannot be sent.

    Attributes:
        sink: Takes the data points of a chunk.
        detail: The amount of detail to publish.
    """

    sink: MetricSink
    detail: Detail

    def publish(
        self,
        calls: Sequence[MeteredCall],
        has_time: Callable[[], bool],
        *,
        metrics: Sequence[MetricDefinition] = USAGE_METRICS,
        after_chunk: Callable[[int], None] = _ignore,
    ) -> Published:
        """Publish calls.

        Args:
            calls: The calls.
            has_time: Asked before each chunk: a publisher that runs out of time in the middle of
                one would publish all of it again.
            metrics: The metrics that are wanted.
            after_chunk: Gets the number of calls that were published so far, after each chunk.
        """
        published = 0
        for chunk in cut_into_chunks(calls, self.detail, metrics):
            if not has_time():
                return Published(published, NO_TIME)
            try:
                if chunk.data_points:
                    self.sink.send(chunk.data_points)
            except MetricsUnavailableError as error:
                return Published(published, PublishingStop(str(error), is_refused=True))
            published += chunk.size
            after_chunk(published)
        return Published(published, None)
