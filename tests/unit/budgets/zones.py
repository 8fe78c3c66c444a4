"""Time zones and their changes of clocks, for tests of periods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

ZONES = tuple(sorted(available_timezones() - {"localtime", "posixrules"}))
_START, _END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
_STEP = timedelta(days=3)


@cache
def find_clock_changes(name: str) -> tuple[datetime, ...]:
    """Find the moments of two years at which the clocks of a zone change, to the second."""
    zone = ZoneInfo(name)
    changes = []
    moment = _START
    while moment < _END:
        later = moment + _STEP
        if _offset(moment, zone) != _offset(later, zone):
            changes.append(_bisect(moment, later, zone))
        moment = later
    return tuple(changes)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()


def _bisect(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    before = _offset(low, zone)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low).total_seconds() // 2)
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high
