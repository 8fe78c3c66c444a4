"""An alert of a budget is a text and an event, even if one of the two fails."""

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


def test_an_alert_is_a_message_and_an_event(events: Any) -> None:
    topic = InMemoryNotifier()
    with Stubber(events) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 0}, {"Entries": [ENTRY]})
        BudgetAlertPublisher(topic, events).publish(NOTICE, DETAIL)
        stub.assert_no_pending_responses()
    assert topic.notices == [NOTICE]


def test_a_refused_event_does_not_stop_the_message(events: Any) -> None:
    topic = InMemoryNotifier()
    with Stubber(events) as stub:
        refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}
        stub.add_response("put_events", refused)
        stub.add_client_error("put_events", "AccessDeniedException")
        for reason in ("EventBridge: ThrottlingException", "EventBridge: .*AccessDenied"):
            with pytest.raises(AlertNotDeliveredError, match=reason):
                BudgetAlertPublisher(topic, events).publish(NOTICE, DETAIL)
    assert topic.notices == [NOTICE, NOTICE]


def test_a_closed_topic_does_not_stop_the_event(events: Any) -> None:
    with Stubber(events) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 0}, {"Entries": [ENTRY]})
        with pytest.raises(AlertNotDeliveredError, match=r"SNS: .*KMSDisabled"):
            BudgetAlertPublisher(ClosedTopic(), events).publish(NOTICE, DETAIL)
        stub.assert_no_pending_responses()
