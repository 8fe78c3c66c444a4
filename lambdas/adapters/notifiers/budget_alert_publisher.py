"""Delivers alerts of budgets: as a text to a topic, and as an event to the default bus."""

from __future__ import annotations

import json
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.alerts import EVENT_SOURCE, Notice, Notifier
from lambdas.domain.budgets.budget_alerts import (
    BUDGET_ALERT_EVENT,
    AlertDetail,
    AlertNotDeliveredError,
)


class _EventClient(Protocol):
    """The methods of boto3's client that this module uses."""

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]: ...  # noqa: N803  # as AWS has it


class BudgetAlertPublisher:
    """Delivers each alert in both ways; a failure of one does not stop the other."""

    def __init__(self, topic: Notifier, events: _EventClient) -> None:
        """Deliver to a topic, and with an EventBridge client."""
        self._topic = topic
        self._events = events

    def publish(self, notice: Notice, detail: AlertDetail) -> None:
        """Deliver an alert.

        Raises:
            AlertNotDeliveredError: One of the ways has not taken it.

        Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
        """
        failures = []
        try:
            self._put_event(detail)
        except (AlertNotDeliveredError, BotoCoreError, ClientError) as error:
            failures.append(f"EventBridge: {error}")
        try:
            self._topic.publish(notice)
        except (BotoCoreError, ClientError) as error:
            failures.append(f"SNS: {error}")
        if failures:
            raise AlertNotDeliveredError("; ".join(failures))

    def _put_event(self, detail: AlertDetail) -> None:
        entry = {
            "Source": EVENT_SOURCE,
            "DetailType": BUDGET_ALERT_EVENT,
            "Detail": json.dumps(detail),
        }
        answer = self._events.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            (refused,) = answer["Entries"]
            raise AlertNotDeliveredError(refused["ErrorCode"])
