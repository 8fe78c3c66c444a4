"""Forecasts are calibrated on cells: which usage counts, what is stored, and what stops a run."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from lambdas.domain.budgets import (
    BudgetState,
    BudgetThresholds,
    DayPeriods,
    StoredBudget,
)
from lambdas.domain.counters import (
    Chunk,
    CountingState,
    PriceEdition,
    SumUp,
    UsageTotals,
    begin_counting,
    get_spans,
)
from lambdas.domain.forecasting import (
    CALIBRATION_SPAN,
    Activity,
    read_calibration,
    read_shipped_ratios,
    write_calibration,
)
from lambdas.services.calibrate_forecasts import CalibrationReport, ForecastCalibrator
from lambdas.services.read_calibration import CalibratedErrors
from tests.budget_store import InMemoryBudgetStore, InMemoryCalibrationStore
from tests.builders import ANA, BEN, NOON
from tests.counters import InMemoryCounters
from tests.unit.budgets.builders import budget, change, stored

HOUR = timedelta(hours=1)
DAILY = budget("daily", periods=DayPeriods("UTC"))
SHIPPED = read_shipped_ratios()
COUNTED = CountingState(1, "stack", PriceEdition("shipped"), (), NOON)


class Deployment:
    """Counters, budgets and a calibrator."""

    def __init__(self, *budgets: StoredBudget, cell_minutes: Any = 60) -> None:
        self.budgets = InMemoryBudgetStore(budgets or [stored(DAILY)])
        self.counters = InMemoryCounters()
        self.counters.state = COUNTED
        self.store = InMemoryCalibrationStore()
        self.cell_minutes = cell_minutes
        self.calibrator = ForecastCalibrator(
            budgets=self.budgets,
            sums=self.counters,
            cell_minutes=cell_minutes,
            store=self.store,
            prior=SHIPPED,
        )
        self._number = 0

    def use(self, hours: range, used: int = 5, **labels: Any) -> None:
        """Count usage in hours before noon."""
        totals = UsageTotals(calls=1, total_tokens=used, cost_picodollars=used)
        for number in hours:
            self._number += 1
            made = change(minute=NOON - number * HOUR, totals=totals, **labels)
            sums = SumUp(get_spans(self.cell_minutes)).sum_up([made], NOON)
            self.counters.commit(Chunk(1, "shard", self._number, self._number, sums, (), NOON))

    def calibrate(self, now: datetime = NOON, **limits: Any) -> CalibrationReport:
        return self.calibrator.calibrate(now, **limits)


@pytest.mark.parametrize("cell_minutes", [15, 60])
def test_scopes_of_budgets_and_identities_are_measured_and_the_result_is_stored(
    cell_minutes: int,
) -> None:
    deployment = Deployment(cell_minutes=cell_minutes)
    deployment.use(range(24 * 14), identity_arn=ANA)
    deployment.use(range(24 * 14), identity_arn=BEN)
    report = deployment.calibrate()
    assert report.own is not None
    assert (report.own.sources, report.own.days) == (3, 14)
    assert report.own.calibrated_at == NOON
    assert (report.hours, report.skipped, report.is_cut) == (24 * 28, 0, False)
    assert deployment.store.stored is not None
    assert read_calibration(write_calibration(deployment.store.stored)).own == report.own


def test_steady_usage_narrows_the_intervals_of_steady_scopes() -> None:
    deployment = Deployment()
    for number in range(20):
        deployment.use(range(24 * 10), identity_arn=f"{ANA}-{number}")
    deployment.calibrate()
    errors = deployment.store.stored
    assert errors is not None
    own, shipped = (
        each.distributions[Activity.STEADY, 24].get_interval(800) for each in (errors, SHIPPED)
    )
    assert own[1] - own[0] < (shipped[1] - shipped[0]) / 2


@pytest.mark.parametrize(
    "other",
    [
        stored(DAILY, state=BudgetState.BUILDING),
        stored(budget("actual", thresholds=BudgetThresholds((Decimal(50),), ()))),
    ],
    ids=["building", "without forecasts"],
)
def test_budgets_that_have_no_forecast_are_left_out(other: StoredBudget) -> None:
    deployment = Deployment(other)
    deployment.use(range(24 * 14), identity_arn=ANA)
    report = deployment.calibrate()
    assert report.own is not None
    assert report.own.sources == 1  # the identity


def test_the_last_hours_do_not_count_since_calls_come_late() -> None:
    results = []
    for late in (0, 10**6):
        deployment = Deployment()
        deployment.use(range(2, 24 * 14))
        deployment.use(range(1), late)
        deployment.use(range(1, 2), late)
        deployment.calibrate()
        results.append(deployment.store.stored)
    assert results[0] == results[1] is not None


def test_a_second_run_stores_the_same() -> None:
    deployment = Deployment()
    deployment.use(range(24 * 14))
    deployment.calibrate()
    before = deployment.store.stored
    deployment.calibrate()
    assert deployment.store.stored == before


def test_too_little_usage_leaves_what_is_stored() -> None:
    deployment = Deployment()
    deployment.use(range(24 * 14))
    deployment.calibrate()
    before = deployment.store.stored
    assert before is not None
    deployment.counters.cells.clear()
    assert deployment.calibrate(NOON + HOUR).own is None
    assert deployment.store.stored is before


def test_nothing_is_measured_before_all_calls_are_counted() -> None:
    deployment = Deployment()
    deployment.use(range(24 * 14))
    deployment.counters.state = None
    assert deployment.calibrate() == CalibrationReport()
    deployment.counters.state = begin_counting(PriceEdition("shipped"), "stack", NOON, None)
    assert deployment.calibrate() == CalibrationReport()
    assert deployment.store.stored is None


def test_a_run_without_time_for_all_hours_measures_the_latest_ones() -> None:
    deployment = Deployment()
    deployment.use(range(24 * 28))
    answers = iter([True] * 24 * 9 + [False])
    report = deployment.calibrate(has_time_to_read=lambda: next(answers))
    assert (report.hours, report.is_cut) == (24 * 9, True)
    assert report.own is not None
    assert report.own.days == 9


def test_a_run_without_time_for_all_sources_stores_what_it_measured() -> None:
    deployment = Deployment()
    for identity in (ANA, BEN):
        deployment.use(range(24 * 14), identity_arn=identity)
    answers = iter([True, True, False])
    report = deployment.calibrate(has_time=lambda: next(answers))
    assert report.skipped == 1
    assert report.own is not None
    assert report.own.sources == 2


def test_only_the_hours_of_four_weeks_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = Deployment()
    read: list[datetime] = []
    reads = InMemoryCounters.read_cells

    def noting(self: Any, *args: Any) -> Any:
        read.append(args[2])
        return reads(self, *args)

    monkeypatch.setattr(InMemoryCounters, "read_cells", noting)
    deployment.calibrate()
    assert read[0] == NOON - 3 * HOUR
    assert read[-1] == NOON - 2 * HOUR - CALIBRATION_SPAN
    assert len(set(read)) == len(read) == 24 * 28


class Read:
    """The errors that forecasts stand on, over a store."""

    def __init__(self) -> None:
        deployment = Deployment()
        deployment.use(range(24 * 14))
        deployment.calibrate()
        self.calibrated = deployment.store.stored
        self.store = InMemoryCalibrationStore(self.calibrated)
        self.errors = CalibratedErrors(store=self.store, shipped=SHIPPED)


def test_calibrated_errors_are_read_once_an_hour() -> None:
    read = Read()
    for minutes in range(60):
        assert read.errors.get(NOON + timedelta(minutes=minutes)) is read.calibrated
    assert read.store.reads == 1
    read.store.stored = None
    assert read.errors.get(NOON + HOUR) is SHIPPED
    assert read.store.reads == 2


def test_a_damaged_calibration_is_logged_and_forecasts_use_the_shipped_errors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    read = Read()
    read.store.problem = "the item is damaged"
    assert read.errors.get(NOON) is SHIPPED
    assert "cannot be read" in caplog.text
    read.store.problem = ""
    assert read.errors.get(NOON + HOUR) is read.calibrated
    read.store.problem = "DynamoDB is busy"
    assert read.errors.get(NOON + 2 * HOUR) is read.calibrated  # the last ones that could be read
