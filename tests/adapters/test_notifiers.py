"""Each notice is published in three ways, even if one of them fails."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from lambdas.adapters.notifiers.all_notifiers import AllNotifiers
from lambdas.adapters.notifiers.eventbridge_notifier import EventBridgeNotifier, EventRefusedError
from lambdas.adapters.notifiers.log_notifier import LogNotifier
from lambdas.adapters.notifiers.sns_notifier import SnsNotifier
from lambdas.domain.alerts.notifications import Notice
from tests.fakes import InMemoryNotifier

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
