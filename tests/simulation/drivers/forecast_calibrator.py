"""Forecasts calibrated on counters, which faults interrupt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.calibration_store import DynamoDbCalibrationStore
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.domain.budgets import BudgetsChangedError
from lambdas.domain.counters import CountersUnavailableError
from lambdas.domain.forecasting import CalibrationStore, read_shipped_ratios
from lambdas.services.calibrate_forecasts import ForecastCalibrator
from tests.budget_store import InMemoryCalibrationStore
from tests.simulation.account import COUNTERS, GOVERNANCE
from tests.simulation.drivers.budgets import plan_budgets
from tests.simulation.drivers.driver import Driver
from tests.simulation.phases import END, FAULTS_END
from tests.simulation.world import START

_LAST = END - timedelta(hours=1)


class ForecastCalibratorDriver(Driver):
    """Calibrates forecasts."""

    function = "forecast_calibrator"
    expected_errors = (CountersUnavailableError, BudgetsChangedError)

    def make(self) -> ForecastCalibrator:
        return self._make(self.dynamodb, DynamoDbCalibrationStore(self.dynamodb, GOVERNANCE))

    def run(self, _event: Any) -> None:
        self.service.calibrate(self.account.now, self.has_time, self.has_time)

    def start(self) -> None:
        plan_budgets(self.account)
        self.every(timedelta(hours=4), START + timedelta(hours=2), FAULTS_END, retries=1)
        self.account.world.at(_LAST, self.invoke, {}, 1)

    def check(self) -> Iterator[str]:
        stored = DynamoDbCalibrationStore(self.account.dynamodb, GOVERNANCE).read()
        if stored is None or stored.own is None:
            yield "forecasts: nothing is calibrated"
            return
        if stored.own.calibrated_at < _LAST:
            yield f"forecasts: last calibrated at {stored.own.calibrated_at}"
        again = InMemoryCalibrationStore()
        again.salt = DynamoDbCalibrationStore(self.account.dynamodb, GOVERNANCE).get_salt()
        self._make(self.account.dynamodb, again).calibrate(stored.own.calibrated_at)
        if again.stored != stored:
            yield "forecasts: the stored errors are not those of the counters"

    def _make(self, dynamodb: Any, store: CalibrationStore) -> ForecastCalibrator:
        return ForecastCalibrator(
            budgets=DynamoDbBudgetStore(dynamodb, GOVERNANCE),
            sums=DynamoDbCounters(dynamodb, COUNTERS, self.account.pause),
            cell_minutes=60,
            store=store,
            prior=read_shipped_ratios(),
        )
