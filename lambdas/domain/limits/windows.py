"""Windows of limits, each cut into numbered slots of time.

A slot is live for a time after it began; a window's usage is the sum of its live slots.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from lambdas.domain.limits.moments import SECOND, to_moment, to_time
from lambdas.domain.periods import BudgetPeriod, DayPeriods, HourPeriods, MonthPeriods, PeriodRule

RING_SLOTS = 12
"""The slots that a rolling window is as long as. One more is live: the one that has just begun."""
MAX_ROLLING_SECONDS = 3600
_DAYS_OF_WEEK = 7
_MINUTE_SECONDS = 60
_MAX_MEMOIZED = 1024
_FIXED_MARK, _ZONE_MARK = "f", "@"


class Window(Protocol):
    """A window, and its slots."""

    @property
    def code(self) -> str:
        """A text that no other window has, from which `read_window` makes it again."""

    @property
    def live_slots(self) -> int:
        """The number of slots that are live at a time."""

    @property
    def keeps_debt(self) -> bool:
        """True if usage above a reservation still counts when its slot has left."""

    def number_at(self, moment: int) -> int:
        """The number of the slot that a moment is in; numbers rise with time."""

    def begins_at(self, number: int) -> int:
        """The moment at which a slot begins."""

    def leaves_at(self, number: int) -> int:
        """The moment from which a slot is no longer live."""


@dataclass(frozen=True, slots=True)
class RollingWindow:
    """The last seconds before any moment, as a ring of slots.

    Attributes:
        seconds: The length, at most an hour.
    """

    seconds: int

    def __post_init__(self) -> None:
        """Refuse a length that a ring cannot have.

        Raises:
            ValueError: The length is below a second or above an hour.
        """
        if not 1 <= self.seconds <= MAX_ROLLING_SECONDS:
            message = f"seconds: {self.seconds} is not between 1 and {MAX_ROLLING_SECONDS}"
            raise ValueError(message)

    @property
    def code(self) -> str:
        """The length."""
        return str(self.seconds)

    @property
    def live_slots(self) -> int:
        """The slots of the window, and the one that has just begun."""
        return RING_SLOTS + 1

    @property
    def keeps_debt(self) -> bool:
        """True: a call may last longer than the window."""
        return True

    @property
    def slot_length(self) -> int:
        """The length of a slot, rounded up: all slots are at least as long as the window."""
        return -(-self.seconds * SECOND // RING_SLOTS)

    def number_at(self, moment: int) -> int:
        """The number of slots that have ended since 1970."""
        return moment // self.slot_length

    def begins_at(self, number: int) -> int:
        """The moment at which a slot begins."""
        return number * self.slot_length

    def leaves_at(self, number: int) -> int:
        """The moment at which the last of the following slots that it is live with ends."""
        return (number + self.live_slots) * self.slot_length


class _PeriodWindow:
    """A window that is a period: its only slot."""

    __slots__ = ()

    @property
    def live_slots(self) -> int:
        """The period alone."""
        return 1

    @property
    def keeps_debt(self) -> bool:
        """False: the usage of a period that has ended is the usage of that period."""
        return False


@dataclass(frozen=True, slots=True)
class FixedWindow(_PeriodWindow):
    """Periods of some seconds, one after another, such as minutes.

    Attributes:
        seconds: The length.
    """

    seconds: int

    @property
    def code(self) -> str:
        """The length, marked."""
        return f"{self.seconds}{_FIXED_MARK}"

    def number_at(self, moment: int) -> int:
        """The number of periods that have ended since 1970."""
        return moment // (self.seconds * SECOND)

    def begins_at(self, number: int) -> int:
        """The moment at which a period begins."""
        return number * self.seconds * SECOND

    def leaves_at(self, number: int) -> int:
        """The moment at which a period ends."""
        return self.begins_at(number + 1)


class CalendarUnit(StrEnum):
    """Periods of the calendar."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class CalendarWindow(_PeriodWindow):
    """Hours, days, weeks from Monday or months, by the clocks of a zone.

    Attributes:
        every: The period.
        time_zone: The IANA name of the zone.
    """

    every: CalendarUnit
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse an unknown zone, and minutes, which every zone has in common.

        Raises:
            ValueError: The zone is not known, or the period is a minute.
            zoneinfo.ZoneInfoNotFoundError: The zone is not known.
        """
        ZoneInfo(self.time_zone)
        _make_rule(self)

    @property
    def periods(self) -> PeriodRule:
        """The rule of the periods."""
        return _make_rule(self)

    @property
    def code(self) -> str:
        """The period and the zone."""
        return f"{self.every}{_ZONE_MARK}{self.time_zone}"

    def number_at(self, moment: int) -> int:
        """The start of the period, which serves as its number."""
        return to_moment(_find_period(self, moment // SECOND).start)

    def begins_at(self, number: int) -> int:
        """The start of the period."""
        return number

    def leaves_at(self, number: int) -> int:
        """The end of the period."""
        return to_moment(_find_period(self, number // SECOND).end)


AnyWindow = RollingWindow | FixedWindow | CalendarWindow


def make_calendar_window(every: CalendarUnit, time_zone: str = "UTC") -> AnyWindow:
    """Make the window of a period of the calendar."""
    if every is CalendarUnit.MINUTE:
        return FixedWindow(_MINUTE_SECONDS)
    return CalendarWindow(every, time_zone)


def read_window(code: str) -> AnyWindow:
    """Read a window from its code.

    >>> read_window("60"), read_window("5f"), read_window("month@UTC").code
    (RollingWindow(seconds=60), FixedWindow(seconds=5), 'month@UTC')
    """
    every, mark, time_zone = code.partition(_ZONE_MARK)
    if mark:
        return CalendarWindow(CalendarUnit(every), time_zone)
    if code.endswith(_FIXED_MARK):
        return FixedWindow(int(code.removesuffix(_FIXED_MARK)))
    return RollingWindow(int(code))


@lru_cache(_MAX_MEMOIZED)
def _make_rule(window: CalendarWindow) -> PeriodRule:
    match window.every:
        case CalendarUnit.HOUR:
            return HourPeriods(window.time_zone)
        case CalendarUnit.DAY:
            return DayPeriods(window.time_zone)
        case CalendarUnit.WEEK:
            return DayPeriods(window.time_zone, _DAYS_OF_WEEK)
        case CalendarUnit.MONTH:
            return MonthPeriods(window.time_zone)
    message = f"every: a {window.every} is no period of a zone"
    raise ValueError(message)


@lru_cache(_MAX_MEMOIZED)
def _find_period(window: CalendarWindow, second: int) -> BudgetPeriod:
    return _make_rule(window).period_at(to_time(second * SECOND))
