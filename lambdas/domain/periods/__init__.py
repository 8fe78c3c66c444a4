"""Periods that follow one another: hours, days, weeks and months by the clocks of a time zone."""

from lambdas.domain.periods.calendar_periods import (
    FIRST_OF_MONTH,
    MONDAY,
    DayPeriods,
    MonthPeriods,
)
from lambdas.domain.periods.hour_periods import HourPeriods, RollingHours
from lambdas.domain.periods.period import BudgetPeriod, PeriodRule

__all__ = [
    "FIRST_OF_MONTH",
    "MONDAY",
    "BudgetPeriod",
    "DayPeriods",
    "HourPeriods",
    "MonthPeriods",
    "PeriodRule",
    "RollingHours",
]
