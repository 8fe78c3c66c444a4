"""Moments at which clocks of a time zone show a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
_WEEK = timedelta(weeks=1)
_QUARTER_MINUTES, _HOUR_MINUTES = 15, 60
# Bedrock is younger, and the rules of zones are known for some years only.
_FIRST_SAMPLE = datetime(2023, 1, 1, tzinfo=UTC)
_SAMPLED_WEEKS = 15 * 53


def show_clock(moment: datetime, zone: ZoneInfo) -> datetime:
    """The time that a clock shows at a moment, without a zone."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def find_first_moment(shown: datetime, zone: ZoneInfo) -> datetime:
    """Find the first moment, UTC, at which a clock shows a time or a later one.

    If clocks skip the time, it is the moment of the change; if they show it twice, the first one.

    Args:
        shown: The time, without a zone.
        zone: The zone.
    """
    moment = shown.replace(tzinfo=zone).astimezone(UTC)
    if show_clock(moment, zone) == shown:
        return moment
    before = shown.replace(tzinfo=zone, fold=1).astimezone(UTC)  # by the offset after the change
    return find_change(before, moment, lambda time: show_clock(time, zone) >= shown)


def find_change(
    before: datetime, after: datetime, is_after: Callable[[datetime], bool]
) -> datetime:
    """Find the first whole second, in steps from `before`, at which a condition holds.

    Args:
        before: A moment at which it does not hold.
        after: A later one at which it does.
        is_after: The condition, which does not cease to hold in between.
    """
    low, high = 0, (after - before) // _SECOND
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_after(before + middle * _SECOND) else (middle, high)
    return before + high * _SECOND


def read_hour_offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    """The time past a full hour of UTC at which clocks of a zone show a full hour.

    >>> read_hour_offset(datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo("Asia/Kathmandu"))
    datetime.timedelta(seconds=900)
    """
    offset = moment.astimezone(zone).utcoffset() or timedelta(0)
    return -offset % _HOUR


@lru_cache
def choose_cell_minutes(zone: ZoneInfo) -> int:
    """Choose the length of cells with which sums over a zone's hours and days are exact.

    Returns:
        60, or 15 if the clocks of the zone differ from UTC by a part of an hour, at least in a part
        of a year from 2023 to 2037.
    """
    samples = (_FIRST_SAMPLE + number * _WEEK for number in range(_SAMPLED_WEEKS))
    has_whole_hours = all(not read_hour_offset(moment, zone) for moment in samples)
    return _HOUR_MINUTES if has_whole_hours else _QUARTER_MINUTES
