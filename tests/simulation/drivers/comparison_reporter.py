"""The comparison of models on the calls of the week that ends in each run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.domain.reports.comparison import WeeklyComparison
from lambdas.domain.reports.files import ReportUnfinishedError
from lambdas.services.compare_models import ModelComparer
from tests.simulation.account import LEDGER, Account
from tests.simulation.drivers.books import current_books
from tests.simulation.drivers.driver import Driver
from tests.simulation.phases import END
from tests.simulation.ports import Port
from tests.simulation.world import START


class _Reports:
    """Stores the latest report."""

    def __init__(self) -> None:
        self.stored: dict[str, WeeklyComparison] = {}

    def write(self, comparison: WeeklyComparison) -> None:
        self.stored[comparison.week] = comparison


class ComparisonReporterDriver(Driver):
    """Compares on Monday, and once at the end of the run."""

    function = "comparison_reporter"
    expected_errors = (ReportUnfinishedError, ConnectionError)

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._reports = _Reports()

    def make(self) -> ModelComparer:
        reports: Any = Port(self.account.world, self._reports, ConnectionError)
        return ModelComparer(
            calls=DynamoDbRecordedCalls(self.dynamodb, LEDGER),
            books=current_books(self),
            logs=None,
            reports=reports,
        )

    def run(self, _event: Any) -> None:
        self.service.report(self.account.now, self.has_time)

    def start(self) -> None:
        self.every(timedelta(days=7), START + timedelta(hours=8.5), END, retries=1)
        self.every(timedelta(days=7), END - timedelta(minutes=1), END, retries=1)

    def check(self) -> Iterator[str]:
        monday = datetime.combine(START.date() + timedelta(days=1), time(), UTC)
        expected = sum(
            monday - timedelta(days=7) <= record.timestamp < monday
            for record in self.account.traffic.kept(self.account.now).values()
        )
        (report,) = self._reports.stored.values()
        found = report.report.coverage.calls
        if found != expected:
            yield f"comparison: {found} calls of the week, expected {expected}"
