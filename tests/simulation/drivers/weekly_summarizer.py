"""The summary of the week that ends in each run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.adapters.dynamodb.summary_deliveries import DynamoDbSummaryDeliveries
from lambdas.domain.metrics import RoleRollUp
from lambdas.domain.reports.files import ReportUnfinishedError
from lambdas.services.summarize_week import WeekSummarizer
from tests.simulation.account import LEDGER, STATE
from tests.simulation.drivers.books import current_books
from tests.simulation.drivers.driver import Driver
from tests.simulation.phases import END
from tests.simulation.traffic import RETENTION
from tests.simulation.world import START


class WeeklySummarizerDriver(Driver):
    """Sends the summary once, on Monday or on Tuesday."""

    function = "weekly_summarizer"
    expected_errors = (ReportUnfinishedError, ConnectionError)

    def make(self) -> WeekSummarizer:
        return WeekSummarizer(
            calls=DynamoDbRecordedCalls(self.dynamodb, LEDGER),
            books=current_books(self),
            roll_up=RoleRollUp(()),
            deliveries=DynamoDbSummaryDeliveries(self.dynamodb, STATE),
            notifier=self.account.topic.port,
            retention=RETENTION,
            dashboard_url="https://console.example.com/usage",
            place="111122223333 us-east-1",
        )

    def run(self, _event: Any) -> None:
        self.service.summarize(self.account.now, self.has_time)

    def start(self) -> None:
        self.every(timedelta(days=1), START + timedelta(hours=9), END)

    def check(self) -> Iterator[str]:
        sent, repeatable = self.account.topic.count(self.function)
        if not 1 <= sent <= 1 + repeatable:
            yield f"summary: sent {sent} times (repeatable: {repeatable})"
