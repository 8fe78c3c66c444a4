"""The stream of the ledger, added to exact counters."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from lambdas.adapters.dynamodb.items import TableUnavailableError
from lambdas.adapters.dynamodb.usage_stream import read_stream
from lambdas.domain.counters import CountersUnavailableError, StateChangedError
from lambdas.domain.pricing.editions import InvalidPriceDocumentError, PriceEditionsUnavailableError
from lambdas.services.count_usage import UsageCounter
from tests.simulation.cloud.event_source import StreamMapping, is_no_removal
from tests.simulation.drivers.counting import DEPLOYMENT, counters, edition_books, sum_up
from tests.simulation.drivers.driver import Driver
from tests.simulation.traffic import RETENTION

MAPPING = StreamMapping(
    function="usage_counter",
    batch_size=10,
    max_attempts=10**6,
    max_age=timedelta(hours=23),
    window=timedelta(seconds=5),
    is_taken=is_no_removal,
)
"""As deployed, but for fewer records a batch."""
COUNTING_ERRORS = (
    CountersUnavailableError,
    TableUnavailableError,
    StateChangedError,
    PriceEditionsUnavailableError,
    InvalidPriceDocumentError,
)


class UsageCounterDriver(Driver):
    """Counts what changes in the ledger."""

    function = "usage_counter"
    expected_errors = COUNTING_ERRORS

    def make(self) -> UsageCounter:
        return UsageCounter(
            read=partial(read_stream, retention=RETENTION),
            store=counters(self),
            books=edition_books(self.account),
            sums=sum_up(self),
            deployment=DEPLOYMENT,
        )

    def run(self, event: Any) -> dict[str, Any]:
        outcome = self.service.count(
            event["Records"], event["shardId"], self.account.now, self.has_time
        )
        first = outcome.first_uncounted
        failures = [] if first is None else [{"itemIdentifier": first}]
        return {"state": {}, "batchItemFailures": failures}

    def start(self) -> None:
        self.account.map_stream(MAPPING)
        self.account.sources[self.function].start()
