"""Checks that notifications arrive: of an alarm, and of a change of the meter."""

from __future__ import annotations

import json
import re

from cdk.config import stack_names
from cdk.operations.send_test_notification import force_alarm
from cdk.operations.verification.check import CheckFailedError
from cdk.operations.verification.verified_meter import VerifiedMeter
from lambdas.domain.logging_configuration import NO_DRIFT

_WATCHER = "LoggingWatcher"
_OTHER_RETENTION_DAYS = {1: 3}
"""Another number of days, by the number; 1 for all others."""


def check_alarm(meter: VerifiedMeter) -> str:
    """Put an alarm into ALARM, and wait for its notification."""
    alarm = meter.deployment.output(stack_names.MONITORING, "TestAlarmName")
    queue = meter.notifications
    force_alarm(meter.session, alarm)

    def is_alarm(text: str) -> bool:
        if not text.startswith("{"):
            return False
        notification = json.loads(text)
        return (notification.get("AlarmName"), notification.get("NewStateValue")) == (
            alarm,
            "ALARM",
        )

    if queue.await_text(meter.waiting, is_alarm) is None:
        message = f"no notification of {alarm} arrived"
        raise CheckFailedError(message)
    return f"the notification of {alarm} arrived"


def check_tampering(meter: VerifiedMeter) -> str:
    """Change the retention of the log group, wait for the notice, and put it back."""
    logs, group = meter.session.client("logs"), meter.deployment.metered_log_group
    queue = meter.notifications
    days = meter.config.log_retention_days
    changed = _OTHER_RETENTION_DAYS.get(days, 1)
    logs.put_retention_policy(logGroupName=group, retentionInDays=changed)
    try:
        meter.start(_WATCHER)
    finally:
        logs.put_retention_policy(logGroupName=group, retentionInDays=days)
    found = re.compile(rf"log group {re.escape(group)} keeps logs .* instead of {days} days")
    if queue.await_text(meter.waiting, lambda text: bool(found.search(text))) is None:
        message = "LoggingWatcher did not report the changed retention of the log group"
        raise CheckFailedError(message)
    meter.start(_WATCHER)
    if queue.await_text(meter.waiting, lambda text: NO_DRIFT in text) is None:
        message = "LoggingWatcher did not report that the change was undone"
        raise CheckFailedError(message)
    return "LoggingWatcher reported a changed retention and its repair"
