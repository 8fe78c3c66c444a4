"""Evaluates budgets: stores alerts of thresholds newly reached, and publishes their metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from lambdas.domain.budgets import (
    AlertKey,
    AlertStore,
    BudgetStatus,
    BudgetStore,
    StatusDetails,
    StoredBudget,
    SumReader,
    ThresholdKind,
    UsageForecaster,
    find_crossings,
    make_alerts,
    read_statuses,
)
from lambdas.domain.counters import CountingState, UsageTotals
from lambdas.domain.metrics.budget_metrics import BudgetPublishing


@dataclass(frozen=True, slots=True)
class BudgetEvaluation:
    """The result of an evaluation.

    Attributes:
        evaluated: The number of sums that were evaluated.
        alerts: The number of alerts that are due since.
        skipped: The number of budgets for which there was no time; the next run begins with others.
    """

    evaluated: int = 0
    alerts: int = 0
    skipped: int = 0


class _Evaluated(NamedTuple):
    """A budget whose usage was evaluated: its current sums, and what has alerted before."""

    stored: StoredBudget
    statuses: list[BudgetStatus]
    alerted: Mapping[str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetEvaluator:
    """Evaluates the current period of each active budget. To repeat it at any time is safe.

    Attributes:
        budgets: The stored budgets.
        sums: Their sums.
        alerts: The stored alerts.
        details: Adds details to a status.
        forecaster: Forecasts the usage of budgets.
        metrics: Publishes the usage and the forecast of each budget that is not for each value.
    """

    budgets: BudgetStore
    sums: SumReader
    alerts: AlertStore
    details: StatusDetails
    forecaster: UsageForecaster
    metrics: BudgetPublishing

    def evaluate(
        self, now: datetime, has_time: Callable[[], bool] = lambda: True
    ) -> BudgetEvaluation:
        """Evaluate all budgets: first their usage, then forecasts, which take longer.

        Budgets that are building are left out, and so is a default budget for values that have a
        budget of their own.

        Args:
            now: The time.
            has_time: Asked before each budget.

        Raises:
            MetricsUnavailableError: Metrics were not published. All alerts are stored.
        """
        state = self.sums.read_state()
        if state is None:
            return BudgetEvaluation()
        book = self.budgets.read()
        active = _rotate([stored for stored in book if stored.is_active], now)
        evaluated, stored_alerts, skipped = 0, 0, 0
        found: list[_Evaluated] = []
        for stored in active:
            if not has_time():
                skipped += 1
                continue
            statuses = list(read_statuses(book, stored, self.sums, state, now))
            alerted = self.alerts.read_alerted(stored.budget.name, stored.generation)
            evaluated += len(statuses)
            for status in statuses:
                stored_alerts += self._alert(status, ThresholdKind.ACTUAL, alerted, now)
            found.append(_Evaluated(stored, statuses or _make_unused(stored, state, now), alerted))
        shown = self._select_shown(found, now)
        for budget in found:
            if not budget.stored.budget.thresholds.forecast:
                continue
            if not has_time():
                skipped += 1
                continue
            stored_alerts += self._evaluate_forecasts(budget, shown, now)
        if shown:
            self.metrics.publish(shown.values(), now)
        return BudgetEvaluation(evaluated, stored_alerts, skipped)

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
            is_open = _has_open_forecasts(status, budget.alerted)
            if not is_open and name not in shown:
                continue
            forecast = self._add_forecast(status, now)
            if name in shown:
                shown[name] = forecast
            if is_open:
                stored_alerts += self._alert(forecast, ThresholdKind.FORECAST, budget.alerted, now)
        return stored_alerts

    def _add_forecast(self, status: BudgetStatus, now: datetime) -> BudgetStatus:
        """Add a forecast, unless usage that is still to be counted would make it too low."""
        is_wanted = bool(status.stored.budget.thresholds.forecast)
        if not is_wanted or status.incomplete_since is not None:
            return status
        forecast = self.forecaster.forecast(status.stored, status.value, status.period, now)
        return replace(status, forecast=forecast)

    def _alert(
        self,
        status: BudgetStatus,
        kind: ThresholdKind,
        alerted: Mapping[str, datetime],
        now: datetime,
    ) -> int:
        """Store the alerts of thresholds of a kind that are newly reached; returns their number."""
        reached = [key for key in find_crossings(status, now) if key.kind is kind]
        keys = _choose_new(reached, alerted)
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


def _has_open_forecasts(status: BudgetStatus, alerted: Mapping[str, datetime]) -> bool:
    """Say if a forecast can alert: usage itself has not reached its threshold, nor did it alert."""
    stored = status.stored
    budget = stored.budget
    keys = [
        AlertKey(
            *(budget.name, stored.generation, status.value),
            *(ThresholdKind.FORECAST, percent, status.period),
        )
        for percent in budget.thresholds.forecast
        if not budget.amount.is_reached(status.used, percent)
    ]
    return bool(_choose_new(keys, alerted))


def _choose_new(keys: list[AlertKey], alerted: Mapping[str, datetime]) -> list[AlertKey]:
    """Leave out thresholds that have alerted for a period that overlaps."""
    return [
        key
        for key in keys
        if key.threshold_id not in alerted or alerted[key.threshold_id] <= key.period.start
    ]


def _rotate(active: list[StoredBudget], now: datetime) -> list[StoredBudget]:
    """Begin with another budget each minute, so that a lack of time is shared."""
    if not active:
        return []
    first = int(now.timestamp()) // 60 % len(active)
    return active[first:] + active[:first]
