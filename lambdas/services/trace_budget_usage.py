"""Traces the usage of budgets in cells: who and what used most of one, and how it will go on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from lambdas.domain.budgets import (
    BudgetPeriod,
    BudgetStatus,
    BudgetStore,
    CellsExpiredError,
    RollingHours,
    StoredBudget,
    SumReader,
    find_drivers,
    list_cell_ranges,
)
from lambdas.domain.counters import CellMinutes, CellSpan, UsageChange, get_spans
from lambdas.domain.forecasting import ErrorSource, Forecast, HourlyUsage, forecast_usage

_HOUR = timedelta(hours=1)
_HISTORY_HOURS = 24 * 7
_LATE_HOURS = 2
"""Hours that are read again each time, since calls come late."""


class _Scope(NamedTuple):
    """A value of a budget in a generation, for which usage by hour is added up."""

    budget: str
    generation: int
    value: str


@dataclass(slots=True)
class _Hour:
    """The usage of an hour, of the budgets that it was read for."""

    budgets: frozenset[tuple[str, int]]
    used: dict[_Scope, int]


@dataclass(slots=True, kw_only=True)
class BudgetUsageTracer:
    """Reads cells for the alerts of budgets.

    Hours of the last week are read once, and kept while the process lives.

    Attributes:
        budgets: The stored budgets.
        sums: The counters.
        cell_minutes: The length of the short cells.
        errors: Knows the errors of earlier forecasts.
    """

    budgets: BudgetStore
    sums: SumReader
    cell_minutes: CellMinutes
    errors: ErrorSource
    _generation: int | None = field(default=None, init=False)
    _hours: dict[datetime, _Hour] = field(default_factory=dict, init=False)
    _read_at: datetime | None = field(default=None, init=False)
    _history: dict[_Scope, dict[datetime, int]] = field(default_factory=dict, init=False)

    def add_to(self, status: BudgetStatus, now: datetime) -> BudgetStatus:
        """Add the model, the project and the identity with the most usage.

        None are added if cells of the period are no longer kept.
        """
        state = self.sums.read_state()
        if state is None:
            return status
        try:
            cells = list(self._read_cells(status.period, state.generation, now))
        except CellsExpiredError:
            return status
        drivers = find_drivers(cells, status.stored, status.period, status.value)
        return replace(status, drivers=drivers)

    def forecast(
        self, stored: StoredBudget, value: str, period: BudgetPeriod, now: datetime
    ) -> Forecast | None:
        """Forecast the usage to the end of a period, from the hours of the last week.

        Returns:
            The forecast; `None` for windows that move, and where too little is known.
        """
        if isinstance(stored.budget.periods, RollingHours):
            return None
        if self._read_at != now:
            self._read_history(now)
            self._read_at = now
        hours = self._history.get(_Scope(stored.budget.name, stored.generation, value), {})
        return forecast_usage(HourlyUsage(hours), now, period.end, self.errors.get(now))

    def _read_cells(
        self, period: BudgetPeriod, generation: int, now: datetime
    ) -> Iterator[UsageChange]:
        """Read the cells of a period; its bounds may lie inside the first and the last one."""
        short, _ = get_spans(self.cell_minutes)
        whole = period._replace(start=short.get_start(period.start))
        for cells in list_cell_ranges(whole, self.cell_minutes, now):
            for cell in self.sums.read_cells(generation, *cells):
                yield UsageChange(cell.key.labels, max(cell.key.start, period.start), cell.totals)

    def _read_history(self, now: datetime) -> None:
        """Read the hours of the last week that are not known, and the latest ones again."""
        state = self.sums.read_state()
        generation = None if state is None else state.generation
        if generation != self._generation:
            self._generation, self._hours = generation, {}
        wanted = [
            stored
            for stored in self.budgets.read()
            if stored.is_active and stored.budget.thresholds.forecast
        ]
        current = CellSpan.HOUR.get_start(now)
        starts = [current - number * _HOUR for number in range(_HISTORY_HOURS + 1)]
        names = frozenset((stored.budget.name, stored.generation) for stored in wanted)
        hours = {}
        for number, start in enumerate(starts):
            known = self._hours.get(start)
            if known is None or number < _LATE_HOURS or not names <= known.budgets:
                known = self._read_hour(start, wanted, names)
            hours[start] = known
        self._hours = hours
        history: defaultdict[_Scope, dict[datetime, int]] = defaultdict(dict)
        for start, hour in hours.items():
            for scope, used in hour.used.items():
                history[scope][start] = used
        self._history = dict(history)

    def _read_hour(
        self, start: datetime, wanted: list[StoredBudget], names: frozenset[tuple[str, int]]
    ) -> _Hour:
        used: defaultdict[_Scope, int] = defaultdict(int)
        if self._generation is not None:
            span, _ = get_spans(self.cell_minutes)
            for cell in self.sums.read_cells(self._generation, span, start, start + _HOUR):
                for stored in wanted:
                    budget = stored.budget
                    if budget.scope.includes(cell.key.labels):
                        value = budget.read_value(cell.key.labels)
                        scope = _Scope(budget.name, stored.generation, value)
                        used[scope] += budget.read_usage(cell.totals)
        return _Hour(names, dict(used))
