"""Publishes new calls as CloudWatch metrics, in the order of the ledger's stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.domain.invocations import UsageRecord
from lambdas.domain.metering.aggregation import IdentityDimension
from lambdas.domain.metering.chunks import cut_into_chunks
from lambdas.domain.metering.metric_catalog import Detail
from lambdas.domain.metering.metric_sink import MetricSink, MetricsUnavailableError

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
OLDEST = timedelta(days=14)
NEWEST = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What became of some calls.

    Attributes:
        published: Calls whose data points were sent.
        outside_window: Calls too old or too far ahead for CloudWatch; they are in the ledger.
        first_unsent: The place of the first call that was not sent, from 0; `None` if all were.
            It and all after it are to be published again.
    """

    published: int
    outside_window: int
    first_unsent: int | None


@dataclass(frozen=True, slots=True)
class PublishMetrics:
    """Publishes calls chunk by chunk, one call of `PutMetricData` each."""

    sink: MetricSink
    detail: Detail
    identity_dimension: IdentityDimension

    def __call__(self, records: Sequence[UsageRecord], now: datetime) -> PublishReport:
        """Publish calls, each once, up to the first chunk that cannot be sent.

        What decides on an identity may fail, and does so before anything is sent.
        """
        inside = [
            (place, record)
            for place, record in enumerate(records)
            if now - OLDEST < record.timestamp < now + NEWEST
        ]
        dimensions = {record.key: self.identity_dimension(record) for _, record in inside}
        published = 0
        for chunk in cut_into_chunks(
            [record for _, record in inside],
            detail=self.detail,
            identity_dimension=lambda record: dimensions[record.key],
        ):
            try:
                self.sink.put(chunk.data_points)
            except MetricsUnavailableError:
                first_unsent, _ = inside[chunk.first]
                return PublishReport(published, first_unsent - published, first_unsent)
            published += chunk.size
        return PublishReport(published, len(records) - published, None)
