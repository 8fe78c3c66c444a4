"""The thresholds of budgets that are crossed at a moment, from sums and cells as they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.calibration_store import DynamoDbCalibrationStore
from lambdas.adapters.dynamodb.counter_items import read_cell
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.adapters.dynamodb.items import read_key
from lambdas.domain.budgets import BudgetPeriod, RollingHours, StoredBudget
from lambdas.domain.budgets.budget_alerts import AlertKey, ThresholdKind
from lambdas.domain.counters import CellSpan, CountingState
from lambdas.domain.counters.table import CELL_PREFIX
from lambdas.domain.forecasting import HourlyUsage, forecast_usage, read_shipped_ratios
from tests.simulation.account import COUNTERS, GOVERNANCE, Account
from tests.simulation.cloud.dynamodb import SimulatedDynamoDb
from tests.simulation.drivers.budgets import read_sums
from tests.simulation.world import World

_HISTORY = timedelta(days=7)


class Crossing(NamedTuple):
    """A threshold that is crossed.

    Attributes:
        budget: The name of the budget.
        generation: Its generation.
        value: The value that a default budget is for; else empty.
        kind: The kind of the threshold.
        percent: The threshold.
        period: The period.
        level: The usage that the threshold stands for.
    """

    budget: str
    generation: int
    value: str
    kind: ThresholdKind
    percent: Decimal
    period: BudgetPeriod
    level: int

    def has_alerted(self, sent: Iterable[AlertKey]) -> bool:
        """Say if there is an alert of this threshold, in a period that overlaps.

        After a raise that is one at its new level, unless another threshold of its kind has alerted
        at that level or above.
        """
        levels = {
            key.percent: key.level
            for key in sorted(sent, key=lambda key: key.level)
            if (key.budget, key.generation, key.value, key.kind) == self[:4]
            and key.period.start < self.period.end
            and self.period.start < key.period.end
        }
        return self.percent in levels and max(levels.values()) >= self.level


class CrossedThresholds:
    """Reads tables without any fault, and so that no other invocation runs meanwhile."""

    def __init__(self, account: Account) -> None:
        calm = SimulatedDynamoDb(World(account.world.seed, frozenset()), account.tables)
        self._book = DynamoDbBudgetStore(calm, GOVERNANCE)  # type: ignore[arg-type]
        self._sums = DynamoDbCounters(calm, COUNTERS, lambda _: None)  # type: ignore[arg-type]
        self._cells = account.tables[COUNTERS]
        self._calibration = DynamoDbCalibrationStore(calm, GOVERNANCE)  # type: ignore[arg-type]

    def list_now(self, now: datetime, *, has_forecasts: bool) -> set[Crossing]:
        """List the crossed thresholds of current periods.

        Args:
            now: The time.
            has_forecasts: True for those of forecasts as well.
        """
        state = self._sums.read_state()
        if state is None:
            return set()
        found = set[Crossing]()
        for stored in self._book.read():
            if stored.is_active:
                found.update(self._list_reached(stored, state, now))
                if has_forecasts:
                    found.update(self._list_forecast(stored, state, now))
        return found

    def _list_reached(
        self, stored: StoredBudget, state: CountingState, now: datetime
    ) -> Iterator[Crossing]:
        for value, used in self._read_usage(stored, state, now).items():
            for percent in stored.budget.thresholds.actual:
                if used >= stored.budget.amount.take_percentage(percent):
                    yield _cross(stored, value, ThresholdKind.ACTUAL, percent, now)

    def _list_forecast(
        self, stored: StoredBudget, state: CountingState, now: datetime
    ) -> Iterator[Crossing]:
        budget = stored.budget
        is_made = budget.thresholds.forecast and not isinstance(budget.periods, RollingHours)
        if not is_made or state.incomplete_since is not None:
            return
        usage = self._read_usage(stored, state, now)
        ratios = self._calibration.read() or read_shipped_ratios()
        end = budget.periods.period_at(now).end
        for value, hours in self._read_hours(stored, state, now).items():
            forecast = forecast_usage(HourlyUsage(hours), now, end, ratios)
            for percent in budget.thresholds.forecast:
                left = budget.amount.take_percentage(percent) - usage.get(value, 0)
                least = budget.thresholds.forecast_probability
                is_probable = forecast and forecast.probability_of_exceeding(left) >= least
                if left > 0 and is_probable:
                    yield _cross(stored, value, ThresholdKind.FORECAST, percent, now)

    def _read_usage(
        self, stored: StoredBudget, state: CountingState, now: datetime
    ) -> dict[str, int]:
        sums = read_sums(self._sums, state, stored, now)
        return {value: stored.budget.read_usage(totals) for value, totals in sums.items()}

    def _read_hours(
        self, stored: StoredBudget, state: CountingState, now: datetime
    ) -> dict[str, dict[datetime, int]]:
        """Read the usage of each hour of the last week, by value."""
        budget, first = stored.budget, CellSpan.HOUR.get_start(now) - _HISTORY
        found: defaultdict[str, defaultdict[datetime, int]] = defaultdict(lambda: defaultdict(int))
        for item in self._cells.items.values():
            if not read_key(item).startswith(f"{CELL_PREFIX}{state.generation}#"):
                continue
            key, totals = read_cell(item)
            is_hour = key.span is CellSpan.HOUR and first <= key.start <= now
            if is_hour and budget.scope.includes(key.labels):
                found[budget.read_value(key.labels)][key.start] += budget.read_usage(totals)
        return {value: dict(hours) for value, hours in found.items()}


def _cross(
    stored: StoredBudget, value: str, kind: ThresholdKind, percent: Decimal, now: datetime
) -> Crossing:
    budget = stored.budget
    period, level = budget.periods.period_at(now), budget.amount.take_percentage(percent)
    return Crossing(budget.name, stored.generation, value, kind, percent, period, level)
