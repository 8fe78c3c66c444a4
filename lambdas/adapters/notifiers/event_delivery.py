"""Delivers a notice in two ways: as a text to a topic, and as an event to the default bus."""

from __future__ import annotations

import json
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.alerts import EVENT_SOURCE, Notice, Notifier


class EventClient(Protocol):
    """The methods of boto3's client that this module uses."""

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  # as AWS has it
        """Put events on the default bus."""


class EventDelivery:
    """Delivers each notice in both ways; a failure of one does not stop the other."""

    def __init__(self, topic: Notifier, events: EventClient, detail_type: str) -> None:
        """Deliver to a topic, and with an EventBridge client.

        Args:
            topic: The topic.
            events: An EventBridge client.
            detail_type: The detail type of the events.
        """
        self._topic = topic
        self._events = events
        self._detail_type = detail_type

    def deliver(self, notice: Notice, detail: dict[str, Any]) -> list[str]:
        """Deliver a notice.

        Returns:
            The ways that have not taken it, with the reasons.

        Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
        """
        failures = []
        try:
            refused = self._put_event(detail)
        except (BotoCoreError, ClientError) as error:
            refused = str(error)
        if refused is not None:
            failures.append(f"EventBridge: {refused}")
        try:
            self._topic.publish(notice)
        except (BotoCoreError, ClientError) as error:
            failures.append(f"SNS: {error}")
        return failures

    def _put_event(self, detail: dict[str, Any]) -> str | None:
        """Put an event on the bus; returns why the bus did not take it."""
        entry = {
            "Source": EVENT_SOURCE,
            "DetailType": self._detail_type,
            "Detail": json.dumps(detail),
        }
        answer = self._events.put_events(Entries=[entry])
        if not answer["FailedEntryCount"]:
            return None
        (refused,) = answer["Entries"]
        return str(refused["ErrorCode"])
