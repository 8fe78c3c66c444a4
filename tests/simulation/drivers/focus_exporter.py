"""Costs in FOCUS columns, every night."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.domain.reports.files import ReportUnfinishedError
from lambdas.domain.reports.focus import PeriodCosts, Row
from lambdas.services.export_focus import FocusExporter
from tests.simulation.account import LEDGER, Account
from tests.simulation.drivers.books import current_books
from tests.simulation.drivers.driver import Driver
from tests.simulation.phases import END
from tests.simulation.ports import Port
from tests.simulation.traffic import RETENTION
from tests.simulation.world import START


class _Files:
    """Stores the latest costs of each month."""

    def __init__(self) -> None:
        self.stored: dict[str, PeriodCosts] = {}

    def write(self, costs: PeriodCosts, rows: Iterable[Row]) -> Mapping[str, Any]:
        list(rows)
        self.stored[f"{costs.month:%Y-%m}"] = costs
        return {"month": f"{costs.month:%Y-%m}"}


class FocusExporterDriver(Driver):
    """Writes costs in the nights of the run, and once at its end."""

    function = "focus_exporter"
    expected_errors = (ReportUnfinishedError, ConnectionError)

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._files = _Files()

    def make(self) -> FocusExporter:
        files: Any = Port(self.account.world, self._files, ConnectionError)
        return FocusExporter(
            calls=DynamoDbRecordedCalls(self.dynamodb, LEDGER),
            books=current_books(self),
            files=files,
            account_id="111122223333",
            billing_account_id=None,
            kept=RETENTION,
        )

    def run(self, _event: Any) -> None:
        self.service.export(self.account.now, self.has_time)

    def start(self) -> None:
        self.every(timedelta(days=1), START + timedelta(hours=7.5), END, retries=1)
        self.every(timedelta(days=1), END - timedelta(minutes=1), END, retries=1)

    def check(self) -> Iterator[str]:
        stored = {
            record.key: record for record in self.account.traffic.kept(self.account.now).values()
        }
        expected = sum(
            not record.is_failed and record.timestamp.year > 1 for record in stored.values()
        )
        written = sum(costs.totals.priced_invocations for costs in self._files.stored.values())
        if written != expected:
            yield f"focus: {written} calls are in rows, expected {expected}"
