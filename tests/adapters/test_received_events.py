"""Records of the queue are events of the meter, or are rejected with a reason."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.adapters.received_events import (
    MAX_BODY_LETTERS,
    MAX_EVENTS,
    OwnTopic,
    ReadRecord,
    RejectedRecord,
)
from lambdas.adapters.received_events import read_record as read_record_of
from lambdas.domain.events import EventType, write_event, write_events
from tests.alarm_changes import alarm_change
from tests.webhooks import make_event

PROMPT = "a prompt that no log may have"


TOPIC = "arn:aws:sns:us-east-1:111122223333:BedrockMeter-Monitoring-Notifications1A-2B"


def read_record(record: dict[str, Any]) -> ReadRecord:
    return read_record_of(record, OwnTopic(lambda: TOPIC))


def make_record(body: object) -> dict[str, Any]:
    return {"messageId": "m-1", "body": body if isinstance(body, str) else json.dumps(body)}


def make_message(events: object, **more: Any) -> dict[str, Any]:
    """A message as a topic sends it to a queue."""
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Subject": "Bedrock budget chat: 80% reached",
        "Message": "Used: $80.00 of $100.00",
        "MessageAttributes": {
            "event_types": {"Type": "String.Array", "Value": '["budget.threshold_reached"]'},
            "events": {"Type": "String", "Value": events},
        },
    } | more


def test_a_message_has_the_events_of_its_notice() -> None:
    events = [make_event(), make_event(id="evt_2")]
    assert read_record(make_record(make_message(write_events(events)))) == events


@pytest.mark.parametrize("arn", [f"{TOPIC}-mallory", TOPIC.lower(), "", None, [TOPIC]])
def test_a_message_of_another_topic_is_rejected(arn: object) -> None:
    record = make_record(make_message(write_events([make_event()]), TopicArn=arn))
    assert read_record(record) == RejectedRecord("m-1", "the message is of another topic")


def test_the_topic_is_looked_up_until_it_is_known_and_when_another_one_sends() -> None:
    arns = [None, TOPIC, f"{TOPIC}-replaced"]
    topic = OwnTopic(lambda: arns.pop(0))
    assert not topic.has_arn(None)
    assert topic.has_arn(TOPIC)
    assert topic.has_arn(TOPIC)
    assert topic.has_arn(f"{TOPIC}-replaced")
    assert not arns


def test_a_change_of_an_alarm_is_an_event() -> None:
    found = read_record(make_record(alarm_change("BedrockMeter-Health-NoData")))
    assert isinstance(found, list)
    assert [event.type for event in found] == [EventType.HEALTH_ALARM]


@pytest.mark.parametrize(
    "event",
    [
        alarm_change("ServerCpuTooHigh"),
        alarm_change("BedrockMeter-Health-NoData", "OK", "INSUFFICIENT_DATA"),
        alarm_change("BedrockMeter-Health-NoData") | {"detail-type": "Another"},
        alarm_change("BedrockMeter-Health-NoData") | {"detail-type": ["x"]},
    ],
)
def test_other_events_of_cloudwatch_are_none_of_the_meter(event: dict[str, Any]) -> None:
    assert read_record(make_record(event)) == []


HOSTILE: dict[str, object] = {
    "nothing": "",
    "no JSON": PROMPT,
    "no object": [PROMPT],
    "another object": {"Message": PROMPT},
    "another source": alarm_change("BedrockMeter-Health-NoData") | {"source": "bedrock-meter"},
    "deep nesting": "[" * 100_000,
    "nesting below the limit of Python": '{"Type":' + "[" * 500 + "]" * 500 + "}",
    "a huge number": '{"Type": ' + "9" * 10_000 + "}",
    "half a letter": '{"Type": "\\ud800"}',
    "a huge body": "x" * (MAX_BODY_LETTERS + 1),
    "no attributes": make_message("[]", MessageAttributes=None),
    "attributes of another type": make_message("[]", MessageAttributes=[PROMPT]),
    "no attribute": make_message("[]", MessageAttributes={"events": PROMPT}),
    "events of another type": make_message([PROMPT]),
    "events that are no JSON": make_message(PROMPT),
    "events that are no array": make_message(json.dumps({"events": PROMPT})),
    "deep nesting in events": make_message("[" * 5_000),
    "an event without fields": make_message(json.dumps([{"text": PROMPT}])),
    "a newer version": make_message(json.dumps([write_event(make_event()) | {"version": "9"}])),
    "an id for a header": make_message(json.dumps([write_event(make_event()) | {"id": "a\nb"}])),
    "too many events": make_message(write_events([make_event()] * (MAX_EVENTS + 1))),
    "an alarm without a state": alarm_change("BedrockMeter-Health-NoData") | {"detail": {}},
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_records_are_rejected_without_their_content(body: object) -> None:
    rejected = read_record(make_record(body))
    assert isinstance(rejected, RejectedRecord)
    assert rejected.message_id == "m-1"
    assert rejected.reason
    assert PROMPT not in rejected.reason
    assert len(rejected.reason) < 1_000


@pytest.mark.parametrize("record", [{}, {"body": None}, {"body": {"Type": "Notification"}}])
def test_a_record_without_a_text_is_rejected(record: dict[str, Any]) -> None:
    assert read_record(record) == RejectedRecord("", "the body is no text")


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
    max_leaves=20,
)


@given(
    st.sampled_from(["Type", "MessageAttributes", "source", "detail-type", "detail", "resources"]),
    json_values,
)
def test_no_value_of_a_field_raises(field: str, value: object) -> None:
    for whole in (make_message("[]"), alarm_change("BedrockMeter-Health-NoData")):
        read_record(make_record({**whole, field: value}))


@given(st.text())
def test_no_text_raises(body: str) -> None:
    read_record(make_record(body))
    read_record(make_record(make_message(body)))
