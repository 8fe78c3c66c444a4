"""Budgets in words, for lists and messages."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from lambdas.domain.budgets.budget import Budget
from lambdas.domain.budgets.documents import DAYS_OF_WEEK, WEEKDAYS
from lambdas.domain.budgets.scope import BudgetScope
from lambdas.domain.periods import (
    FIRST_OF_MONTH,
    MONDAY,
    BudgetPeriod,
    DayPeriods,
    HourPeriods,
    MonthPeriods,
    PeriodRule,
    RollingHours,
)
from lambdas.domain.words import list_first, plural

_MAX_NAMES = 3
_UTC = "UTC"


def describe_scope(budget: Budget) -> str:
    """Describe the usage that a budget covers.

    Example: `project chat, model anthropic.*`; for a default budget `each identity of the account`.
    """
    covered = describe_usage(budget.scope)
    return covered if budget.per is None else f"each {budget.per.value} of {covered}"


def describe_usage(scope: BudgetScope) -> str:
    """Describe the usage in a scope, such as `project chat, region eu-*`, or `the account`."""
    parts = [
        f"{field.value.replace('_', ' ')} {list_first(names, _MAX_NAMES)}"
        for field, names in scope.conditions.items()
    ]
    return ", ".join(parts) or "the account"


def describe_periods(periods: PeriodRule) -> str:
    """Describe the rule of periods, such as `a month, Europe/Berlin`."""
    match periods:
        case RollingHours(hours):
            return f"the last {hours} hours"
        case HourPeriods(time_zone):
            return f"an hour, {time_zone}"
        case DayPeriods(time_zone, days, anchor):
            return f"{_describe_days(days, anchor)}, {time_zone}"
        case MonthPeriods(time_zone, months, anchor):
            return f"{_describe_months(months, anchor)}, {time_zone}"
    return str(periods)


def _describe_days(days: int, anchor: date) -> str:
    after_monday = (anchor - MONDAY).days
    if days == 1:
        return "a day"
    if days == DAYS_OF_WEEK and 0 <= after_monday < DAYS_OF_WEEK:
        return f"a week, starting on {WEEKDAYS[after_monday].capitalize()}"
    return f"{days:,} days, starting on {anchor}"


def _describe_months(months: int, anchor: date) -> str:
    if months == 1 and anchor == FIRST_OF_MONTH:
        return "a month"
    return f"{plural(months, 'month')}, starting on {anchor}"


def describe_period(periods: PeriodRule, period: BudgetPeriod) -> str:
    """Describe one period by its times in the time zone of its rule.

    Example: `2026-11-01 00:00 to 2026-12-01 00:00, Europe/Berlin`
    """
    start, end = (describe_time(periods, moment) for moment in (period.start, period.end))
    return f"{start} to {end}, {read_time_zone(periods)}"


def describe_time(periods: PeriodRule, moment: datetime) -> str:
    """Write a time as clocks show it in the time zone of a rule, without the zone's name.

    A time that clocks show twice has its difference from UTC: `2026-10-25 02:00+01:00`.
    """
    local = moment.astimezone(ZoneInfo(read_time_zone(periods)))
    first, second = (local.replace(fold=fold).utcoffset() for fold in (0, 1))
    if first != second:
        return local.isoformat(" ", "minutes")
    return f"{local:%Y-%m-%d %H:%M}"


def read_time_zone(periods: PeriodRule) -> str:
    """Read the IANA name of the time zone of a rule; windows that move are in UTC."""
    match periods:
        case HourPeriods(time_zone) | DayPeriods(time_zone) | MonthPeriods(time_zone):
            return time_zone
    return _UTC
