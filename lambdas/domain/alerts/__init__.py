"""Alerts: the thresholds of usage alarms, and notifications."""

from lambdas.domain.alerts.notice_events import NoticeKind, add_event, make_notice_event
from lambdas.domain.alerts.notifications import (
    EVENT_SOURCE,
    MAX_LINES,
    NOTICE_EVENT,
    Notice,
    Notifier,
    list_lines,
)
from lambdas.domain.alerts.thresholds import DEFAULT_THRESHOLDS, Severity, Threshold

__all__ = [
    "DEFAULT_THRESHOLDS",
    "EVENT_SOURCE",
    "MAX_LINES",
    "NOTICE_EVENT",
    "Notice",
    "NoticeKind",
    "Notifier",
    "Severity",
    "Threshold",
    "add_event",
    "list_lines",
    "make_notice_event",
]
