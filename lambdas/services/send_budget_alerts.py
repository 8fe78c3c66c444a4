"""Sends the alerts of budgets that are due, and marks them sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, groupby

from lambdas.domain.alerts import Notice
from lambdas.domain.budgets import BudgetPeriod
from lambdas.domain.budgets.budget_alerts import (
    AlertDetail,
    AlertNotDeliveredError,
    AlertPublisher,
    AlertStore,
    AlertWay,
    BudgetAlert,
    get_pause,
    join_details,
    write_alert_notice,
    write_joint_notice,
)
from lambdas.domain.words import plural

MAX_SEPARATE_VALUES = 5
"""Values of a default budget that have messages of their own at most; more share one."""
MAX_VALUES = 300
"""Values that share a message, and that a run begins with, so that it ends within its time."""
MAX_MESSAGES = 20
"""Messages of a run. Runs follow after some seconds, so there are fewer than 10 a second.

SNS deactivates an e-mail subscription above that. Source:
https://repost.aws/knowledge-center/sns-email-subscription-disabled
"""


@dataclass(frozen=True, slots=True)
class SendReport:
    """The result of a run.

    Attributes:
        sent: The number of messages that were delivered.
        failures: Why messages or events were not delivered; their alerts stay due.
        errors: Errors that nothing explains, each of one budget or value.
    """

    sent: int
    failures: tuple[str, ...] = ()
    errors: tuple[Exception, ...] = ()


@dataclass(slots=True)
class _Run:
    """The results of a run so far.

    Attributes:
        failures: Why messages or events were not delivered.
        errors: Errors that nothing explains.
        attempted: The number of messages that were tried.
        sent: The number of messages that were delivered.
        values: The number of values whose alerts were looked at.
    """

    failures: list[str]
    errors: list[Exception] = field(default_factory=list)
    attempted: int = 0
    sent: int = 0
    values: int = 0

    @property
    def is_full(self) -> bool:
        """True if the run has done as much as one may."""
        return self.attempted >= MAX_MESSAGES or self.values >= MAX_VALUES

    @contextmanager
    def isolate(self) -> Iterator[None]:
        """Let an error stop its own part alone."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  # the caller reports each
            self.errors.append(error)

    def end(self) -> SendReport:
        return SendReport(self.sent, tuple(dict.fromkeys(self.failures)), tuple(self.errors))


class _Value:
    """The alerts of one budget, value and period that a run delivers.

    Attributes:
        alerts: The alerts.
    """

    def __init__(self, alerts: Sequence[BudgetAlert]) -> None:
        self.alerts = sorted(
            alerts, key=lambda alert: (alert.key.kind, alert.key.percent, alert.key.level)
        )
        self._delivered = {alert.key: alert.delivered for alert in alerts}

    def join(self, way: AlertWay) -> AlertDetail | None:
        """Join the details of alerts that go a way; `None` if it has taken all of them."""
        details = [alert.detail for alert in self.alerts if way not in self._delivered[alert.key]]
        return join_details(details) if details else None

    def note(self, way: AlertWay) -> None:
        """Note that a way has taken all alerts."""
        self._delivered = {key: ways | {way} for key, ways in self._delivered.items()}

    def list_delivered(self) -> Iterator[tuple[BudgetAlert, frozenset[AlertWay]]]:
        """List the alerts with the ways that have taken them."""
        return ((alert, self._delivered[alert.key]) for alert in self.alerts)


@dataclass(frozen=True, slots=True)
class BudgetAlertSender:
    """Sends alerts that are due. Each is stored before, so a run that stops loses none.

    A run claims alerts first, so that runs at the same time do not send them twice. An alert that
    is not delivered stays claimed for some minutes, longer after each attempt, and only goes the
    ways again that have not taken it.

    Attributes:
        alerts: The stored alerts.
        publisher: Delivers messages and events.
        dashboard_url: The address of the dashboard with budgets.
    """

    alerts: AlertStore
    publisher: AlertPublisher
    dashboard_url: str

    def send(self, now: datetime) -> SendReport:
        """Send a message and an event for the alerts of the same budget, value and period.

        If many values of a default budget are due, they share a message. What is over the limits of
        a run is left for the next.

        A message or event that is not delivered does not stop the others. Its alerts are sent by a
        later run, perhaps with others, and under the same ids. Neither does one that fails
        otherwise, nor an alert that cannot be read.
        """
        run = _Run([f"alert {name} cannot be read" for name in self.alerts.list_unreadable()])
        for values in _list_shares(self._list_unclaimed(run, now)):
            if run.is_full:
                break
            with run.isolate():
                self._deliver(run, values, now)
        return run.end()

    def _list_unclaimed(self, run: _Run, now: datetime) -> list[BudgetAlert]:
        """List the alerts that no run is sending, and report those that wait for another attempt.

        So an alarm on failed runs goes on until they are delivered.
        """
        unclaimed, waiting = list[BudgetAlert](), 0
        for alert in self.alerts.list_due():
            if alert.claimed_until is None or alert.claimed_until <= now:
                unclaimed.append(alert)
            elif alert.attempts:
                waiting += 1
        if waiting:
            run.failures.append(f"{plural(waiting, 'alert')} will be tried again")
        return unclaimed

    def _deliver(self, run: _Run, values: Iterable[Sequence[BudgetAlert]], now: datetime) -> None:
        """Deliver one message, and an event for each value."""
        claimed = [value for alerts in values if (value := self._claim(run, alerts, now))]
        self._send_message(run, claimed)
        self._put_events(run, claimed)
        for alert, ways in chain.from_iterable(value.list_delivered() for value in claimed):
            with run.isolate():
                if ways == frozenset(AlertWay):
                    self.alerts.mark_sent(alert.key, now)
                else:
                    self.alerts.defer(alert.key, now + get_pause(alert.attempts), ways)

    def _claim(self, run: _Run, alerts: Sequence[BudgetAlert], now: datetime) -> _Value | None:
        """Claim the alerts of a value; returns nothing without any whose message can be written."""
        run.values += 1
        due = [alert for alert in alerts if self.alerts.claim(alert.key, now)]
        if not due:
            return None
        with run.isolate():
            write_alert_notice(join_details([alert.detail for alert in due]), self.dashboard_url)
            return _Value(due)
        return None

    def _send_message(self, run: _Run, values: Sequence[_Value]) -> None:
        details = [detail for value in values if (detail := value.join(AlertWay.MESSAGE))]
        if not details:
            return
        run.attempted += 1
        try:
            self.publisher.send_message(self._write_notice(details))
        except AlertNotDeliveredError as error:
            run.failures.append(str(error))
            return
        run.sent += 1
        for value in values:
            value.note(AlertWay.MESSAGE)

    def _put_events(self, run: _Run, values: Sequence[_Value]) -> None:
        lacking = [(value, detail) for value in values if (detail := value.join(AlertWay.EVENT))]
        problems = self.publisher.put_events([detail for _, detail in lacking])
        for (value, _), problem in zip(lacking, problems, strict=True):
            if problem is None:
                value.note(AlertWay.EVENT)
            else:
                run.failures.append(problem)

    def _write_notice(self, details: Sequence[AlertDetail]) -> Notice:
        if len(details) == 1:
            return write_alert_notice(details[0], self.dashboard_url)
        return write_joint_notice(details, self.dashboard_url)


def _list_shares(due: Iterable[BudgetAlert]) -> Iterator[list[list[BudgetAlert]]]:
    """List what goes into one message each: the alerts of some values of a budget and period."""
    for _, group in groupby(sorted(due, key=_get_value_key), key=_get_period_key):
        values = [list(alerts) for _, alerts in groupby(group, key=_get_value_key)]
        size = MAX_VALUES if len(values) > MAX_SEPARATE_VALUES else 1
        yield from (values[start : start + size] for start in range(0, len(values), size))


def _get_value_key(alert: BudgetAlert) -> tuple[str, int, BudgetPeriod, str]:
    return *_get_period_key(alert), alert.key.value


def _get_period_key(alert: BudgetAlert) -> tuple[str, int, BudgetPeriod]:
    return alert.key.budget, alert.key.generation, alert.key.period
