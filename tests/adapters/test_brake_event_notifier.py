"""An event of the brake is a text and an event, even if one of the two fails."""

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from lambdas.adapters.notifiers.brake_event_notifier import BrakeEventNotifier
from lambdas.domain.alerts import Notice
from lambdas.domain.brake import EventNotDeliveredError
from tests.fakes import InMemoryNotifier

NOTICE = Notice("Bedrock brake, chat: denied", "Denied: arn:aws:iam::111122223333:role/app")
DETAIL = {"version": "1", "id": "a#denied", "kind": "denied"}
ENTRY = {
    "Source": "bedrock-meter",
    "DetailType": "Bedrock Meter Brake",
    "Detail": json.dumps(DETAIL),
}


@pytest.fixture
def events() -> Any:
    return boto3.client("events", region_name="us-east-1")


def test_an_event_is_a_message_and_an_event_of_the_brake(events: Any) -> None:
    topic = InMemoryNotifier()
    with Stubber(events) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 0}, {"Entries": [ENTRY]})
        BrakeEventNotifier(topic, events).publish(NOTICE, DETAIL)
        stub.assert_no_pending_responses()
    assert topic.notices == [NOTICE]


def test_an_event_that_the_bus_refuses_is_not_delivered(events: Any) -> None:
    topic = InMemoryNotifier()
    with Stubber(events) as stub:
        refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
        stub.add_response("put_events", refused)
        with pytest.raises(EventNotDeliveredError, match="EventBridge: ThrottlingException"):
            BrakeEventNotifier(topic, events).publish(NOTICE, DETAIL)
    assert topic.notices == [NOTICE]
