"""Sends the alerts of budgets that are due, and marks them sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from lambdas.domain.budgets import BudgetPeriod
from lambdas.domain.budgets.budget_alerts import (
    AlertNotDeliveredError,
    AlertPublisher,
    AlertStore,
    BudgetAlert,
    join_details,
    write_alert_notice,
)


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

    def send(self, now: datetime) -> SendReport:
        """Send one message for the alerts of the same budget, value and period.

        A message that is not delivered does not stop the others. Its alerts are sent by the next
        run, perhaps with others, and under the same ids. Neither does one that fails otherwise, nor
        an alert that cannot be read.
        """
        failures = [f"alert {name} cannot be read" for name in self.alerts.list_unreadable()]
        sent, errors = 0, list[Exception]()
        for _, group in groupby(sorted(self.alerts.list_due(), key=_group_key), key=_group_key):
            try:
                sent += self._send_together(list(group), now)
            except AlertNotDeliveredError as error:
                failures.append(str(error))
            except Exception as error:  # noqa: BLE001  # the caller reports each
                errors.append(error)
        return SendReport(sent, tuple(failures), tuple(errors))

    def _send_together(self, alerts: list[BudgetAlert], now: datetime) -> int:
        """Send one message; returns the number of messages.

        Raises:
            AlertNotDeliveredError: It was not delivered.
        """
        alerts.sort(key=lambda alert: (alert.key.kind, alert.key.percent, alert.key.level))
        due = [alert for alert in alerts if self.alerts.claim(alert.key, now)]
        if not due:
            return 0
        detail = join_details([alert.detail for alert in due])
        try:
            self.publisher.publish(write_alert_notice(detail, self.dashboard_url), detail)
        except AlertNotDeliveredError:
            for alert in due:
                self.alerts.release(alert.key)
            raise
        for alert in due:
            self.alerts.mark_sent(alert.key, now)
        return 1


def _group_key(alert: BudgetAlert) -> tuple[str, int, str, BudgetPeriod]:
    key = alert.key
    return key.budget, key.generation, key.value, key.period
