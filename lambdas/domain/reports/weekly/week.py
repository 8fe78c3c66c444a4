"""The week that a summary reports on, and the days that it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

SETTLING = timedelta(hours=4)
"""The time after the end of a week in which its last calls reach the ledger."""
LOOK_BACK = timedelta(weeks=4)
"""The days before a week by which a summary judges what is usual and what is new."""

_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class ReportedWeek:
    """A week from Monday to Sunday, UTC.

    Attributes:
        first_day: The Monday.
    """

    first_day: date

    @classmethod
    def last_closed(cls, now: datetime) -> ReportedWeek:
        """Get the last week whose calls have settled at a time."""
        settled = (now.astimezone(UTC) - SETTLING).date()
        return cls(settled - timedelta(days=settled.weekday()) - _WEEK)

    @property
    def name(self) -> str:
        """The week as ISO 8601 names it, such as `2026-W48`."""
        return f"{self.first_day:%G-W%V}"

    @property
    def last_day(self) -> date:
        """The Sunday."""
        return self.first_day + _WEEK - _DAY

    @property
    def days(self) -> list[date]:
        """Its days, in order."""
        return [self.first_day + number * _DAY for number in range(7)]

    @property
    def before(self) -> ReportedWeek:
        """The week before."""
        return ReportedWeek(self.first_day - _WEEK)

    @property
    def month(self) -> date:
        """The first day of the month of its last day."""
        return self.last_day.replace(day=1)

    @property
    def last_month(self) -> tuple[date, date]:
        """The first and the last of the same days of the month before; of a shorter one, all."""
        end = self.month - _DAY
        return end.replace(day=1), end.replace(day=min(end.day, self.last_day.day))

    @property
    def look_back_from(self) -> date:
        """The first of the days before that show what is usual and what is new."""
        return self.first_day - LOOK_BACK

    @property
    def read_from(self) -> datetime:
        """The first moment of the days before, whose calls a summary reads as well."""
        return _midnight(min(self.look_back_from, self.last_month[0]))

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return _midnight(self.first_day)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return _midnight(self.first_day + _WEEK)

    def includes(self, day: date) -> bool:
        """Say if a day is one of its days."""
        return self.first_day <= day <= self.last_day


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
