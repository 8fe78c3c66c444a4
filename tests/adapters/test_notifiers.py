"""Each notice is published in three ways, even if one of them fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from lambdas.adapters.notifiers.all_notifiers import AllNotifiers
from lambdas.adapters.notifiers.eventbridge_notifier import EventBridgeNotifier, EventRefusedError
from lambdas.adapters.notifiers.log_notifier import LogNotifier
from lambdas.adapters.notifiers.sns_notifier import SnsNotifier
from lambdas.domain.alerts.notifications import Notice
from lambdas.domain.budgets import BudgetSubject
from lambdas.domain.budgets.budget_alerts import (
    find_crossings,
    write_alert_events,
    write_detail,
    write_joint_notice,
)
from lambdas.domain.events import EventType, read_events
from lambdas.domain.limit_notices import write_marks_notice
from lambdas.domain.limit_policies import Partition
from lambdas.services.send_budget_alerts import MAX_VALUES
from lambdas.services.send_limit_marks import MAX_MARKS
from tests.builders import ANA, NOON
from tests.fakes import InMemoryNotifier
from tests.limit_marks import due_mark
from tests.unit.budgets.builders import DOLLAR, budget, stored
from tests.unit.budgets.test_alerts import FixedForecast, status
from tests.webhooks import make_event

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

MAX_TOPIC_BYTES = 256 * 1024

NOTICE = Notice("Bedrock Meter: the meter itself was changed", "- alarms are gone: one")
TOPIC = "arn:aws:sns:us-east-1:111122223333:notifications"
EVENT = {
    "Source": "bedrock-meter",
    "DetailType": "Bedrock Meter Notice",
    "Detail": json.dumps({"subject": NOTICE.subject, "text": NOTICE.text, "repeated": False}),
}


def client(service: Any) -> Any:
    return boto3.client(service, region_name="us-east-1")


def test_a_notice_is_an_event_with_the_meter_s_source() -> None:
    events = client("events")
    with Stubber(events) as stub:
        stub.add_response(
            "put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": [EVENT]}
        )
        EventBridgeNotifier(events).publish(NOTICE)
        stub.assert_no_pending_responses()


def test_a_rejected_event_is_an_error() -> None:
    events = client("events")
    with Stubber(events) as stub:
        refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
        stub.add_response("put_events", refused)
        with pytest.raises(EventRefusedError, match="ThrottlingException"):
            EventBridgeNotifier(events).publish(NOTICE)


def test_a_notice_is_logged_as_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    LogNotifier().publish(NOTICE)
    (record,) = caplog.records
    assert (record.levelname, record.message) == ("WARNING", NOTICE.subject)
    assert record.__dict__["text"] == NOTICE.text


@pytest.mark.parametrize("code", ["NotFound", "KMSDisabled", "AuthorizationError"])
def test_a_blocked_topic_prevents_neither_the_event_nor_the_log_line(
    code: str, caplog: pytest.LogCaptureFixture
) -> None:
    sns, events, last = client("sns"), client("events"), InMemoryNotifier()
    with Stubber(sns) as topic, Stubber(events) as bus:
        topic.add_client_error("publish", code)
        bus.add_response("put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": [EVENT]})
        notifiers = AllNotifiers(
            SnsNotifier(sns, TOPIC), EventBridgeNotifier(events), LogNotifier(), last
        )
        with pytest.raises(ClientError, match=code):
            notifiers.publish(NOTICE)
        bus.assert_no_pending_responses()
    assert last.notices == [NOTICE]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_a_refused_event_does_not_prevent_the_message() -> None:
    events, topic = client("events"), InMemoryNotifier()
    with Stubber(events) as bus:
        bus.add_client_error("put_events", "AccessDeniedException")
        with pytest.raises(ClientError, match="AccessDenied"):
            AllNotifiers(EventBridgeNotifier(events), topic).publish(NOTICE)
    assert topic.notices == [NOTICE]


def test_a_notice_that_is_published_everywhere_is_no_error() -> None:
    one, two = InMemoryNotifier(), InMemoryNotifier()
    AllNotifiers(one, two).publish(NOTICE)
    assert one.notices == two.notices == [NOTICE]


class RecordingTopic:
    """Keeps what is published, and is down after some messages."""

    def __init__(self, takes: int = 1_000) -> None:
        self.messages: list[dict[str, Any]] = []
        self.takes = takes

    def publish(self, **message: Any) -> dict[str, str]:
        if len(self.messages) == self.takes:
            raise ClientError({"Error": {"Code": "InternalError"}}, "Publish")
        self.messages.append(message)
        return {"MessageId": str(len(self.messages))}


def publish(notice: Notice, topic: str = TOPIC, takes: int = 1_000) -> RecordingTopic:
    sns = RecordingTopic(takes)
    SnsNotifier(cast("SNSClient", sns), topic).publish(notice)
    return sns


def read_attribute(message: dict[str, Any], name: str) -> str:
    value: str = message["MessageAttributes"][name]["StringValue"]
    return value


def count_envelope(message: dict[str, Any]) -> int:
    """Count the bytes that a queue of the topic gets."""
    attributes = {
        name: {"Type": each["DataType"], "Value": each["StringValue"]}
        for name, each in message["MessageAttributes"].items()
    }
    envelope = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Subject": message["Subject"],
        "Message": message["Message"],
        "Signature": "x" * 2_000,
        "SigningCertURL": "x" * 200,
        "UnsubscribeURL": "x" * 400,
        "MessageAttributes": attributes,
    }
    return len(json.dumps(envelope).encode())


def count_message(message: dict[str, Any]) -> int:
    """Count the bytes of a message as a topic does: its body, and names, types and values."""
    attributes = message["MessageAttributes"]
    sizes = (
        len(f"{name}{each['DataType']}{each['StringValue']}".encode())
        for name, each in attributes.items()
    )
    return len(message["Message"].encode()) + sum(sizes)


def test_a_notice_without_events_has_no_attributes() -> None:
    (message,) = publish(NOTICE).messages
    assert message["MessageAttributes"] == {}


def test_events_are_attributes_beside_the_detail_with_their_types_for_filters() -> None:
    events = (make_event(), make_event(id="evt_2", type=EventType.LIMIT_NEAR))
    (message,) = publish(replace(NOTICE, detail="{}", events=events)).messages
    assert read_attribute(message, "detail") == "{}"
    assert message["MessageAttributes"]["event_types"] == {
        "DataType": "String.Array",
        "StringValue": '["budget.threshold_reached", "limit.near"]',
    }
    sent = read_events(read_attribute(message, "events"))
    assert [replace(event, id="") for event in sent] == [replace(event, id="") for event in events]


def test_ids_stay_the_same_and_differ_between_deployments() -> None:
    notice = replace(NOTICE, events=(make_event(),))
    ids = [
        read_events(read_attribute(publish(notice, topic).messages[0], "events"))[0].id
        for topic in (TOPIC, TOPIC, TOPIC.replace("us-east-1", "eu-north-1"))
    ]
    assert len(set(ids)) == 2
    assert ids[0] == ids[1]


def make_largest_marks() -> Notice:
    """The largest message of marks: names as long as they can be, which JSON escapes."""
    values = tuple((name, "\N{GRINNING FACE}" * 256) for name in Partition)
    marks = [
        due_mark(f"caller-{number}", counted_by=values, is_refusal=number % 2 == 0)
        for number in range(MAX_MARKS)
    ]
    return write_marks_notice([mark.detail for mark in marks], "https://console.example/limits")


def make_largest_alerts() -> Notice:
    """The largest message of budgets: many values, each with several thresholds."""
    found = [
        status(
            90,
            stored=stored(budget(per=BudgetSubject.IDENTITY)),
            value=f"{ANA}-{number}-" + "é" * 900,
            forecast=FixedForecast(40 * DOLLAR, 0.93),
        )
        for number in range(MAX_VALUES)
    ]
    details = [write_detail(each, find_crossings(each, NOON), NOON) for each in found]
    notice = write_joint_notice(details, "https://console.example/cost")
    return replace(notice, events=write_alert_events(details, "https://console.example/cost"))


@pytest.mark.parametrize("make", [make_largest_marks, make_largest_alerts])
def test_the_largest_notices_fit_the_topic_and_its_queue_without_losing_an_event(
    make: Callable[[], Notice],
) -> None:
    notice = make()
    assert len(notice.events) >= 100
    messages = publish(notice).messages
    assert len(messages) > 1
    assert all(count_message(message) < MAX_TOPIC_BYTES for message in messages)
    assert all(count_envelope(message) < MAX_TOPIC_BYTES for message in messages)
    with_events = [each for each in messages if each["MessageAttributes"]]
    sent = [event for each in with_events for event in read_events(read_attribute(each, "events"))]
    assert [event.title for event in sent] == [event.title for event in notice.events]
    assert len({event.id for event in sent}) == len(notice.events)
    assert all(event.detail for event in sent)
    first, *more = messages
    assert first["Message"].startswith(notice.text)
    assert all("no news for people" in message["Message"] for message in more)


def test_a_notice_is_not_published_until_all_its_events_are() -> None:
    with pytest.raises(ClientError, match="InternalError"):
        publish(make_largest_marks(), takes=1)
