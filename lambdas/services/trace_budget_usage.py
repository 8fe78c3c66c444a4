"""Traces the usage of budgets in cells: who and what used most of one, and how it will go on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from lambdas.domain.budgets import (
    BudgetPeriod,
    BudgetStatus,
    BudgetStore,
    CellsExpiredError,
    DriverSums,
    ReadingLimit,
    ReadingLimitError,
    RollingHours,
    StoredBudget,
    SumReader,
    TooManyCellsError,
    list_cell_ranges,
)
from lambdas.domain.counters import Cell, CellMinutes, CellSpan, UsageChange, get_spans
from lambdas.domain.forecasting import ErrorSource, Forecast, HourlyUsage, forecast_usage

_HOUR = timedelta(hours=1)
_HISTORY_HOURS = 24 * 7
_LATE_HOURS = 2
"""Hours that are read again each time, since calls come late."""
_REFRESHED_HOURS = 3
_REFRESH_AFTER = timedelta(hours=1)
"""So many earlier hours are read again each time, and all of them once an hour: calls may come days
late, and be counted again at other prices."""
MAX_VALUES = 2_000
"""The values of a default budget in an hour that are kept, so that names which callers choose do
not fill the memory. A default budget with more of them has no forecasts."""


class _Scope(NamedTuple):
    """A value of a budget in a generation, for which usage by hour is added up."""

    budget: str
    generation: int
    value: str


@dataclass(slots=True)
class _Hour:
    """The usage of an hour, of the budgets that it was read for.

    Those with too many values are left out of it.
    """

    read_at: datetime
    budgets: frozenset[tuple[str, int]]
    used: dict[_Scope, int]
    crowded: frozenset[tuple[str, int]]


@dataclass(slots=True, kw_only=True)
class BudgetUsageTracer:
    """Reads cells for the alerts of budgets.

    Hours of the last week are read once, and kept while the process lives. A reading that is cut
    off keeps those that it has.

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
    _problem: Exception | None = field(default=None, init=False)
    _history: dict[_Scope, dict[datetime, int]] = field(default_factory=dict, init=False)
    _crowded: frozenset[tuple[str, int]] = field(default=frozenset(), init=False)

    def add_to(
        self, statuses: Sequence[BudgetStatus], now: datetime, limit: ReadingLimit
    ) -> list[BudgetStatus]:
        """Add the model, the project and the identity with the most usage to each status.

        The cells of their period are read once for all of them. Nothing is added if they are no
        longer kept.

        Args:
            statuses: States of budgets in the same period.
            now: The time.
            limit: What may be read.

        Raises:
            ReadingLimitError: It has too many cells.
        """
        state = self.sums.read_state()
        if state is None:
            return [*statuses]
        sums = _make_sums(statuses)
        try:
            for usage in self._read_cells(statuses[0].period, state.generation, now, limit):
                for budget in sums.values():
                    budget.add(usage)
        except CellsExpiredError:
            return [*statuses]
        return [
            replace(status, drivers=sums[status.stored.budget.name].find(status.value))
            for status in statuses
        ]

    def forecast(
        self,
        stored: StoredBudget,
        value: str,
        period: BudgetPeriod,
        now: datetime,
        limit: ReadingLimit,
    ) -> Forecast | None:
        """Forecast the usage to the end of a period, from the hours of the last week.

        Returns:
            The forecast; `None` for windows that move, where too little is known, and for default
            budgets with more than `MAX_VALUES` values in an hour.

        Raises:
            ReadingLimitError: Not all hours are read yet.
            TooManyCellsError: The hours have too many cells.
        """
        if isinstance(stored.budget.periods, RollingHours):
            return None
        self._update_history(now, limit)
        if (stored.budget.name, stored.generation) in self._crowded:
            return None
        hours = self._history.get(_Scope(stored.budget.name, stored.generation, value), {})
        return forecast_usage(HourlyUsage(hours), now, period.end, self.errors.get(now))

    def _read_cells(
        self, period: BudgetPeriod, generation: int, now: datetime, limit: ReadingLimit
    ) -> Iterator[UsageChange]:
        """Read the cells of a period; its bounds may lie inside the first and the last one."""
        short, _ = get_spans(self.cell_minutes)
        whole = period._replace(start=short.get_start(period.start))
        for span, start, end in list_cell_ranges(whole, self.cell_minutes, now):
            for cell in self._read_range(generation, span, start, end, limit):
                yield UsageChange(cell.key.labels, max(cell.key.start, period.start), cell.totals)

    def _read_range(
        self,
        generation: int,
        span: CellSpan,
        start: datetime,
        end: datetime,
        limit: ReadingLimit,
    ) -> Iterator[Cell]:
        """Read the cells of a range step by step, as long as the limit allows."""
        while start < end:
            following = start + span.length
            yield from limit.take(self.sums.read_cells(generation, span, start, following))
            start = following

    def _update_history(self, now: datetime, limit: ReadingLimit) -> None:
        """Read the hours of the last week, once in a run; an error is the same all through it."""
        if self._read_at == now:
            if self._problem is not None:
                raise self._problem
            return
        self._read_at, self._problem = now, None
        try:
            self._read_history(now, limit)
        except Exception as error:
            self._problem = error
            raise

    def _read_history(self, now: datetime, limit: ReadingLimit) -> None:
        """Read the hours of the last week that are not known, and the latest ones again.

        Raises:
            ReadingLimitError: Not all hours are read. Those that are stay known.
            TooManyCellsError: With all that it may read, a run comes no further.
        """
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
        self._hours = {start: self._hours[start] for start in starts if start in self._hours}
        has_read_more = False
        for number, start in enumerate(starts):
            is_late = number < _LATE_HOURS
            known = self._hours.get(start)
            if known is not None and not is_late and names <= known.budgets:
                continue
            try:
                self._hours[start] = self._read_hour(start, wanted, now, limit)
            except ReadingLimitError as error:
                if limit.left <= 0 and not has_read_more:
                    raise TooManyCellsError(str(error)) from error
                raise
            has_read_more = has_read_more or not is_late
        with suppress(ReadingLimitError):
            self._refresh(wanted, now, limit)
        self._history = _sort_by_scope(self._hours)
        self._crowded = frozenset[tuple[str, int]]().union(
            *(hour.crowded for hour in self._hours.values())
        )

    def _refresh(self, wanted: list[StoredBudget], now: datetime, limit: ReadingLimit) -> None:
        """Read some hours again: those that were read the longest ago."""
        old = [start for start, hour in self._hours.items() if hour.read_at + _REFRESH_AFTER <= now]
        old.sort(key=lambda start: self._hours[start].read_at)
        for start in old[:_REFRESHED_HOURS]:
            self._hours[start] = self._read_hour(start, wanted, now, limit)

    def _read_hour(
        self, start: datetime, wanted: list[StoredBudget], now: datetime, limit: ReadingLimit
    ) -> _Hour:
        hour = _HourSums(wanted)
        if self._generation is not None:
            span, _ = get_spans(self.cell_minutes)
            for cell in self._read_range(self._generation, span, start, start + _HOUR, limit):
                hour.add(cell)
        return hour.end(now)


class _HourSums:
    """Sums of the usage of an hour, by budget and value."""

    def __init__(self, wanted: list[StoredBudget]) -> None:
        self._wanted = wanted
        self._used: dict[tuple[str, int], defaultdict[str, int]] = {
            (stored.budget.name, stored.generation): defaultdict(int) for stored in wanted
        }
        self._crowded: set[tuple[str, int]] = set()

    def add(self, cell: Cell) -> None:
        for stored in self._wanted:
            budget, key = stored.budget, (stored.budget.name, stored.generation)
            if key not in self._crowded and budget.scope.includes(cell.key.labels):
                values = self._used[key]
                values[budget.read_value(cell.key.labels)] += budget.read_usage(cell.totals)
                if len(values) > MAX_VALUES:
                    self._crowded.add(key)
                    values.clear()

    def end(self, now: datetime) -> _Hour:
        used = {
            _Scope(name, generation, value): amount
            for (name, generation), values in self._used.items()
            for value, amount in values.items()
        }
        return _Hour(now, frozenset(self._used), used, frozenset(self._crowded))


def _make_sums(statuses: Sequence[BudgetStatus]) -> dict[str, DriverSums]:
    """Make the sums of each budget for the values that are asked for."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for status in statuses:
        values[status.stored.budget.name].append(status.value)
    stored = {status.stored.budget.name: status.stored for status in statuses}
    period = statuses[0].period
    return {name: DriverSums(stored[name], period, wanted) for name, wanted in values.items()}


def _sort_by_scope(hours: Mapping[datetime, _Hour]) -> dict[_Scope, dict[datetime, int]]:
    """Sort the usage of hours by budget and value."""
    history: defaultdict[_Scope, dict[datetime, int]] = defaultdict(dict)
    for start, hour in hours.items():
        for scope, used in hour.used.items():
            history[scope][start] = used
    return dict(history)
