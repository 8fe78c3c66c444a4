"""The meter's alarms: their names, and changes of their state as events."""

from lambdas.domain.alarms.alarm_change import (
    ALARM_CHANGE,
    ALARM_SOURCE,
    CONTRIBUTOR_CHANGE,
    AlarmChange,
    AlarmState,
    InvalidAlarmError,
    read_alarm_change,
)
from lambdas.domain.alarms.alarm_events import is_about_webhooks, write_alarm_event

__all__ = [
    "ALARM_CHANGE",
    "ALARM_SOURCE",
    "CONTRIBUTOR_CHANGE",
    "AlarmChange",
    "AlarmState",
    "InvalidAlarmError",
    "is_about_webhooks",
    "read_alarm_change",
    "write_alarm_event",
]
