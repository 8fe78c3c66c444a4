"""Sends the alerts of credits that are due, and marks them sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.domain.budgets.budget_alerts import AlertNotDeliveredError, AlertPublisher
from lambdas.domain.credits.alerts import (
    CreditAlertStore,
    StoredCreditAlert,
    write_credit_notice,
)

RETRY_AFTER = timedelta(minutes=2)
"""The time after which an alert that was not delivered is sent again."""
MAX_MESSAGES = 20
"""The messages of a run, as for budgets. The others follow in the next run."""


@dataclass(slots=True)
class CreditSendReport:
    """The result of a run.

    Attributes:
        sent: The number of messages.
        failures: Why messages were not delivered; their alerts stay due.
        errors: Errors that nothing explains, each of one message.
    """

    sent: int = 0
    failures: tuple[str, ...] = ()
    errors: tuple[Exception, ...] = ()


@dataclass(frozen=True, slots=True)
class CreditAlertSender:
    """Sends alerts that are due. Each is stored before, so a run that stops loses none.

    Attributes:
        alerts: The stored alerts.
        publisher: Delivers messages.
        dashboard_url: The address of the dashboard with credits.
    """

    alerts: CreditAlertStore
    publisher: AlertPublisher
    dashboard_url: str

    def send(self, now: datetime, has_time: Callable[[], bool] = lambda: True) -> CreditSendReport:
        """Send a message for each alert that is due. One that fails stops no other.

        Args:
            now: The time.
            has_time: Asked before each message. What there is no time for stays due.
        """
        report, attempted = CreditSendReport(), 0
        for stored in self.alerts.list_alerts():
            if stored.alert.is_sent:
                continue
            if attempted == MAX_MESSAGES or not has_time():
                break
            try:
                if self.alerts.claim(stored, now):
                    attempted += 1
                    self._send(stored)
                    report.sent += 1
            except AlertNotDeliveredError as error:
                report.failures += (str(error),)
                self.alerts.postpone(stored, now + RETRY_AFTER, error.delivered)
            except Exception as error:  # noqa: BLE001  # the caller reports each
                report.errors += (error,)
        return report

    def _send(self, stored: StoredCreditAlert) -> None:
        notice = write_credit_notice(stored.detail, self.dashboard_url)
        self.publisher.publish(notice, [stored.detail], stored.delivered)
        self.alerts.mark_sent(stored)
