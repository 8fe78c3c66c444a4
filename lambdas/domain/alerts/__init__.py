"""Alerts: the thresholds of usage alarms, and notifications."""

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
    "Notifier",
    "Severity",
    "Threshold",
    "list_lines",
]
