"""The topic and the bus that alerts of budgets go to, which can fail one by one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.notifiers.budget_alert_publisher import BudgetAlertPublisher
from lambdas.domain.alerts import Notice
from lambdas.domain.budgets.budget_alerts import DeliveryWay
from tests.simulation.account import Account
from tests.simulation.cloud.errors import THROTTLED, UNAVAILABLE, refused
from tests.simulation.faults import Fault
from tests.simulation.ports import Port

DASHBOARD_URL = "https://console.example.com"
_ENTRY_REFUSED_SHARE = 0.03


class Received(NamedTuple):
    """An alert that has come by a way."""

    way: DeliveryWay
    alert_id: str


class AlertInbox:
    """The alerts that reached people and programs.

    Attributes:
        publisher: Delivers alerts to it, with faults.
        sure_publisher: Delivers alerts to it without faults.
        received: How often each alert was received.
        repeatable: How often each may come again, since its sender does not know of it.
    """

    def __init__(self, account: Account, run_another: Callable[[], None]) -> None:
        """Make an empty inbox.

        Args:
            account: The account.
            run_another: Lets another run send alerts while one is delivering.
        """
        self._account, self._run_another = account, run_another
        self.received: Counter[Received] = Counter()
        self.repeatable: Counter[Received] = Counter()
        topic: Any = Port(account.world, Topic(self), _refuse)
        bus: Any = Port(account.world, _Bus(self), _refuse)
        self.publisher = BudgetAlertPublisher(
            _FailingTopic(self, topic), _FailingBus(self, bus), DASHBOARD_URL
        )
        self.sure_publisher = BudgetAlertPublisher(Topic(self), _Bus(self), DASHBOARD_URL)

    def has_both(self, alert_id: str) -> bool:
        """Say if an alert has come both ways."""
        return all(self.received[Received(way, alert_id)] for way in DeliveryWay)

    def receive(self, arrived: Sequence[Received]) -> None:
        """Receive alerts."""
        process = self._account.world.current
        assert process is not None
        self.received.update(arrived)
        process.sent.append(lambda: self.repeatable.update(arrived))

    @contextmanager
    def deliver(self, sent: Sequence[Received]) -> Iterator[None]:
        """Deliver alerts; the sender may get no answer."""
        self._run_another()
        before = self.received.total()
        try:
            yield
        except (BotoCoreError, ClientError):
            if self.received.total() > before:
                self.repeatable.update(sent)
            raise

    def is_entry_refused(self) -> bool:
        """Decide if the bus refuses an entry of a request that it takes."""
        return self._account.world.strikes(Fault.THROTTLES, _ENTRY_REFUSED_SHARE)


class Topic:
    """Takes each message."""

    def __init__(self, inbox: AlertInbox) -> None:
        self._inbox = inbox

    def publish(self, notice: Notice) -> None:
        assert notice.subject
        self._inbox.receive(_read_notice(notice))


class _Bus:
    """Takes each event."""

    def __init__(self, inbox: AlertInbox) -> None:
        self._inbox = inbox

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        for entry in Entries:
            self._inbox.receive(_read_entry(entry))
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in Entries]}


class _FailingTopic:
    """The topic as functions reach it."""

    def __init__(self, inbox: AlertInbox, port: Any) -> None:
        self._inbox, self._port = inbox, port

    def publish(self, notice: Notice) -> None:
        with self._inbox.deliver(_read_notice(notice)):
            self._port.publish(notice)


class _FailingBus:
    """The bus as functions reach it. It may refuse entries of a request that it takes.

    Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
    """

    def __init__(self, inbox: AlertInbox, port: Any) -> None:
        self._inbox, self._port = inbox, port

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        are_taken = [not self._inbox.is_entry_refused() for _ in Entries]
        taken = [entry for entry, is_taken in zip(Entries, are_taken, strict=True) if is_taken]
        with self._inbox.deliver([each for entry in Entries for each in _read_entry(entry)]):
            if taken:
                self._port.put_events(Entries=taken)
        if len(taken) < len(Entries):
            self._inbox.repeatable.update(each for entry in taken for each in _read_entry(entry))
        return {
            "FailedEntryCount": len(Entries) - len(taken),
            "Entries": [
                {"EventId": "1"} if is_taken else {"ErrorCode": THROTTLED} for is_taken in are_taken
            ],
        }


def _read_notice(notice: Notice) -> list[Received]:
    _, ids = notice.text.rsplit("Alert ids: ", 1)
    return [Received(DeliveryWay.MESSAGE, alert_id) for alert_id in ids.split(", ")]


def _read_entry(entry: dict[str, Any]) -> list[Received]:
    detail = json.loads(entry["Detail"])
    return [Received(DeliveryWay.EVENT, alert_id) for alert_id in detail["alert_ids"]]


def _refuse(reason: str) -> ClientError:
    return refused(UNAVAILABLE, reason)
