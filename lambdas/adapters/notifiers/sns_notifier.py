"""Publishes notices to a topic of SNS."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdas.domain.alerts import Notice
from lambdas.domain.events import (
    EVENTS_ATTRIBUTE,
    MAX_MESSAGE_BYTES,
    MeterEvent,
    count_text_bytes,
    list_types,
    make_event_id,
    split_events,
    write_events,
)

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

EVENT_TYPES = "event_types"
"""The attribute of a message with the types of its events, for filters of subscriptions."""
_DETAIL = "detail"
_MORE_EVENTS = (
    "This message has no news for people: it holds more events of the message before it, for"
    " webhooks."
)


class SnsNotifier:
    """Publishes to one topic, and adds the account and the Region to each notice."""

    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        """Publish with an SNS client."""
        self._client = client
        self._topic_arn = topic_arn

    def publish(self, notice: Notice) -> None:
        """Publish a notice. Its detail and its events are attributes, which e-mails do not show.

        Events that one message has no room for follow in more messages. Their ids differ from those
        of other deployments, whose events a receiver may get as well.

        Source: https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
        """
        attributes = {} if notice.detail is None else {_DETAIL: _write_text(notice.detail)}
        used = sum(map(count_text_bytes, (notice.text, notice.detail or "")))
        events = [
            replace(event, id=make_event_id(self._topic_arn, event.id)) for event in notice.events
        ]
        first, *more = split_events(events, MAX_MESSAGE_BYTES - used)
        self._send(notice.subject, notice.text, attributes | _write_attributes(first))
        for rest in more:
            self._send(notice.subject, _MORE_EVENTS, _write_attributes(rest))

    def _send(self, subject: str, text: str, attributes: dict[str, Any]) -> None:
        _, _, _, region, account, _ = self._topic_arn.split(":")
        self._client.publish(
            TopicArn=self._topic_arn,
            Subject=subject,
            Message=f"{text}\n\nAccount {account}, {region}",
            MessageAttributes=attributes,
        )


def _write_attributes(events: Sequence[MeterEvent]) -> dict[str, Any]:
    if not events:
        return {}
    types = {"DataType": "String.Array", "StringValue": json.dumps(list_types(events))}
    return {EVENT_TYPES: types, EVENTS_ATTRIBUTE: _write_text(write_events(events))}


def _write_text(text: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": text}
