"""Evaluates budgets: stores alerts of thresholds newly reached, and publishes their metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from lambdas.domain.budgets import (
    BudgetBook,
    BudgetStatus,
    BudgetStore,
    StatusDetails,
    StoredBudget,
    SumReader,
    UsageForecaster,
    read_statuses,
)
from lambdas.domain.budgets.budget_alerts import (
    AlertKey,
    AlertStore,
    LastAlert,
    ThresholdKind,
    find_crossings,
    make_alert_key,
    make_alerts,
)
from lambdas.domain.counters import CountingState, UsageTotals
from lambdas.domain.metrics import MetricsUnavailableError
from lambdas.domain.metrics.budget_metrics import BudgetPublishing
from lambdas.domain.pace import Pace

FORECASTS_EVERY = timedelta(minutes=1)
"""The time in which a process makes forecasts once."""


class FailedBudget(NamedTuple):
    """A budget that could not be evaluated.

    Attributes:
        name: Its name.
        error: The error.
    """

    name: str
    error: Exception


@dataclass(frozen=True, slots=True)
class BudgetEvaluation:
    """The result of an evaluation.

    Attributes:
        evaluated: The number of sums that were evaluated.
        alerts: The number of alerts that are due since.
        skipped: The number of budgets for which there was no time; the next run begins with others.
        failures: The budgets that failed, each for itself.
        unpublished: The error for which metrics were not published; `None` if there was none.
    """

    evaluated: int = 0
    alerts: int = 0
    skipped: int = 0
    failures: tuple[FailedBudget, ...] = ()
    unpublished: MetricsUnavailableError | None = None


@dataclass(slots=True)
class _Evaluated:
    """A budget whose usage was evaluated. Its alerts are read once something can be new in them."""

    stored: StoredBudget
    statuses: list[BudgetStatus]
    alerts: AlertStore
    _alerted: Mapping[str, LastAlert] | None = None

    @property
    def alerted(self) -> Mapping[str, LastAlert]:
        """The last alerts of its thresholds."""
        if self._alerted is None:
            name, generation = self.stored.budget.name, self.stored.generation
            self._alerted = self.alerts.read_alerted(name, generation)
        return self._alerted

    def is_new(self, key: AlertKey) -> bool:
        """Say if nothing has alerted at the threshold."""
        return key.is_new(self.alerted)


@dataclass(slots=True)
class _Run:
    """The results of a run so far."""

    evaluated: int = 0
    alerts: int = 0
    skipped: int = 0
    failures: list[FailedBudget] = field(default_factory=list)
    unpublished: MetricsUnavailableError | None = None

    @contextmanager
    def isolate(self, stored: StoredBudget) -> Iterator[None]:
        """Let an error of a budget stop that one alone."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  # the caller reports each
            self.failures.append(FailedBudget(stored.budget.name, error))

    def end(self) -> BudgetEvaluation:
        return BudgetEvaluation(
            self.evaluated, self.alerts, self.skipped, tuple(self.failures), self.unpublished
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetEvaluator:
    """Evaluates the current period of each active budget. To repeat it at any time is safe.

    Usage is evaluated by each run. Forecasts read cells, and change less than usage: a process
    makes them once a minute, and then publishes metrics where they are due.

    Attributes:
        budgets: The stored budgets.
        sums: Their sums.
        alerts: The stored alerts.
        details: Adds details to a status.
        forecaster: Forecasts the usage of budgets.
        metrics: Publishes the usage and the forecast of each budget that is not for each value.
        forecasts: The times of the process's forecasts.
    """

    budgets: BudgetStore
    sums: SumReader
    alerts: AlertStore
    details: StatusDetails
    forecaster: UsageForecaster
    metrics: BudgetPublishing
    forecasts: Pace = field(default_factory=lambda: Pace(FORECASTS_EVERY))

    def evaluate(
        self, now: datetime, has_time: Callable[[], bool] = lambda: True
    ) -> BudgetEvaluation:
        """Evaluate all budgets: first their usage, then forecasts, which take longer.

        Budgets that are building are left out, and so is a default budget for values that have a
        budget of their own. A budget that fails stops no other one.

        Args:
            now: The time.
            has_time: Asked before each budget.
        """
        state = self.sums.read_state()
        if state is None:
            return BudgetEvaluation()
        book = self.budgets.read()
        active = _rotate([stored for stored in book if stored.is_active], now)
        run, found = _Run(), list[_Evaluated]()
        for stored in active:
            if not has_time():
                run.skipped += 1
                continue
            with run.isolate(stored):
                budget = self._read(book, stored, state, now)
                run.evaluated += len(budget.statuses)
                for status in budget.statuses:
                    run.alerts += self._alert(budget, status, ThresholdKind.ACTUAL, now)
                found.append(budget)
        if self.forecasts.is_due(now):
            self._look_ahead(run, found, now, has_time)
        return run.end()

    def _look_ahead(
        self,
        run: _Run,
        found: Sequence[_Evaluated],
        now: datetime,
        has_time: Callable[[], bool],
    ) -> None:
        """Evaluate forecasts, and publish the metrics that are due."""
        shown = self._select_shown(found, now)
        for budget in found:
            if not budget.stored.budget.thresholds.forecast:
                continue
            if not has_time():
                run.skipped += 1
                continue
            with run.isolate(budget.stored):
                run.alerts += self._evaluate_forecasts(budget, shown, now)
        if not run.skipped:
            self.forecasts.note(now)
        if shown:
            try:
                self.metrics.publish(shown.values(), now)
            except MetricsUnavailableError as error:
                run.unpublished = error

    def _read(
        self, book: BudgetBook, stored: StoredBudget, state: CountingState, now: datetime
    ) -> _Evaluated:
        statuses = list(read_statuses(book, stored, self.sums, state, now))
        return _Evaluated(stored, statuses or _make_unused(stored, state, now), self.alerts)

    def _select_shown(self, found: Sequence[_Evaluated], now: datetime) -> dict[str, BudgetStatus]:
        """Select the budgets whose metrics are due, by name."""
        if not self.metrics.is_due(now):
            return {}
        return {
            budget.stored.budget.name: budget.statuses[0]
            for budget in found
            if budget.stored.budget.per is None
        }

    def _evaluate_forecasts(
        self, budget: _Evaluated, shown: dict[str, BudgetStatus], now: datetime
    ) -> int:
        """Forecast what can still alert and what is shown; returns the number of new alerts."""
        stored_alerts, name = 0, budget.stored.budget.name
        for status in budget.statuses:
            is_open = _has_open_forecasts(budget, status)
            if not is_open and name not in shown:
                continue
            forecast = self._add_forecast(status, now)
            if name in shown:
                shown[name] = forecast
            if is_open:
                stored_alerts += self._alert(budget, forecast, ThresholdKind.FORECAST, now)
        return stored_alerts

    def _add_forecast(self, status: BudgetStatus, now: datetime) -> BudgetStatus:
        """Add a forecast, unless usage that is still to be counted would make it too low."""
        is_wanted = bool(status.stored.budget.thresholds.forecast)
        if not is_wanted or status.incomplete_since is not None:
            return status
        forecast = self.forecaster.forecast(status.stored, status.value, status.period, now)
        return replace(status, forecast=forecast)

    def _alert(
        self, budget: _Evaluated, status: BudgetStatus, kind: ThresholdKind, now: datetime
    ) -> int:
        """Store the alerts of thresholds of a kind that are newly reached; returns their number."""
        keys = [key for key in find_crossings(status, now, [kind]) if budget.is_new(key)]
        if not keys:
            return 0
        detailed = self.details.add_to(status, now)
        if detailed.forecast is None:
            detailed = self._add_forecast(detailed, now)
        return sum(map(self.alerts.add_due, make_alerts(detailed, keys, now)))


def _make_unused(stored: StoredBudget, state: CountingState, now: datetime) -> list[BudgetStatus]:
    """Make the status of a budget to whose sum nothing was added in its period."""
    if stored.budget.per is not None:
        return []
    return [
        BudgetStatus(
            stored=stored,
            period=stored.budget.periods.period_at(now),
            totals=UsageTotals.ZERO,
            incomplete_since=state.incomplete_since,
        )
    ]


def _has_open_forecasts(evaluated: _Evaluated, status: BudgetStatus) -> bool:
    """Say if a forecast can alert: usage itself has not reached its threshold, nor did it alert."""
    budget = status.stored.budget
    return any(
        evaluated.is_new(make_alert_key(status, ThresholdKind.FORECAST, percent))
        for percent in budget.thresholds.forecast
        if not budget.amount.is_reached(status.used, percent)
    )


def _rotate(active: list[StoredBudget], now: datetime) -> list[StoredBudget]:
    """Begin with another budget each minute, so that a lack of time is shared."""
    if not active:
        return []
    first = int(now.timestamp()) // 60 % len(active)
    return active[first:] + active[:first]
