"""Cost that was missing, hourly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from lambdas.adapters.cloudwatch.metric_sink import CloudWatchMetricSink
from lambdas.adapters.dynamodb.cost_corrections import DynamoDbCostCorrections
from lambdas.adapters.dynamodb.items import TableUnavailableError
from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.adapters.dynamodb.unpriced_calls import DynamoDbUnpricedCalls
from lambdas.domain.metrics import MetricPublishing, MetricsUnavailableError
from lambdas.domain.metrics.catalog import Detail
from lambdas.functions.price_refresher.answer import build_answer
from lambdas.services.correct_costs import CostCorrector
from lambdas.services.refresh_costs import CostRefresher
from lambdas.services.reprice_calls import CallRepricer
from tests.builders import PRICING
from tests.simulation.account import LEDGER, STATE
from tests.simulation.drivers.books import RegistryUnavailableError, current_books, dimension_namer
from tests.simulation.drivers.driver import Driver
from tests.simulation.phases import END
from tests.simulation.world import START


class PriceRefresherDriver(Driver):
    """Publishes missing cost."""

    function = "price_refresher"
    expected_errors = (TableUnavailableError, RegistryUnavailableError, MetricsUnavailableError)

    def make(self) -> CostRefresher:
        books, namer = current_books(self), dimension_namer(self)
        publishing = MetricPublishing(
            CloudWatchMetricSink(self.account.cloudwatch), Detail.STANDARD
        )
        unpriced = DynamoDbUnpricedCalls(self.dynamodb, STATE, LEDGER, self.account.pause)
        return CostRefresher(
            CallRepricer(books, namer, publishing, unpriced),
            CostCorrector(
                books=books,
                namer=namer,
                publishing=publishing,
                pricing=PRICING,
                calls=DynamoDbRecordedCalls(self.dynamodb, LEDGER),
                corrections=DynamoDbCostCorrections(self.dynamodb, STATE),
                lock=unpriced,
            ),
            books.pricing,
        )

    def run(self, _event: Any) -> dict[str, Any]:
        report = self.service.refresh(self.account.now, self.has_time)
        self.account.record_health(report.health)
        answer = build_answer(report.repriced, report.corrected)
        if answer["is_refused"]:
            raise MetricsUnavailableError(answer["reason"])
        return answer

    def start(self) -> None:
        self.every(timedelta(hours=3), START + timedelta(minutes=10), END, retries=0)
