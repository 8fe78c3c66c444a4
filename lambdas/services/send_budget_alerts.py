"""Sends the alerts of budgets that are due, and marks them sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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
    write_alert_notice,
    write_joint_notice,
)

RETRY_AFTER = timedelta(minutes=2)
"""The time after which an alert that was not delivered is sent again."""
MAX_SINGLE_VALUES = 5
"""The values of a default budget with a message of their own. SNS deactivates subscriptions of
e-mail above 10 messages a second."""
MAX_VALUES = 100
"""The values of a message for many."""


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
        some minutes, perhaps with others, and under the same ids. Neither does one that fails
        otherwise, nor an alert that cannot be read.

        Args:
            now: The time.
            has_time: Asked before each message. What there is no time for stays due.
        """
        failures = [f"alert {name} cannot be read" for name in self.alerts.list_unreadable()]
        sent, errors = 0, list[Exception]()
        for alerts in _group(self.alerts.list_due()):
            if not has_time():
                break
            try:
                sent += self._send_together(alerts, now)
            except AlertNotDeliveredError as error:
                failures.append(str(error))
            except Exception as error:  # noqa: BLE001  # the caller reports each
                errors.append(error)
        return SendReport(sent, tuple(failures), tuple(errors))

    def _send_together(self, alerts: Sequence[BudgetAlert], now: datetime) -> int:
        """Send one message; returns the number of messages.

        Raises:
            AlertNotDeliveredError: It was not delivered.
        """
        due = [alert for alert in alerts if self.alerts.claim(alert.key, now)]
        if not due:
            return 0
        details = [
            join_details([alert.detail for alert in of_value])
            for _, of_value in groupby(due, key=lambda alert: alert.key.value)
        ]
        delivered = frozenset[DeliveryWay].intersection(*(alert.delivered for alert in due))
        try:
            self.publisher.publish(self._write_notice(details), details, delivered)
        except AlertNotDeliveredError as error:
            for alert in due:
                self.alerts.postpone(alert.key, now + RETRY_AFTER, error.delivered)
            raise
        for alert in due:
            self.alerts.mark_sent(alert.key, now)
        return 1

    def _write_notice(self, details: Sequence[AlertDetail]) -> Notice:
        if len(details) == 1:
            return write_alert_notice(details[0], self.dashboard_url)
        return write_joint_notice(details, self.dashboard_url)


def _group(due: Iterable[BudgetAlert]) -> Iterator[list[BudgetAlert]]:
    """Group alerts by the message that they are sent in, those of a value one after the other."""
    for _, found in groupby(sorted(due, key=_sort_key), key=_get_budget_and_period):
        values = [list(alerts) for _, alerts in groupby(found, key=lambda alert: alert.key.value)]
        size = 1 if len(values) <= MAX_SINGLE_VALUES else MAX_VALUES
        for start in range(0, len(values), size):
            yield [*chain(*values[start : start + size])]


def _get_budget_and_period(alert: BudgetAlert) -> tuple[str, int, BudgetPeriod]:
    return alert.key.budget, alert.key.generation, alert.key.period


def _sort_key(alert: BudgetAlert) -> tuple[Any, ...]:
    key = alert.key
    return *_get_budget_and_period(alert), key.value, key.kind, key.percent, key.level
