"""Hours of a time zone, and windows that move by the hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from lambdas.domain.periods.local_time import choose_cell_minutes, find_change, read_hour_offset
from lambdas.domain.periods.period import BudgetPeriod, PeriodLength

_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)
_HOUR_MINUTES = 60


@dataclass(frozen=True, slots=True)
class HourPeriods:
    """Hours, as clocks of a zone show them.

    When clocks go back by an hour, both passes are periods. A change of clocks by a part of an
    hour, as on Lord Howe Island, ends one period early.

    Attributes:
        time_zone: The IANA name of the zone.
    """

    time_zone: str

    @property
    def length(self) -> PeriodLength:
        """The length of a period: an hour."""
        return PeriodLength("hour", 1)

    @property
    def cell_minutes(self) -> int:
        """The length of the cells from which sums over periods are exact: 60 or 15."""
        return choose_cell_minutes(ZoneInfo(self.time_zone))

    def slot_at(self, moment: datetime) -> BudgetPeriod:
        """The hour that a moment is in."""
        moment, zone = moment.astimezone(UTC), ZoneInfo(self.time_zone)
        offset = read_hour_offset(moment, zone)
        start = _floor_hour(moment - offset) + offset
        end = start + _HOUR
        if read_hour_offset(start, zone) != offset:
            start = find_change(start, moment, lambda time: read_hour_offset(time, zone) == offset)
        if read_hour_offset(end - _SECOND, zone) != offset:
            end = find_change(start, end, lambda time: read_hour_offset(time, zone) != offset)
        return BudgetPeriod(_write_id(start), start, end)

    def period_at(self, moment: datetime) -> BudgetPeriod:
        """The hour that a moment is in."""
        return self.slot_at(moment)

    def list_slots(self, period: BudgetPeriod) -> tuple[BudgetPeriod, ...]:
        """The period alone."""
        return (period,)


@dataclass(frozen=True, slots=True)
class RollingHours:
    """Windows of some hours, up to the end of the current hour of UTC.

    Attributes:
        hours: The hours of a window.
    """

    hours: int

    @property
    def length(self) -> PeriodLength:
        """The length of a window."""
        return PeriodLength("hour of a window", self.hours)

    @property
    def cell_minutes(self) -> int:
        """The length of cells: an hour."""
        return _HOUR_MINUTES

    def slot_at(self, moment: datetime) -> BudgetPeriod:
        """The hour that a moment is in."""
        start = _floor_hour(moment.astimezone(UTC))
        return BudgetPeriod(_write_id(start), start, start + _HOUR)

    def period_at(self, moment: datetime) -> BudgetPeriod:
        """The window whose last hour a moment is in; its id is that of this hour."""
        last = self.slot_at(moment)
        return BudgetPeriod(last.id, last.end - self.hours * _HOUR, last.end)

    def list_slots(self, period: BudgetPeriod) -> tuple[BudgetPeriod, ...]:
        """The hours of a window."""
        starts = (period.start + number * _HOUR for number in range(self.hours))
        return tuple(map(self.slot_at, starts))


def _floor_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _write_id(start: datetime) -> str:
    return f"{start:%Y-%m-%dT%H:%M}Z"
