"""Days, weeks, months and multiples of them, by the calendar of a time zone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from lambdas.domain.periods.local_time import choose_cell_minutes, find_first_moment, show_clock
from lambdas.domain.periods.period import BudgetPeriod, PeriodLength

_MONTHS = 12
_MAX_MEMOIZED = 4096
MONDAY = date(2024, 1, 1)
"""The anchor of weeks that begin on Monday; other anchors are the days after it."""
FIRST_OF_MONTH = date(2024, 1, 1)
"""The anchor of calendar months."""


class _CalendarPeriods(ABC):
    """Periods that begin when the clocks of a zone show midnight, or skip it, on some days.

    A change of clocks makes a day of 23, 24 or 25 hours, and no gap: each period lasts until the
    next one begins. Where a zone skips a whole day, as Samoa once did, that day has no period.
    """

    __slots__ = ()

    time_zone: str

    @property
    def cell_minutes(self) -> int:
        """The length of the cells from which sums over periods are exact: 60 or 15."""
        return choose_cell_minutes(ZoneInfo(self.time_zone))

    def slot_at(self, moment: datetime) -> BudgetPeriod:
        """The period that a moment is in."""
        zone = ZoneInfo(self.time_zone)
        number = self._find_number(show_clock(moment, zone).date())
        # When clocks go back over midnight, the date goes back, and not the period.
        while moment >= self._begin(number + 1):
            number += 1
        first_day = self._first_day(number).isoformat()
        return BudgetPeriod(first_day, self._begin(number), self._begin(number + 1))

    def period_at(self, moment: datetime) -> BudgetPeriod:
        """The period that a moment is in."""
        return self.slot_at(moment)

    def list_slots(self, period: BudgetPeriod) -> tuple[BudgetPeriod, ...]:
        """The period alone."""
        return (period,)

    def _begin(self, number: int) -> datetime:
        return _find_midnight(self._first_day(number), self.time_zone)

    @abstractmethod
    def _find_number(self, day: date) -> int:
        """The number of the period with a day; that with the anchor has number 0."""

    @abstractmethod
    def _first_day(self, number: int) -> date:
        """The first day of the period with a number."""


@dataclass(frozen=True, slots=True)
class DayPeriods(_CalendarPeriods):
    """Periods of some days.

    Attributes:
        time_zone: The IANA name of the zone.
        days: The days of a period.
        anchor: The first day of a period.
    """

    time_zone: str
    days: int = 1
    anchor: date = MONDAY

    @property
    def length(self) -> PeriodLength:
        """The length of a period, in days."""
        return PeriodLength("day", self.days)

    def _find_number(self, day: date) -> int:
        return (day - self.anchor).days // self.days

    def _first_day(self, number: int) -> date:
        return self.anchor + timedelta(days=number * self.days)


@dataclass(frozen=True, slots=True)
class MonthPeriods(_CalendarPeriods):
    """Periods of some months.

    They begin on the anchor's day of the month, or on the last day of a shorter month.

    Attributes:
        time_zone: The IANA name of the zone.
        months: The months of a period.
        anchor: The first day of a period.
    """

    time_zone: str
    months: int = 1
    anchor: date = FIRST_OF_MONTH

    @property
    def length(self) -> PeriodLength:
        """The length of a period, in months."""
        return PeriodLength("month", self.months)

    def _find_number(self, day: date) -> int:
        months = (day.year - self.anchor.year) * _MONTHS + day.month - self.anchor.month
        number = months // self.months
        return number if day >= self._first_day(number) else number - 1

    def _first_day(self, number: int) -> date:
        months = self.anchor.year * _MONTHS + self.anchor.month - 1 + number * self.months
        year, month = months // _MONTHS, months % _MONTHS + 1
        return date(year, month, min(self.anchor.day, monthrange(year, month)[1]))


@lru_cache(_MAX_MEMOIZED)
def _find_midnight(day: date, time_zone: str) -> datetime:
    return find_first_moment(datetime.combine(day, time()), ZoneInfo(time_zone))
