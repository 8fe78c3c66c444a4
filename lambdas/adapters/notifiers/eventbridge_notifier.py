"""Publishes notices as events, so that they reach people when the topic does not."""

from __future__ import annotations

import json
from typing import Any, Protocol

from lambdas.domain.alerts import EVENT_SOURCE, NOTICE_EVENT, Notice


class _Client(Protocol):
    """The methods of boto3's client that this module uses."""

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]: ...  # noqa: N803  # as AWS has it


class EventRefusedError(Exception):
    """EventBridge has not taken an event. The text is its error code."""


class EventBridgeNotifier:
    """Publishes to the default bus of one account and Region."""

    def __init__(self, client: _Client) -> None:
        """Publish with an EventBridge client."""
        self._client = client

    def publish(self, notice: Notice) -> None:
        """Publish a notice.

        Raises:
            EventRefusedError: The event was not taken.

        Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
        """
        detail = {
            "subject": notice.subject,
            "text": notice.text,
            "repeated": notice.is_repeated,
        }
        entry = {"Source": EVENT_SOURCE, "DetailType": NOTICE_EVENT, "Detail": json.dumps(detail)}
        answer = self._client.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            (refused,) = answer["Entries"]
            raise EventRefusedError(refused["ErrorCode"])
