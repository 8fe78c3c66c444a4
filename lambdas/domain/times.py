"""Times as the texts of documents, messages and policies."""

from __future__ import annotations

from datetime import UTC, datetime


def write_time(moment: datetime) -> str:
    """Write a time exactly, in UTC, as `read_time` reads it.

    >>> write_time(datetime(2026, 1, 31, 12, tzinfo=UTC))
    '2026-01-31T12:00:00+00:00'
    """
    return moment.astimezone(UTC).isoformat()


def read_time(text: str) -> datetime:
    """Read a time in ISO 8601, which names its offset from UTC.

    Raises:
        ValueError: The text is no time, names no offset, or has no time in UTC, whose years are 1
            to 9999.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        message = f"a time without an offset from UTC: {text}"
        raise ValueError(message)
    try:
        moment.astimezone(UTC)
    except OverflowError as error:
        message = f"a time that UTC does not have: {text}"
        raise ValueError(message) from error
    return moment


def write_seconds(moment: datetime) -> str:
    """Write a time in UTC as IAM, FOCUS and JSON Schema know it, without parts of a second.

    >>> write_seconds(datetime(2026, 1, 31, 12, tzinfo=UTC))
    '2026-01-31T12:00:00Z'
    """
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def write_sortable_seconds(moment: datetime) -> str:
    """Write a time in UTC to the second, so that texts are in order of time.

    >>> write_sortable_seconds(datetime(2026, 1, 31, 12, tzinfo=UTC))
    '2026-01-31T12:00:00+00:00'
    """
    return moment.astimezone(UTC).isoformat(timespec="seconds")
