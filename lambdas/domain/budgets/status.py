"""The state of a budget in its current period, from which alerts and lists are made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple, Protocol

from lambdas.domain.budgets.budget import NO_VALUE
from lambdas.domain.budgets.scope import read_label
from lambdas.domain.budgets.stored_budgets import StoredBudget
from lambdas.domain.counters import UsageChange, UsageTotals
from lambdas.domain.periods import BudgetPeriod
from lambdas.domain.scope_field import ScopeField

_DRIVERS = (ScopeField.MODEL, ScopeField.PROJECT, ScopeField.IDENTITY)


class UsageForecast(Protocol):
    """A forecast of what is still used in a period, in the unit of a budget."""

    @property
    def amount(self) -> int:
        """The median of the usage from now to the end of the period."""

    @property
    def calibrated_at(self) -> datetime | None:
        """The time of the calibration on own usage; `None` for the shipped errors."""

    def probability_of_exceeding(self, amount_left: int) -> float:
        """The probability that more than an amount is still used."""

    def get_interval(self, coverage: Literal[80], /) -> tuple[int, int]:
        """The range in which the usage will lie with this probability, in percent."""

    def exhausted_at(self, amount_left: int) -> datetime | None:
        """The expected time at which an amount is used up; `None` if not in the period."""


class UsageDriver(NamedTuple):
    """The value of a label with the most usage of a budget.

    Attributes:
        label: The label.
        name: The value.
        used: Its usage, in the unit of the budget.
    """

    label: ScopeField
    name: str
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStatus:
    """The usage of a budget in a period.

    Attributes:
        stored: The budget.
        value: The value that a default budget is for; else empty.
        period: The period.
        totals: The usage.
        drivers: The model, project and identity with the most usage; `None` if they are unknown.
        forecast: A forecast; `None` without one.
        incomplete_since: The time from which usage may be missing; `None` if all is counted.
    """

    stored: StoredBudget
    period: BudgetPeriod
    totals: UsageTotals
    value: str = NO_VALUE
    drivers: tuple[UsageDriver, ...] | None = None
    forecast: UsageForecast | None = None
    incomplete_since: datetime | None = None

    @property
    def used(self) -> int:
        """The usage in the unit of the budget."""
        return self.stored.budget.read_usage(self.totals)

    @property
    def percent_used(self) -> Decimal:
        """The used percentage of the amount, rounded down to 2 decimal places."""
        return self.stored.budget.amount.get_percentage(self.used)


def find_drivers(
    usage: Iterable[UsageChange], stored: StoredBudget, period: BudgetPeriod, value: str = NO_VALUE
) -> tuple[UsageDriver, ...]:
    """Find the model, the project and the identity with the most usage of a budget in a period.

    Args:
        usage: The usage as changes or cells; what the budget does not cover is left out.
        stored: The budget.
        period: The period.
        value: The value that a default budget is for.
    """
    sums = DriverSums(stored, period, [value])
    for change in usage:
        sums.add(change)
    return sums.find(value)


class DriverSums:
    """Sums of usage by label, of some values of a budget, in one pass over its cells."""

    def __init__(self, stored: StoredBudget, period: BudgetPeriod, values: Iterable[str]) -> None:
        """Begin with no usage.

        Args:
            stored: The budget.
            period: The period.
            values: The values of a default budget; else `NO_VALUE`.
        """
        self._budget, self._period = stored.budget, period
        self._used: dict[str, dict[ScopeField, defaultdict[str, int]]] = {
            value: {label: defaultdict(int) for label in _DRIVERS} for value in values
        }

    def add(self, change: UsageChange) -> None:
        """Add usage; what the budget does not cover is left out."""
        labels, minute, totals = change
        budget = self._budget
        if not self._period.includes(minute) or not budget.scope.includes(labels):
            return
        for label, sums in self._used.get(budget.read_value(labels), {}).items():
            sums[read_label(label, labels)] += budget.read_usage(totals)

    def find(self, value: str) -> tuple[UsageDriver, ...]:
        """Find the labels with the most usage of a value."""
        return tuple(
            UsageDriver(label, name, sums[name])
            for label, sums in self._used[value].items()
            if sums and sums[name := max(sums, key=lambda name: (sums[name], name))] > 0
        )
