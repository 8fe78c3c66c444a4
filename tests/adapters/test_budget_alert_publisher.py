"""Alerts of budgets go to a topic and to a bus, each way for itself."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from lambdas.adapters.notifiers.budget_alert_publisher import BudgetAlertPublisher
from lambdas.domain.alerts import Notice
from lambdas.domain.budgets.budget_alerts import AlertNotDeliveredError
from tests.fakes import InMemoryNotifier

NOTICE = Notice("Bedrock budget chat: 80 % reached", "Used: $80.00 of $100.00, 80 %")
DETAIL = {"version": "1", "alert_ids": ["chat#1#2026-09-01#actual#80#"]}
ENTRY = {
    "Source": "bedrock-meter",
    "DetailType": "Bedrock Meter Budget Alert",
    "Detail": json.dumps(DETAIL),
}


class ClosedTopic:
    """Refuses every notice."""

    def publish(self, notice: Notice) -> None:
        error: Any = {"Error": {"Code": "KMSDisabled", "Message": notice.subject}}
        raise ClientError(error, "Publish")


@pytest.fixture
def events() -> Any:
    return boto3.client("events", region_name="us-east-1")


def test_a_message_goes_to_the_topic(events: Any) -> None:
    topic = InMemoryNotifier()
    BudgetAlertPublisher(topic, events).send_message(NOTICE)
    assert topic.notices == [NOTICE]


def test_a_closed_topic_is_named(events: Any) -> None:
    with pytest.raises(AlertNotDeliveredError, match=r"SNS: .*KMSDisabled"):
        BudgetAlertPublisher(ClosedTopic(), events).send_message(NOTICE)


def test_an_event_has_the_detail_of_its_alert(events: Any) -> None:
    with Stubber(events) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 0}, {"Entries": [ENTRY]})
        assert BudgetAlertPublisher(InMemoryNotifier(), events).put_events([DETAIL]) == [None]
        stub.assert_no_pending_responses()


def test_refused_events_are_distinguished_from_those_that_were_taken(events: Any) -> None:
    with Stubber(events) as stub:
        answers = [{"EventId": "1"}, {"ErrorCode": "ThrottlingException"}, {"EventId": "2"}]
        stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": answers})
        problems = BudgetAlertPublisher(InMemoryNotifier(), events).put_events([DETAIL] * 3)
    assert problems == [None, "EventBridge: ThrottlingException", None]


def test_a_request_has_ten_events_and_a_refused_request_stops_no_other(events: Any) -> None:
    with Stubber(events) as stub:
        stub.add_client_error("put_events", "AccessDeniedException")
        stub.add_response("put_events", {"FailedEntryCount": 0}, {"Entries": [ENTRY] * 2})
        problems = BudgetAlertPublisher(InMemoryNotifier(), events).put_events([DETAIL] * 12)
        stub.assert_no_pending_responses()
    assert [problem is None for problem in problems] == [False] * 10 + [True] * 2


def test_long_events_go_in_requests_of_their_own(events: Any) -> None:
    long = DETAIL | {"name": "x" * 150_000}
    with Stubber(events) as stub:
        for _ in range(2):
            stub.add_response("put_events", {"FailedEntryCount": 0})
        assert BudgetAlertPublisher(InMemoryNotifier(), events).put_events([long] * 2) == [None] * 2
        stub.assert_no_pending_responses()
