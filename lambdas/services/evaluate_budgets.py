"""Evaluates budgets: stores alerts of thresholds newly reached, and publishes their metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from lambdas.domain.budgets import (
    BudgetBook,
    BudgetPeriod,
    BudgetStatus,
    BudgetStore,
    ReadingLimit,
    ReadingLimitError,
    StatusDetails,
    StoredBudget,
    SumReader,
    TooManyCellsError,
    UsageForecaster,
    find_incomplete_since,
    read_statuses,
)
from lambdas.domain.budgets.budget_alerts import (
    HOLD,
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
from lambdas.observability import logger

MAX_VALUES = 50_000
"""The values of a default budget that are evaluated. One with more of them fails alone."""
FORECASTS_EVERY = timedelta(minutes=1)
"""The time in which a process makes forecasts once."""


class FailedBudget(NamedTuple):
    """A budget that could not be evaluated, or whose alerts have no details.

    Attributes:
        name: Its name.
        error: The error.
    """

    name: str
    error: Exception


@dataclass(slots=True)
class EvaluatedBudget:
    """A budget whose usage was evaluated. Its alerts are read once something can be new in them.

    Attributes:
        stored: The budget.
        statuses: Its usage, of a default budget that of each value.
        alerts: The stored alerts.
    """

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


@dataclass(frozen=True, slots=True)
class BudgetEvaluation:
    """The result of an evaluation.

    Attributes:
        evaluated: The number of sums that were evaluated.
        alerts: The number of alerts that are due since.
        skipped: The number of budgets for which there was no time; the next run begins with others.
        failures: The budgets that failed, each for itself.
        without_details: The budgets whose alerts have no details because reading them failed.
        unread: The error for which forecasts were not made; `None` if there was none.
        unpublished: The error for which metrics were not published; `None` if there was none.
        budgets: The budgets whose usage was evaluated.
    """

    evaluated: int = 0
    alerts: int = 0
    skipped: int = 0
    failures: tuple[FailedBudget, ...] = ()
    without_details: tuple[FailedBudget, ...] = ()
    unread: TooManyCellsError | None = None
    unpublished: MetricsUnavailableError | None = None
    budgets: tuple[EvaluatedBudget, ...] = field(default=(), compare=False, repr=False)


class _NewAlerts(NamedTuple):
    """Thresholds that a budget has newly reached, and whose alerts are stored."""

    budget: EvaluatedBudget
    status: BudgetStatus
    keys: Sequence[AlertKey]


@dataclass(slots=True)
class _Run:
    """The results of a run so far."""

    now: datetime
    evaluated: int = 0
    skipped: int = 0
    new: list[_NewAlerts] = field(default_factory=list)
    failures: list[FailedBudget] = field(default_factory=list)
    without_details: list[FailedBudget] = field(default_factory=list)
    unread: TooManyCellsError | None = None
    unpublished: MetricsUnavailableError | None = None
    found: list[EvaluatedBudget] = field(default_factory=list)
    cut_off: Exception | None = None
    forecast_alerts: int = 0

    @contextmanager
    def isolate(self, stored: StoredBudget) -> Iterator[None]:
        """Let an error of a budget stop that one alone."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  # the caller reports each
            self.failures.append(FailedBudget(stored.budget.name, error))

    @contextmanager
    def isolate_details(self, statuses: Sequence[BudgetStatus]) -> Iterator[None]:
        """Let an error of details stop no alert. That they are too many to read is no error."""
        try:
            yield
        except (ReadingLimitError, TooManyCellsError) as error:
            self.cut_off = error
        except Exception as error:  # noqa: BLE001  # the caller reports each
            names = sorted({status.stored.budget.name for status in statuses})
            self.without_details += (FailedBudget(name, error) for name in names)

    def end(self) -> BudgetEvaluation:
        return BudgetEvaluation(
            evaluated=self.evaluated,
            alerts=sum(len(new.keys) for new in self.new) + self.forecast_alerts,
            skipped=self.skipped,
            failures=tuple(self.failures),
            without_details=tuple(self.without_details),
            unread=self.unread,
            unpublished=self.unpublished,
            budgets=tuple(self.found),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetEvaluator:
    """Evaluates the current period of each active budget. To repeat it at any time is safe.

    Usage is evaluated by each run. Forecasts read cells, and change less than usage: a process
    makes them once a minute, and then publishes metrics where they are due.

    An alert never depends on its details, which are read from cells: their number is not limited.
    It is stored first, and held for a short time. Then it gets the details that can be read.

    Attributes:
        budgets: The stored budgets.
        sums: Their sums.
        alerts: The stored alerts.
        details: Adds details to statuses.
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

    def evaluate_usage(
        self,
        now: datetime,
        has_time: Callable[[], bool] = lambda: True,
        make_limit: Callable[[], ReadingLimit] = ReadingLimit,
    ) -> BudgetEvaluation:
        """Evaluate the usage of all budgets.

        Budgets that are building are left out, and so is a default budget for values that have a
        budget of their own. A budget that fails stops no other one.

        Args:
            now: The time.
            has_time: Asked before each budget.
            make_limit: Makes the limit of a reading of cells that begins now.
        """
        run = _Run(now)
        state = self.sums.read_state()
        if state is None:
            return run.end()
        book = self.budgets.read()
        for stored in _rotate([stored for stored in book if stored.is_active], now):
            if not has_time():
                run.skipped += 1
                continue
            with run.isolate(stored):
                budget = self._read(book, stored, state, now)
                run.evaluated += len(budget.statuses)
                for status in budget.statuses:
                    self._alert(run, budget, status, ThresholdKind.ACTUAL)
                run.found.append(budget)
        self._add_details(run, make_limit)
        return run.end()

    def evaluate_forecasts(
        self,
        evaluation: BudgetEvaluation,
        now: datetime,
        has_time: Callable[[], bool] = lambda: True,
        make_limit: Callable[[], ReadingLimit] = ReadingLimit,
    ) -> BudgetEvaluation:
        """Evaluate forecasts, if they are due, and publish the metrics that are due.

        Args:
            evaluation: The budgets whose usage was evaluated.
            now: The time.
            has_time: Asked before each budget.
            make_limit: Makes the limit of a reading of cells that begins now.
        """
        run = _Run(now)
        if not evaluation.budgets or not self.forecasts.is_due(now):
            return run.end()
        shown = self._select_shown(evaluation.budgets, now)
        self._forecast_all(run, evaluation.budgets, shown, has_time, make_limit())
        if not run.skipped and not evaluation.skipped:
            self.forecasts.note(now)
        self._add_details(run, make_limit)
        if shown:
            try:
                self.metrics.publish(shown.values(), now)
            except MetricsUnavailableError as error:
                run.unpublished = error
        return run.end()

    def _forecast_all(
        self,
        run: _Run,
        budgets: Sequence[EvaluatedBudget],
        shown: dict[str, BudgetStatus],
        has_time: Callable[[], bool],
        limit: ReadingLimit,
    ) -> None:
        """Forecast the usage of budgets; those that there is no time for are skipped."""
        for budget in budgets:
            if not budget.stored.budget.thresholds.forecast:
                continue
            if not has_time():
                run.skipped += 1
                continue
            with run.isolate(budget.stored):
                try:
                    self._evaluate_forecasts(run, budget, shown, limit)
                except ReadingLimitError:
                    run.skipped += 1
                except TooManyCellsError as error:
                    run.unread = error

    def _read(
        self, book: BudgetBook, stored: StoredBudget, state: CountingState, now: datetime
    ) -> EvaluatedBudget:
        statuses = list(read_statuses(book, stored, self.sums, state, now, max_values=MAX_VALUES))
        return EvaluatedBudget(stored, statuses or _make_unused(stored, state, now), self.alerts)

    def _select_shown(
        self, found: Sequence[EvaluatedBudget], now: datetime
    ) -> dict[str, BudgetStatus]:
        """Select the budgets whose metrics are due, by name."""
        if not self.metrics.is_due(now):
            return {}
        return {
            budget.stored.budget.name: budget.statuses[0]
            for budget in found
            if budget.stored.budget.per is None
        }

    def _evaluate_forecasts(
        self,
        run: _Run,
        budget: EvaluatedBudget,
        shown: dict[str, BudgetStatus],
        limit: ReadingLimit,
    ) -> None:
        """Forecast what can still alert and what is shown."""
        name = budget.stored.budget.name
        for status in budget.statuses:
            is_open = _has_open_forecasts(budget, status)
            if not is_open and name not in shown:
                continue
            forecast = self._add_forecast(status, run.now, limit)
            if name in shown:
                shown[name] = forecast
            if is_open:
                self._alert(run, budget, forecast, ThresholdKind.FORECAST)

    def _add_forecast(
        self, status: BudgetStatus, now: datetime, limit: ReadingLimit
    ) -> BudgetStatus:
        """Add a forecast, unless usage that is still to be counted would make it too low."""
        is_wanted = bool(status.stored.budget.thresholds.forecast)
        if not is_wanted or status.incomplete_since is not None:
            return status
        stored, value, period = status.stored, status.value, status.period
        return replace(status, forecast=self.forecaster.forecast(stored, value, period, now, limit))

    def _alert(
        self, run: _Run, budget: EvaluatedBudget, status: BudgetStatus, kind: ThresholdKind
    ) -> None:
        """Store the alerts of thresholds of a kind that are newly reached, and hold them."""
        keys = self._store(budget, status, kind, run.now, run.now + HOLD)
        if keys:
            run.new.append(_NewAlerts(budget, status, keys))

    def _store(
        self,
        budget: EvaluatedBudget,
        status: BudgetStatus,
        kind: ThresholdKind,
        now: datetime,
        held_until: datetime | None = None,
    ) -> list[AlertKey]:
        """Store the alerts of thresholds of a kind that are newly reached; returns their keys."""
        keys = [key for key in find_crossings(status, now, [kind]) if budget.is_new(key)]
        return [
            alert.key
            for alert in make_alerts(status, keys, now)
            if self.alerts.add_due(alert, held_until)
        ]

    def _add_details(self, run: _Run, make_limit: Callable[[], ReadingLimit]) -> None:
        """Add details to new alerts as far as they can be read, and let runs send them.

        Where usage alerts, the forecast is in its details. If that alerts too, it is sent with it.
        """
        if not run.new:
            return
        detailed = {id(new.status): new.status for new in run.new}
        limit, forecast_limit = make_limit(), make_limit()
        for statuses in _group_by_period(run.new):
            with run.isolate_details(statuses):
                found = self.details.add_to(statuses, run.now, limit)
                detailed |= {
                    id(before): after for before, after in zip(statuses, found, strict=True)
                }
        for budget, status, keys in run.new:
            known = detailed[id(status)]
            if known.forecast is None:
                with run.isolate_details([status]):
                    known = self._add_forecast(known, run.now, forecast_limit)
            with run.isolate(status.stored):
                for alert in make_alerts(known, keys, run.now):
                    self.alerts.add_details(alert, run.now + HOLD)
                if status.forecast is None:
                    forecast_alerts = self._store(budget, known, ThresholdKind.FORECAST, run.now)
                    run.forecast_alerts += len(forecast_alerts)
        if run.cut_off is not None:
            logger.warning("Some alerts lack drivers or a forecast", reason=str(run.cut_off))


def _group_by_period(new: Sequence[_NewAlerts]) -> list[list[BudgetStatus]]:
    """Group the states of budgets by their periods."""
    groups: defaultdict[BudgetPeriod, list[BudgetStatus]] = defaultdict(list)
    for _, status, _ in new:
        groups[status.period].append(status)
    return [*groups.values()]


def _make_unused(stored: StoredBudget, state: CountingState, now: datetime) -> list[BudgetStatus]:
    """Make the status of a budget to whose sum nothing was added in its period."""
    if stored.budget.per is not None:
        return []
    period = stored.budget.periods.period_at(now)
    incomplete_since = find_incomplete_since(stored, period, state)
    return [
        BudgetStatus(
            stored=stored,
            period=period,
            totals=UsageTotals.ZERO,
            incomplete_since=incomplete_since,
        )
    ]


def _has_open_forecasts(evaluated: EvaluatedBudget, status: BudgetStatus) -> bool:
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
