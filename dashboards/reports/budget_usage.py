"""The usage of budgets in log files, by the minute."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from dashboards.reports.past_errors import PastErrors
from dashboards.reports.usage_changes import list_usage_changes
from lambdas.domain.attribution import AttributionRules
from lambdas.domain.brake import MinuteUsage
from lambdas.domain.budgets import (
    Budget,
    BudgetBook,
    BudgetPeriod,
    BudgetState,
    BudgetUnit,
    StoredBudget,
)
from lambdas.domain.calls import CallEnricher
from lambdas.domain.counters import CellSpan, UsageChange, UsageLabels
from lambdas.domain.forecasting import (
    ErrorRatios,
    UsageHistories,
    calibrate_on_own,
    read_shipped_ratios,
)
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.pricing import Pricing

_GENERATION = 1
_MAX_SOURCES = 20
"""Fewer than a deployment reads, so that their errors are measured in a few seconds."""


@dataclass(slots=True)
class UnpricedUsage:
    """Usage of successful calls without a price, which a budget of US dollars counts at a ceiling.

    Attributes:
        calls: The number of calls.
        picodollars_by_minute: The cost at the budget's prices for such calls.
    """

    calls: int = 0
    picodollars_by_minute: Counter[datetime] = field(default_factory=Counter)

    @property
    def picodollars(self) -> int:
        """The cost of all minutes."""
        return self.picodollars_by_minute.total()

    def add(self, minute: datetime, calls: int, picodollars: int) -> None:
        """Add usage; less than 0 takes usage away."""
        self.calls += calls
        self.picodollars_by_minute[minute] += picodollars

    def sum_in(self, period: BudgetPeriod) -> int:
        """The cost in a period, in pico-dollars."""
        by_minute = self.picodollars_by_minute.items()
        return sum(used for minute, used in by_minute if period.includes(minute))


class BudgetUsage:
    """Adds up what calls take of budgets, as the counters of a deployment do.

    Attributes:
        last_minute: The minute of the last call; `None` without calls.
    """

    def __init__(
        self, budgets: Sequence[Budget], pricing: Pricing, rules: AttributionRules, now: datetime
    ) -> None:
        """Begin without calls, and leave out those with an impossible time."""
        self._now = now
        self.last_minute: datetime | None = None
        self._histories = UsageHistories(budgets, _MAX_SOURCES)
        self._enricher = CallEnricher(pricing, rules)
        stored = (StoredBudget(budget, _GENERATION, BudgetState.ACTIVE) for budget in budgets)
        self._book = BudgetBook(_GENERATION, {entry.budget.name: entry for entry in stored})
        self._budgets = budgets
        self._used: defaultdict[tuple[str, str], defaultdict[datetime, int]] = defaultdict(
            lambda: defaultdict(int)
        )
        self._unpriced: defaultdict[tuple[str, str], UnpricedUsage] = defaultdict(UnpricedUsage)
        self._calls: defaultdict[tuple[str, str], Counter[datetime]] = defaultdict(Counter)
        self._covering: dict[UsageLabels, list[tuple[Budget, str]]] = {}

    def apply(self, changes: Sequence[LedgerChange]) -> None:
        """Take in calls that are new or were read otherwise."""
        for difference in list_usage_changes(changes, self._enricher, self._now):
            self.last_minute = max(difference.minute, self.last_minute or difference.minute)
            self._add(difference)
            self._histories.add(difference)

    @cached_property
    def errors(self) -> ErrorRatios:
        """The errors of forecasts: those on the whole hours of these calls, and the shipped ones.

        Read it after the last call.
        """
        shipped = read_shipped_ratios()
        if self.last_minute is None:
            return shipped
        until = CellSpan.HOUR.get_start(self.last_minute)
        histories = self._histories.list_histories()
        return calibrate_on_own(histories, until, self.last_minute, shipped)

    @cached_property
    def past_errors(self) -> PastErrors:
        """The errors of forecasts that were known at each time of the logs.

        Read it after the last call.
        """
        histories = self._histories.list_histories()
        last = self.last_minute or self._now
        return PastErrors(histories, CellSpan.HOUR.get_start(last))

    def by_value(self, budget: Budget) -> Mapping[str, Mapping[datetime, int]]:
        """The usage of a budget by minute, for each value of a default budget that it holds for."""
        return {
            value: used
            for (name, value), used in self._used.items()
            if name == budget.name and not self._book.is_replaced(budget, value)
        }

    def minutes_by_value(self, budget: Budget) -> Mapping[str, Mapping[datetime, MinuteUsage]]:
        """The usage and calls of a budget by minute, likewise."""
        return {
            value: {
                minute: MinuteUsage(amount, self._calls[budget.name, value][minute])
                for minute, amount in used.items()
            }
            for value, used in self.by_value(budget).items()
        }

    def unpriced_by_value(self, budget: Budget) -> Mapping[str, UnpricedUsage]:
        """The part of that usage without a price; empty unless the budget is of US dollars."""
        return {
            value: unpriced
            for (name, value), unpriced in self._unpriced.items()
            if name == budget.name and not self._book.is_replaced(budget, value)
        }

    def _add(self, change: UsageChange) -> None:
        for budget, value in self._find_covering(change.labels):
            used = budget.read_usage(change.totals)
            if used:
                self._used[budget.name, value][change.minute] += used
                self._calls[budget.name, value][change.minute] += change.totals.calls
            if budget.amount.unit is BudgetUnit.USD:
                calls = change.totals.unpriced_calls
                picodollars = budget.unpriced_ceiling.cost_picodollars(change.totals)
                if calls or picodollars:
                    self._unpriced[budget.name, value].add(change.minute, calls, picodollars)

    def _find_covering(self, labels: UsageLabels) -> list[tuple[Budget, str]]:
        if labels not in self._covering:
            self._covering[labels] = [
                (budget, budget.read_value(labels))
                for budget in self._budgets
                if budget.scope.includes(labels)
            ]
        return self._covering[labels]
