"""Reads events from records of a queue that a topic and a rule of EventBridge send to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from lambdas.domain.alarms import (
    ALARM_CHANGE,
    ALARM_SOURCE,
    CONTRIBUTOR_CHANGE,
    InvalidAlarmError,
    read_alarm_change,
    write_alarm_event,
)
from lambdas.domain.events import InvalidEventError, MeterEvent, read_events, read_json

MAX_BODY_LETTERS = 1_048_576
"""The longest body that a queue takes.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""
MAX_EVENTS = 1_000
"""The events of a record: more than one message of the meter can have."""
_NOTIFICATION = "Notification"
_EVENTS = "events"


class RejectedRecord(NamedTuple):
    """A record that is not of the meter, or not of this version.

    Attributes:
        message_id: The id of the record.
        reason: Why it was rejected, without its content.
    """

    message_id: str
    reason: str


ReadRecord: TypeAlias = list[MeterEvent] | RejectedRecord


def read_record(record: Mapping[str, Any]) -> ReadRecord:
    """Read the events of a record; alarms of others have none.

    A hostile or damaged record is rejected, and never raises. The policy of the queue says who may
    send to it, and that of the topic who may publish there.

    Args:
        record: A record of SQS, whose body is a message of SNS or an event of EventBridge.
    """
    message_id, body = str(record.get("messageId", "")), record.get("body")
    if not isinstance(body, str):
        return RejectedRecord(message_id, "the body is no text")
    if len(body) > MAX_BODY_LETTERS:
        return RejectedRecord(message_id, f"the body has more than {MAX_BODY_LETTERS:,} letters")
    try:
        return _read_body(read_json(body))
    except (InvalidEventError, InvalidAlarmError) as error:
        return RejectedRecord(message_id, str(error))


def _read_body(body: object) -> list[MeterEvent]:
    if not isinstance(body, Mapping):
        message = "the body is no object"
        raise InvalidEventError(message)
    if body.get("Type") == _NOTIFICATION:
        return _read_notification(body)
    if body.get("source") == ALARM_SOURCE:
        return _read_alarm(body)
    message = "the body is neither a message of SNS nor an event of CloudWatch"
    raise InvalidEventError(message)


def _read_notification(body: Mapping[str, Any]) -> list[MeterEvent]:
    """Read the attribute with events.

    Source: https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
    """
    attributes = body.get("MessageAttributes")
    attribute = attributes.get(_EVENTS) if isinstance(attributes, Mapping) else None
    value = attribute.get("Value") if isinstance(attribute, Mapping) else None
    if not isinstance(value, str):
        message = "the message has no attribute with events"
        raise InvalidEventError(message)
    events = read_events(value)
    if len(events) > MAX_EVENTS:
        message = f"the message has more than {MAX_EVENTS:,} events"
        raise InvalidEventError(message)
    return events


def _read_alarm(body: Mapping[str, Any]) -> list[MeterEvent]:
    if body.get("detail-type") not in (ALARM_CHANGE, CONTRIBUTOR_CHANGE):
        return []
    event = write_alarm_event(read_alarm_change(body))
    return [] if event is None else [event]
