"""The hours that an hourly look at unmetered traffic covers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lambdas.domain.completeness import AuditWindow

_LENGTH = timedelta(hours=2)
# CloudWatch lists metrics of the last three hours: these have to be among them.
_DELAY = timedelta(minutes=15)


def traffic_window(moment: datetime) -> AuditWindow:
    """Get the two hours of the clock that had ended a quarter of an hour before a moment.

    Two of them, so that an hour is looked at again after a run that failed.
    """
    end = (moment.astimezone(UTC) - _DELAY).replace(minute=0, second=0, microsecond=0)
    return AuditWindow(end - _LENGTH, end)


def get_day(window: AuditWindow) -> str:
    """Get the day of a window, for keys of notices: the hours of a day share one."""
    return f"{window.start:%Y-%m-%d}"


def get_period(window: AuditWindow) -> str:
    """Write a window for the beginning of a sentence."""
    return f"Between {window.start:%Y-%m-%d %H:%M} and {window.end:%H:%M} UTC"
