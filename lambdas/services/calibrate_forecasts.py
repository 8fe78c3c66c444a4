"""Calibrates forecasts on a deployment's own usage, from exact counters."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.domain.budgets import BudgetStore, SumReader
from lambdas.domain.counters import CellMinutes, CellSpan, CountingState, UsageChange, get_spans
from lambdas.domain.forecasting import (
    CALIBRATION_SPAN,
    CalibrationStore,
    ErrorRatios,
    OwnErrors,
    UsageHistories,
    UsageHistory,
    calibrate_on_own,
)

_HOUR = timedelta(hours=1)
_LATE = timedelta(hours=2)
"""Usage of the last hours may still be counted, since calls come late."""


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """The result of a run.

    Attributes:
        own: The deployment's own errors that are stored now; `None` if there are too few.
        hours: The number of hours that were read.
        skipped: The number of scopes and identities that there was no time for.
        is_cut: True if there was no time for all hours; the latest ones were read.
    """

    own: OwnErrors | None = None
    hours: int = 0
    skipped: int = 0
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastCalibrator:
    """Measures past forecasts' errors, and stores them with the shipped ones.

    Each run makes the whole result again and replaces the stored one: to repeat it is safe.

    Attributes:
        budgets: The stored budgets.
        sums: The counters.
        cell_minutes: The length of the short cells.
        store: The stored result.
        prior: The shipped errors.
    """

    budgets: BudgetStore
    sums: SumReader
    cell_minutes: CellMinutes
    store: CalibrationStore
    prior: ErrorRatios

    def calibrate(
        self,
        now: datetime,
        has_time_to_read: Callable[[], bool] = lambda: True,
        has_time: Callable[[], bool] = lambda: True,
    ) -> CalibrationReport:
        """Read usage by hour, the latest first, measure the errors of forecasts and store them.

        Nothing is stored while calls of the ledger are still being counted, and with too few
        errors: what is stored stays.

        Args:
            now: The time.
            has_time_to_read: Asked before each hour. Earlier usage is unknown once time is short.
            has_time: Asked before each scope or identity, whose errors take time to measure.
        """
        state = self.sums.read_state()
        if state is None or state.incomplete_since is not None:
            return CalibrationReport()
        forecast = [
            stored.budget
            for stored in self.budgets.read()
            if stored.is_active and stored.budget.thresholds.forecast
        ]
        histories = UsageHistories(forecast, salt=self.store.get_salt())
        until = CellSpan.HOUR.get_start(now) - _LATE
        start = until
        while start > until - CALIBRATION_SPAN and has_time_to_read():
            start -= _HOUR
            self._read_hour(state, start, histories)
        waiting = deque(histories.list_histories())
        errors = calibrate_on_own(_take(waiting, has_time), until, now, self.prior)
        if errors.own is not None:
            self.store.write(errors)
        return CalibrationReport(
            own=errors.own,
            hours=(until - start) // _HOUR,
            skipped=len(waiting),
            is_cut=start > until - CALIBRATION_SPAN,
        )

    def _read_hour(self, state: CountingState, start: datetime, histories: UsageHistories) -> None:
        span, _ = get_spans(self.cell_minutes)
        for cell in self.sums.read_cells(state.generation, span, start, start + _HOUR):
            histories.add(UsageChange(cell.key.labels, cell.key.start, cell.totals))


def _take(waiting: deque[UsageHistory], has_time: Callable[[], bool]) -> Iterator[UsageHistory]:
    """Take histories one by one while there is time; the others go on waiting."""
    while waiting and has_time():
        yield waiting.popleft()
