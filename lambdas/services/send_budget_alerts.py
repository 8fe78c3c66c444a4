"""Sends the alerts of budgets that are due, and marks them sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain, groupby
from typing import Any

from lambdas.domain.alerts import Notice
from lambdas.domain.budgets import BudgetPeriod
from lambdas.domain.budgets.budget_alerts import (
    AlertDetail,
    AlertNotDeliveredError,
    AlertPublisher,
    AlertStore,
    BudgetAlert,
    DeliveryWay,
    join_details,
    write_alert_events,
    write_alert_notice,
    write_joint_notice,
)

RETRY_AFTER = timedelta(minutes=2)
"""The time after which an alert that was not delivered is sent again."""
MAX_SINGLE_VALUES = 5
"""The values of a default budget with a message of their own at most; more share one."""
MAX_VALUES = 100
"""The values of a message for many."""
MAX_MESSAGES = 20
"""The messages of a run. Runs follow after some seconds, so there are fewer than 10 a second.

SNS deactivates an e-mail subscription above that. Source:
https://repost.aws/knowledge-center/sns-email-subscription-disabled
"""


@dataclass(frozen=True, slots=True)
class SendReport:
    """The result of a run.

    Attributes:
        sent: The number of messages.
        failures: Why messages were not delivered; their alerts stay due.
        errors: Errors that nothing explains, each of one message.
    """

    sent: int
    failures: tuple[str, ...] = ()
    errors: tuple[Exception, ...] = ()


@dataclass(slots=True)
class _Run:
    """The results of a run so far.

    Attributes:
        failures: Why messages were not delivered.
        errors: Errors that nothing explains.
        attempted: The number of messages that were tried.
        sent: The number of messages that were delivered.
    """

    failures: list[str]
    errors: list[Exception] = field(default_factory=list)
    attempted: int = 0
    sent: int = 0

    @contextmanager
    def isolate(self) -> Iterator[None]:
        """Let an error stop its own part alone."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  # the caller reports each
            self.errors.append(error)

    def end(self) -> SendReport:
        return SendReport(self.sent, tuple(self.failures), tuple(self.errors))


@dataclass(frozen=True, slots=True)
class BudgetAlertSender:
    """Sends alerts that are due. Each is stored before, so a run that stops loses none.

    A run claims alerts first, so that runs at the same time do not send them twice.

    Attributes:
        alerts: The stored alerts.
        publisher: Delivers messages.
        dashboard_url: The address of the dashboard with budgets.
    """

    alerts: AlertStore
    publisher: AlertPublisher
    dashboard_url: str

    def send(self, now: datetime, has_time: Callable[[], bool] = lambda: True) -> SendReport:
        """Send one message for the alerts of the same budget, value and period.

        Where many values of a default budget alert, one message is for up to `MAX_VALUES` of them.
        A message that is not delivered does not stop the others. Its alerts are sent again after
        some minutes under the same ids. Neither does one that fails otherwise, nor an alert that
        cannot be read.

        Args:
            now: The time.
            has_time: Asked before each message. What there is no time for stays due, and so does
                what is over `MAX_MESSAGES`.
        """
        run = _Run([f"alert {name} cannot be read" for name in self.alerts.list_unreadable()])
        for alerts in _group(self.alerts.list_due()):
            if run.attempted == MAX_MESSAGES or not has_time():
                break
            with run.isolate():
                self._send_together(run, alerts, now)
        return run.end()

    def _send_together(self, run: _Run, alerts: Sequence[BudgetAlert], now: datetime) -> None:
        """Send one message, without the values whose alerts are damaged."""
        due, details = list[BudgetAlert](), list[AlertDetail]()
        for _, of_value in groupby(alerts, key=lambda alert: alert.key.value):
            with run.isolate():
                claimed = [alert for alert in of_value if self.alerts.claim(alert.key, now)]
                if claimed:
                    detail = join_details([alert.detail for alert in claimed])
                    write_alert_notice(detail, self.dashboard_url)
                    details.append(detail)
                    due += claimed
        if not due:
            return
        run.attempted += 1
        try:
            self.publisher.publish(self._write_notice(details), details, due[0].delivered)
        except AlertNotDeliveredError as error:
            run.failures.append(str(error))
            for alert in due:
                self.alerts.postpone(alert.key, now + RETRY_AFTER, error.delivered)
            return
        run.sent += 1
        for alert in due:
            self.alerts.mark_sent(alert.key, now)

    def _write_notice(self, details: Sequence[AlertDetail]) -> Notice:
        notice = (
            write_alert_notice(details[0], self.dashboard_url)
            if len(details) == 1
            else write_joint_notice(details, self.dashboard_url)
        )
        return replace(notice, events=write_alert_events(details, self.dashboard_url))


def _group(due: Iterable[BudgetAlert]) -> Iterator[list[BudgetAlert]]:
    """Group alerts by the message that they are sent in, those of a value one after the other.

    Alerts that one way has taken are apart from those that none has.
    """
    for _, found in groupby(sorted(due, key=_sort_key), key=_get_shared):
        values = [list(alerts) for _, alerts in groupby(found, key=lambda alert: alert.key.value)]
        size = 1 if len(values) <= MAX_SINGLE_VALUES else MAX_VALUES
        for start in range(0, len(values), size):
            yield [*chain(*values[start : start + size])]


def _get_shared(alert: BudgetAlert) -> tuple[str, int, BudgetPeriod, list[DeliveryWay]]:
    key = alert.key
    return key.budget, key.generation, key.period, sorted(alert.delivered)


def _sort_key(alert: BudgetAlert) -> tuple[Any, ...]:
    key = alert.key
    return *_get_shared(alert), key.value, key.kind, key.percent, key.level
