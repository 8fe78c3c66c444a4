"""Reads events from records of a queue that a topic and a rule of EventBridge send to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from lambdas.domain.alarms import (
    ALARM_CHANGE,
    ALARM_SOURCE,
    CONTRIBUTOR_CHANGE,
    InvalidAlarmError,
    read_alarm_change,
    write_alarm_event,
)
from lambdas.domain.events import (
    EVENTS_ATTRIBUTE,
    InvalidEventError,
    MeterEvent,
    read_events,
    read_json,
)

MAX_BODY_LETTERS = 1_048_576
"""The longest body that a queue takes.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""
MAX_EVENTS = 1_000
"""The events of a record: more than one message of the meter can have."""
_NOTIFICATION = "Notification"


class RejectedRecord(NamedTuple):
    """A record that is not of the meter, or not of this version.

    Attributes:
        message_id: The id of the record.
        reason: Why it was rejected, without its content.
    """

    message_id: str
    reason: str


class OwnTopic:
    """The topic whose messages are the meter's.

    The policy of the queue admits topics by a pattern, so that anyone who may make a topic can send
    here. SNS itself writes the ARN of the topic into each message.
    """

    def __init__(self, look_up: Callable[[], str | None]) -> None:
        """Know a topic by its ARN.

        Args:
            look_up: Looks up the ARN; `None` while the topic is first deployed.
        """
        self._look_up = look_up
        self._arn: str | None = None

    def has_arn(self, arn: object) -> bool:
        """True for the ARN of the topic. Looks it up again, since a topic can be replaced."""
        if arn != self._arn or self._arn is None:
            self._arn = self._look_up()
        return self._arn is not None and arn == self._arn


ReadRecord: TypeAlias = list[MeterEvent] | RejectedRecord


def read_record(record: Mapping[str, Any], topic: OwnTopic) -> ReadRecord:
    """Read the events of a record; alarms of others have none.

    A hostile or damaged record is rejected, and never raises. The policy of the queue says who may
    send to it, and that of the topic who may publish there.

    Args:
        record: A record of SQS, whose body is a message of SNS or an event of EventBridge.
        topic: The topic of the meter: messages of others are rejected.
    """
    message_id, body = str(record.get("messageId", "")), record.get("body")
    if not isinstance(body, str):
        return RejectedRecord(message_id, "the body is no text")
    if len(body) > MAX_BODY_LETTERS:
        return RejectedRecord(message_id, f"the body has more than {MAX_BODY_LETTERS:,} letters")
    try:
        return _read_body(read_json(body), topic)
    except (InvalidEventError, InvalidAlarmError) as error:
        return RejectedRecord(message_id, str(error))


def _read_body(body: object, topic: OwnTopic) -> list[MeterEvent]:
    if not isinstance(body, Mapping):
        message = "the body is no object"
        raise InvalidEventError(message)
    if body.get("Type") == _NOTIFICATION:
        return _read_notification(body, topic)
    if body.get("source") == ALARM_SOURCE:
        return _read_alarm(body)
    message = "the body is neither a message of SNS nor an event of CloudWatch"
    raise InvalidEventError(message)


def _read_notification(body: Mapping[str, Any], topic: OwnTopic) -> list[MeterEvent]:
    """Read the attribute with events.

    Source: https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
    """
    if not topic.has_arn(body.get("TopicArn")):
        message = "the message is of another topic"
        raise InvalidEventError(message)
    attributes = body.get("MessageAttributes")
    attribute = attributes.get(EVENTS_ATTRIBUTE) if isinstance(attributes, Mapping) else None
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
