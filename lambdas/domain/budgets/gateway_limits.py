"""Budgets as limits of the gateway: those that deny callers refuse calls there before they run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lambdas.domain.budgets.amount import BudgetUnit
from lambdas.domain.budgets.budget import NO_VALUE, BrakeMode, Budget
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

_UNITS: Mapping[BudgetUnit, LimitUnit] = {
    BudgetUnit.USD: LimitUnit.USD,
    BudgetUnit.TOTAL_TOKENS: LimitUnit.TOTAL,
    BudgetUnit.QUOTA_TOKENS: LimitUnit.QUOTA_TOKENS,
}
_MODES: Mapping[BrakeMode, LimitMode] = {
    BrakeMode.DENY: LimitMode.ENFORCE,
    BrakeMode.SHADOW: LimitMode.SHADOW,
}
_PERIODS = (CalendarUnit.HOUR, CalendarUnit.DAY, CalendarUnit.WEEK, CalendarUnit.MONTH)


def find_gateway_subject(stored: StoredBudget, value: str = NO_VALUE) -> LimitSubject | None:
    """Find the subject of a budget at the gateway, of a default budget that of one value.

    Returns:
        The subject, which is another one once the budget counts something else; `None` if the
        gateway does not enforce the budget.
    """
    limit = _make_limit(stored.budget)
    if limit is None or not stored.is_active:
        return None
    parts = ["budget", stored.budget.name, str(stored.generation), value]
    return LimitSubject("#".join(parts).removesuffix("#"), (limit,))


def list_gateway_subjects(book: BudgetBook, labels: UsageLabels) -> Iterator[LimitSubject]:
    """List the subjects of the budgets that cover a call.

    Args:
        book: All budgets.
        labels: The labels of the call.
    """
    for stored in book:
        budget = stored.budget
        if budget.scope.includes(labels):
            value = budget.read_value(labels)
            subject = (
                None if book.is_replaced(budget, value) else find_gateway_subject(stored, value)
            )
            if subject is not None:
                yield subject


def _make_limit(budget: Budget) -> Limit | None:
    """Make the limit of a budget; `None` if the gateway does not enforce the budget.

    It enforces budgets whose brake denies or reports, with a period that a calendar has: an hour, a
    day, a week from Monday or a month.
    """
    mode, window = _MODES.get(budget.brake), _find_window(budget.periods)
    if mode is None or window is None:
        return None
    return Limit(_UNITS[budget.amount.unit], budget.amount.limit, window, mode)


def _find_window(periods: PeriodRule) -> AnyWindow | None:
    if not isinstance(periods, HourPeriods | DayPeriods | MonthPeriods):
        return None
    windows = (CalendarWindow(every, periods.time_zone) for every in _PERIODS)
    return next((window for window in windows if window.periods == periods), None)
