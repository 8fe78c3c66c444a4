"""The hour that an audit looks at: long enough for a ratio, old enough for late deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

STEP = timedelta(minutes=5)
"""The time between audits; windows begin and end at multiples of it."""

_LENGTH = timedelta(hours=1)
_DELAY = timedelta(minutes=15)
SETTLING = timedelta(hours=1)
"""The time after its end when an hour has settled: both sides have all calls they will have."""


@dataclass(frozen=True, slots=True)
class AuditWindow:
    """An hour whose calls should all be counted.

    Attributes:
        start: Its start, in UTC.
        end: Its end, not included.
    """

    start: datetime
    end: datetime

    @classmethod
    def at(cls, moment: datetime) -> Self:
        """The hour that had ended a quarter of an hour before a moment, or up to a step earlier."""
        latest = (moment - _DELAY).timestamp()
        end = datetime.fromtimestamp(latest // STEP.total_seconds() * STEP.total_seconds(), UTC)
        return cls(end - _LENGTH, end)

    @classmethod
    def settled_at(cls, moment: datetime) -> tuple[Self, Self]:
        """The last two hours of the clock that have settled at a moment, the earlier first."""
        end = (moment.astimezone(UTC) - SETTLING).replace(minute=0, second=0, microsecond=0)
        middle = end - _LENGTH
        return cls(middle - _LENGTH, middle), cls(middle, end)

    @property
    def middle(self) -> datetime:
        """The time half way between both."""
        return self.start + (self.end - self.start) / 2

    @property
    def is_hour_of_the_clock(self) -> bool:
        """True for a window from one full hour to the next: one audit of each hour has it."""
        return self.end.minute == 0
