"""The stream of the ledger, published as metrics."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from lambdas.adapters.cloudwatch.metric_sink import CloudWatchMetricSink
from lambdas.adapters.dynamodb.items import TableUnavailableError
from lambdas.adapters.dynamodb.unpriced_calls import DynamoDbUnpricedNotes
from lambdas.adapters.dynamodb.usage_stream import read_stream
from lambdas.domain.metrics import MetricPublishing
from lambdas.domain.metrics.catalog import Detail
from lambdas.services.publish_metrics import MetricPublisher
from lambdas.services.publish_stream import StreamPublisher
from tests.simulation.account import STATE
from tests.simulation.cloud.event_source import StreamMapping, is_no_expiry
from tests.simulation.drivers.books import RegistryUnavailableError, current_books, dimension_namer
from tests.simulation.drivers.driver import Driver
from tests.simulation.traffic import RETENTION
from tests.simulation.world import START

MAPPING = StreamMapping(
    function="metric_publisher",
    batch_size=10,
    max_attempts=6,
    max_age=timedelta(hours=6),
    is_taken=is_no_expiry,
)
"""As deployed, but for fewer records a batch and fewer attempts: a run has few calls."""


class MetricPublisherDriver(Driver):
    """Publishes what changes in the ledger."""

    function = "metric_publisher"
    expected_errors = (TableUnavailableError, RegistryUnavailableError)

    def make(self) -> StreamPublisher:
        sink = CloudWatchMetricSink(self.account.cloudwatch)
        return StreamPublisher(
            read=partial(read_stream, retention=RETENTION),
            books=current_books(self),
            make_publisher=partial(
                MetricPublisher,
                namer=dimension_namer(self),
                publishing=MetricPublishing(sink, Detail.STANDARD),
                unpriced=DynamoDbUnpricedNotes(self.dynamodb, STATE, self.account.pause),
            ),
            deployed_at=START - timedelta(days=30),
            started_at=self.started_at,
        )

    def run(self, event: Any) -> dict[str, Any]:
        outcome = self.service.publish(event["Records"], self.account.now, self.has_time)
        self.account.record_health(outcome.health)
        if outcome.first_unsent is None:
            return {"batchItemFailures": []}
        return {"batchItemFailures": [{"itemIdentifier": outcome.first_unsent}]}

    def start(self) -> None:
        self.account.map_stream(MAPPING)
        self.account.sources[self.function].start()
