"""Delivers alerts of budgets: as a text to a topic, and as events to the default bus."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.alerts import EVENT_SOURCE, Notice, Notifier
from lambdas.domain.budgets.budget_alerts import (
    BUDGET_ALERT_EVENT,
    AlertDetail,
    AlertNotDeliveredError,
)

_MAX_ENTRIES, _MAX_BYTES = 10, 200_000
"""The events of a request, and their size, with room for the names of fields.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""


class _EventClient(Protocol):
    """The methods of boto3's client that this module uses."""

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]: ...  # noqa: N803  # as AWS has it


class BudgetAlertPublisher:
    """Delivers alerts in both ways, each for itself."""

    def __init__(self, topic: Notifier, events: _EventClient) -> None:
        """Deliver to a topic, and with an EventBridge client."""
        self._topic = topic
        self._events = events

    def send_message(self, notice: Notice) -> None:
        """Send a text to the topic.

        Raises:
            AlertNotDeliveredError: The topic has not taken it.
        """
        try:
            self._topic.publish(notice)
        except (BotoCoreError, ClientError) as error:
            message = f"SNS: {error}"
            raise AlertNotDeliveredError(message) from error

    def put_events(self, details: Sequence[AlertDetail]) -> list[str | None]:
        """Put an event of each detail on the bus; returns for each why it was not taken."""
        return [
            None if problem is None else f"EventBridge: {problem}"
            for batch in _list_batches(details)
            for problem in self._put(batch)
        ]

    def _put(self, batch: list[str]) -> list[str | None]:
        entries = [
            {"Source": EVENT_SOURCE, "DetailType": BUDGET_ALERT_EVENT, "Detail": text}
            for text in batch
        ]
        try:
            answer = self._events.put_events(Entries=entries)
        except (BotoCoreError, ClientError) as error:
            return [str(error)] * len(batch)
        if not answer["FailedEntryCount"]:
            return [None] * len(batch)
        return [entry.get("ErrorCode") for entry in answer["Entries"]]


def _list_batches(details: Sequence[AlertDetail]) -> Iterator[list[str]]:
    """List the texts of requests, each within the limits of one."""
    batch, size = list[str](), 0
    for detail in details:
        text = json.dumps(detail)
        if batch and (len(batch) == _MAX_ENTRIES or size + len(text) > _MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch
