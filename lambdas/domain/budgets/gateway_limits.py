"""Budgets as limits of the gateway, which refuses calls that could exceed them before they run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lambdas.domain.budgets.amount import BudgetUnit
from lambdas.domain.budgets.budget import NO_VALUE, Budget
from lambdas.domain.budgets.stored_budgets import BudgetBook, StoredBudget
from lambdas.domain.counters import UsageLabels
from lambdas.domain.limits import (
    AnyWindow,
    CalendarUnit,
    CalendarWindow,
    Limit,
    LimitMode,
    LimitSubject,
    LimitUnit,
)
from lambdas.domain.periods import DayPeriods, HourPeriods, MonthPeriods, PeriodRule
from lambdas.domain.scope_field import ScopeField

_UNITS: Mapping[BudgetUnit, LimitUnit] = {
    BudgetUnit.USD: LimitUnit.USD,
    BudgetUnit.TOTAL_TOKENS: LimitUnit.TOTAL,
    BudgetUnit.QUOTA_TOKENS: LimitUnit.QUOTA_TOKENS,
}
_MAX_MEMOIZED = 10_000
LATE_LABELS = frozenset({ScopeField.DEPARTMENT, ScopeField.USE_CASE})
"""The labels of a call that the gateway never knows before it is made."""
_PERIODS = (CalendarUnit.HOUR, CalendarUnit.DAY, CalendarUnit.WEEK, CalendarUnit.MONTH)


def find_gateway_subject(stored: StoredBudget, value: str = NO_VALUE) -> LimitSubject | None:
    """Find the subject of a budget at the gateway, of a default budget that of one value.

    Returns:
        The subject, which is another one once the budget counts something else; `None` if the
        gateway does not limit by the budget.
    """
    limit = _make_limit(stored.budget)
    if limit is None or not stored.is_active:
        return None
    parts = ["budget", stored.budget.name, str(stored.generation), value]
    return LimitSubject("#".join(parts).removesuffix("#"), (limit,))


class CoveringBudget(NamedTuple):
    """A budget that covers a call.

    Attributes:
        name: Its name.
        value: The value that it counts for; `NO_VALUE` for one sum, and `None` for a default budget
            of a label that is not known before the call.
        subject: Its subject at the gateway; `None` if its value is not known.
    """

    name: str
    value: str | None
    subject: LimitSubject | None


@dataclass(frozen=True, slots=True)
class GatewayBudgets:
    """The budgets that the gateway limits by.

    Attributes:
        book: All budgets.
    """

    book: BudgetBook
    _limiting: tuple[StoredBudget, ...] = field(init=False, compare=False, repr=False)
    _found: dict[tuple[UsageLabels, frozenset[ScopeField]], tuple[CoveringBudget, ...]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        """Choose the budgets that the gateway limits by."""
        limiting = tuple(stored for stored in self.book if find_gateway_subject(stored) is not None)
        object.__setattr__(self, "_limiting", limiting)

    def list_covering(
        self, labels: UsageLabels, unknown: Collection[ScopeField] = ()
    ) -> Sequence[CoveringBudget]:
        """List the budgets that cover a call, or may cover it, the same again from memory.

        A default budget in shadow mode is left out where its value is not known.

        Args:
            labels: The labels of the call.
            unknown: The labels that are not known before it. They meet every condition.
        """
        key = (labels, frozenset(unknown))
        if key not in self._found:
            if len(self._found) >= _MAX_MEMOIZED:
                self._found.clear()
            self._found[key] = tuple(self._find(*key))
        return self._found[key]

    def _find(
        self, labels: UsageLabels, unknown: Collection[ScopeField]
    ) -> Iterator[CoveringBudget]:
        for stored in self._limiting:
            budget = stored.budget
            if not budget.scope.includes(labels, unknown):
                continue
            if budget.per is not None and budget.per.field in unknown:
                if budget.gateway is LimitMode.ENFORCE:
                    yield CoveringBudget(budget.name, None, None)
                continue
            value = budget.read_value(labels)
            if not self.book.is_replaced(budget, value):
                yield CoveringBudget(budget.name, value, find_gateway_subject(stored, value))


def _make_limit(budget: Budget) -> Limit | None:
    """Make the limit of a budget; `None` if the gateway does not limit by the budget."""
    window = find_gateway_window(budget.periods)
    if budget.gateway is None or window is None:
        return None
    return Limit(_UNITS[budget.amount.unit], budget.amount.limit, window, budget.gateway)


def find_gateway_window(periods: PeriodRule) -> AnyWindow | None:
    """Find the window of the gateway that has the periods of a budget.

    Returns:
        The window; `None` if the periods are none that a calendar has: an hour, a day, a week from
        Monday or a month.
    """
    if not isinstance(periods, HourPeriods | DayPeriods | MonthPeriods):
        return None
    windows = (CalendarWindow(every, periods.time_zone) for every in _PERIODS)
    return next((window for window in windows if window.periods == periods), None)
