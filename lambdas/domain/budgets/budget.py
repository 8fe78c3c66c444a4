"""A budget: an amount for a scope and a period, with the thresholds at which people are alerted."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter

from lambdas.domain.budgets.amount import (
    DEFAULT_CEILING,
    BudgetAmount,
    UnpricedCeiling,
    read_usage,
)
from lambdas.domain.budgets.scope import BudgetScope, read_label
from lambdas.domain.counters import UsageLabels, UsageTotals
from lambdas.domain.limits import LimitMode
from lambdas.domain.periods import PeriodRule
from lambdas.domain.scope_field import ScopeField

NO_VALUE = ""
"""The value of a budget that is not for each value of a label."""
_get_measure = attrgetter("amount.unit", "periods.length")
_get_counting = attrgetter("scope", "per", "periods", "amount.unit", "unpriced_ceiling")


class BudgetSubject(StrEnum):
    """The label that a default budget is for each value of."""

    IDENTITY = "identity"
    PRINCIPAL = "principal"
    PROJECT = "project"

    @property
    def field(self) -> ScopeField:
        """The label."""
        return ScopeField(self.value)


class BrakeMode(StrEnum):
    """The effect on the callers of a budget whose amount is used up."""

    NOTIFY = "notify"
    """Nothing but alerts."""
    SHADOW = "shadow"
    """A report of what the brake would have done."""
    DENY = "deny"
    """Their calls of Bedrock are denied until the period ends."""


@dataclass(frozen=True, slots=True)
class BudgetThresholds:
    """The percentages of a budget at which people are alerted, each with at most 2 decimal places.

    Attributes:
        actual: Percentages that usage has reached.
        forecast: Percentages that usage will probably have reached at the end of the period.
        forecast_probability: The least probability of that, above 0 and at most 1.
    """

    actual: tuple[Decimal, ...] = (Decimal(50), Decimal(80), Decimal(100))
    forecast: tuple[Decimal, ...] = (Decimal(100),)
    forecast_probability: Decimal = Decimal("0.8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """An amount that a scope may use in each period.

    Attributes:
        name: The name, which no other budget has.
        managed_by: The name of what manages it, such as a team; nothing else changes it.
        scope: The usage that is summed.
        amount: The amount of a period.
        periods: The rule of its periods.
        thresholds: The thresholds of alerts.
        unpriced_ceiling: The prices of usage without a known price.
        per: The label each of whose values has the amount for itself; `None` for one sum.
        brake: What happens to its callers when the amount is used up.
        gateway: What the gateway does with calls that could exceed the amount; `None` if it does
            not limit by the budget.
    """

    name: str
    managed_by: str
    scope: BudgetScope
    amount: BudgetAmount
    periods: PeriodRule
    thresholds: BudgetThresholds = BudgetThresholds()
    unpriced_ceiling: UnpricedCeiling = DEFAULT_CEILING
    per: BudgetSubject | None = None
    brake: BrakeMode = BrakeMode.NOTIFY
    gateway: LimitMode | None = None

    def read_value(self, labels: UsageLabels) -> str:
        """Read the value that usage is summed for; `NO_VALUE` for one sum."""
        return NO_VALUE if self.per is None else read_label(self.per.field, labels)

    def read_usage(self, totals: UsageTotals) -> int:
        """Read from totals what they take of the amount, in its unit."""
        return read_usage(totals, self.amount.unit, self.unpriced_ceiling)

    def counts_like(self, other: Budget) -> bool:
        """Say if this budget counts the same usage as another: its sums and alerts go on then.

        Amounts, thresholds, managers, the brake and the gateway may differ, not the unit and the
        prices of usage without a price.
        """
        return bool(_get_counting(self) == _get_counting(other))

    def replaces(self, default: Budget, value: str) -> bool:
        """Say if this budget is set by name for a value of a default budget, and replaces that.

        Its scope names the value, and is otherwise that of the default budget. Its unit and the
        length of its periods are the same: a budget of a month limits no day. A narrower scope, or
        one that sums several values, replaces nothing. Managers may differ.
        """
        if default.per is None or self.per is not None:
            return False
        if _get_measure(self) != _get_measure(default):
            return False
        label = default.per.field
        others = {
            field: patterns for field, patterns in self.scope.conditions.items() if field != label
        }
        return self.scope.named_value(label) == value and others == default.scope.conditions
