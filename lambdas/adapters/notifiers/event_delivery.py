"""Delivers notices in two ways: as a text to a topic, and as events to the default bus."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.alerts import EVENT_SOURCE, Notice, Notifier

_MAX_ENTRIES = 10


class EventClient(Protocol):
    """The methods of boto3's client that this module uses."""

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  # as AWS has it
        """Put events on the default bus."""


class EventDelivery:
    """Delivers each notice in both ways; a failure of one does not stop the other."""

    def __init__(
        self, topic: Notifier, events: EventClient, name_event: Callable[[dict[str, Any]], str]
    ) -> None:
        """Deliver to a topic, and with an EventBridge client.

        Args:
            topic: The topic.
            events: An EventBridge client.
            name_event: Names the detail type of the event of a detail.
        """
        self._topic = topic
        self._events = events
        self._name_event = name_event

    def deliver(self, notice: Notice, detail: dict[str, Any]) -> list[str]:
        """Deliver a notice.

        Returns:
            The ways that have not taken it, with the reasons.
        """
        return self.deliver_all(notice, [detail])

    def deliver_all(self, notice: Notice, details: Sequence[dict[str, Any]]) -> list[str]:
        """Deliver a notice, with an event for each of several details.

        Returns:
            The ways that have not taken all of it, with the reasons.

        Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
        """
        failures = []
        try:
            refused = self._put_events(details)
        except (BotoCoreError, ClientError) as error:
            refused = str(error)
        if refused is not None:
            failures.append(f"EventBridge: {refused}")
        try:
            self._topic.publish(notice)
        except (BotoCoreError, ClientError) as error:
            failures.append(f"SNS: {error}")
        return failures

    def _put_events(self, details: Sequence[dict[str, Any]]) -> str | None:
        """Put events on the bus; returns why the bus did not take some of them."""
        refused = set[str]()
        for start in range(0, len(details), _MAX_ENTRIES):
            entries = [
                {
                    "Source": EVENT_SOURCE,
                    "DetailType": self._name_event(detail),
                    "Detail": json.dumps(detail),
                }
                for detail in details[start : start + _MAX_ENTRIES]
            ]
            answer = self._events.put_events(Entries=entries)
            if answer["FailedEntryCount"]:
                refused |= {
                    str(entry["ErrorCode"]) for entry in answer["Entries"] if "ErrorCode" in entry
                }
        return ", ".join(sorted(refused)) or None
