"""Moments as microseconds since 1970, UTC: whole numbers, as they are stored and compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND = 10**6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_moment(time: datetime) -> int:
    """Convert a time.

    >>> to_moment(datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
    60000000
    """
    return (time - _EPOCH) // _MICROSECOND


def to_time(moment: int) -> datetime:
    """Convert a moment back.

    >>> to_time(60_000_000)
    datetime.datetime(1970, 1, 1, 0, 1, tzinfo=datetime.timezone.utc)
    """
    return _EPOCH + moment * _MICROSECOND
