"""An alert of a budget is a text and an event, even if one of the two fails."""

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from lambdas.adapters.notifiers.budget_alert_publisher import BudgetAlertPublisher
from lambdas.domain.alerts import Notice
from lambdas.domain.budgets.budget_alerts import AlertNotDeliveredError, DeliveryWay
from tests.fakes import InMemoryNotifier

NOTICE = Notice("Bedrock budget chat: 80% reached", "Used: $80.00 of $100.00, 80%")
DETAIL = {"version": "1", "alert_ids": ["chat#1#2026-09-01#actual#80#"]}
URL = "https://console.example/dashboards/cost"
ENTRY = {
    "Source": "bedrock-meter",
    "DetailType": "Bedrock Meter Budget Alert",
    "Detail": json.dumps({**DETAIL, "dashboard_url": URL}),
}
DETAILED = replace(NOTICE, detail=ENTRY["Detail"])


class ClosedTopic:
    """Refuses every notice."""

    def publish(self, notice: Notice) -> None:
        error: Any = {"Error": {"Code": "KMSDisabled", "Message": notice.subject}}
        raise ClientError(error, "Publish")


@pytest.fixture
def events() -> Any:
    return boto3.client("events", region_name="us-east-1")


def test_an_alert_is_a_message_and_an_event(events: Any) -> None:
    topic = InMemoryNotifier()
    with Stubber(events) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 0}, {"Entries": [ENTRY]})
        BudgetAlertPublisher(topic, events, URL).publish(NOTICE, [DETAIL])
        stub.assert_no_pending_responses()
    assert topic.notices == [DETAILED]


def test_a_refused_event_does_not_stop_the_message(events: Any) -> None:
    topic = InMemoryNotifier()
    with Stubber(events) as stub:
        refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
        stub.add_response("put_events", refused)
        stub.add_client_error("put_events", "AccessDeniedException")
        for reason in ("EventBridge: ThrottlingException", "EventBridge: .*AccessDenied"):
            with pytest.raises(AlertNotDeliveredError, match=reason):
                BudgetAlertPublisher(topic, events, URL).publish(NOTICE, [DETAIL])
    assert topic.notices == [DETAILED, DETAILED]


def test_a_closed_topic_does_not_stop_the_event_which_is_not_put_again(events: Any) -> None:
    with Stubber(events) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 0}, {"Entries": [ENTRY]})
        publisher = BudgetAlertPublisher(ClosedTopic(), events, URL)
        with pytest.raises(AlertNotDeliveredError, match=r"SNS: .*KMSDisabled") as failed:
            publisher.publish(NOTICE, [DETAIL])
        assert failed.value.delivered == {DeliveryWay.EVENT}
        with pytest.raises(AlertNotDeliveredError, match=r"^SNS: .*KMSDisabled"):
            publisher.publish(NOTICE, [DETAIL], failed.value.delivered)
        stub.assert_no_pending_responses()


def test_a_message_that_was_taken_is_not_sent_again(events: Any) -> None:
    topic = InMemoryNotifier()
    with Stubber(events) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 0}, {"Entries": [ENTRY]})
        BudgetAlertPublisher(topic, events, URL).publish(NOTICE, [DETAIL], {DeliveryWay.MESSAGE})
    assert topic.notices == []


def test_a_request_has_at_most_ten_events(events: Any) -> None:
    with Stubber(events) as stub:
        for size in (10, 10, 1):
            answer, request = {"FailedEntryCount": 0}, {"Entries": [ENTRY] * size}
            stub.add_response("put_events", answer, request)
        BudgetAlertPublisher(InMemoryNotifier(), events, URL).publish(NOTICE, [DETAIL] * 21)
        stub.assert_no_pending_responses()
