"""Each event becomes a delivery for each receiver that wants it, and a message once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.domain.events import EVENTS_ATTRIBUTE, EventType, MeterEvent, write_events
from lambdas.domain.webhooks import EventFilter
from lambdas.functions.webhook_router import handler
from tests.aws import lambda_context
from tests.functions.webhook_account import TOPIC, WebhookAccount, open_account
from tests.webhooks import make_event


@pytest.fixture
def account(aws: None, monkeypatch: pytest.MonkeyPatch) -> WebhookAccount:
    return open_account(monkeypatch)


def message(number: int, *events: MeterEvent, topic: str = TOPIC) -> dict[str, Any]:
    """A message of the topic in the queue of events."""
    attributes = {EVENTS_ATTRIBUTE: {"Type": "String", "Value": write_events(events)}}
    body = {
        "Type": "Notification",
        "TopicArn": topic,
        "Message": "text",
        "MessageAttributes": attributes,
    }
    return {"messageId": f"message-{number}", "body": json.dumps(body)}


def route(*records: dict[str, Any]) -> list[str]:
    """Start the function; returns the ids of the messages that stay."""
    answer = handler.lambda_handler({"Records": list(records)}, lambda_context())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def list_queued(account: WebhookAccount) -> list[dict[str, str]]:
    records = account.receive()["Records"]
    found = [json.loads(record["body"]) for record in records]
    return sorted(found, key=lambda each: sorted(each.items()))


def test_each_receiver_gets_the_events_that_it_wants(account: WebhookAccount) -> None:
    account.add("all")
    account.add("brake", filter=EventFilter(types=("brake.*",)))
    budget = make_event(id="evt_budget")
    brake = make_event(id="evt_brake", type=EventType.BRAKE_DENIED)
    assert route(message(1, budget), message(2, brake)) == []
    assert {(each["webhook"], each["event"]) for each in list_queued(account)} == {
        ("all", "evt_budget"),
        ("all", "evt_brake"),
        ("brake", "evt_brake"),
    }
    (stored,) = account.manager.deliveries.list_for("brake")
    assert stored.event == brake


def test_a_repeated_message_adds_no_second_delivery(account: WebhookAccount) -> None:
    account.add("all")
    for _ in range(2):
        assert route(message(1, make_event())) == []
    assert len(list(account.manager.deliveries.list_for("all"))) == 1


def test_a_message_that_cannot_be_read_stays_and_stops_no_other(account: WebhookAccount) -> None:
    account.add("all")
    poison = [
        {"messageId": f"poison-{number}", "body": body}
        for number, body in enumerate(("{", "[]", '{"Type": "Notification"}', '{"source": "x"}'))
    ]
    found = route(*poison[:2], message(1, make_event()), *poison[2:])
    assert found == [record["messageId"] for record in poison]
    assert len(list_queued(account)) == 1


def test_a_message_of_another_topic_is_not_routed(account: WebhookAccount) -> None:
    account.add("all")
    forged = message(1, make_event(), topic=TOPIC.replace("Notifications", "Mallory"))
    assert route(forged, message(2, make_event(id="evt_2"))) == ["message-1"]
    assert [each["event"] for each in list_queued(account)] == ["evt_2"]


def test_many_events_are_routed_at_once(account: WebhookAccount) -> None:
    account.add("all")
    events = [make_event(id=f"evt_{number}") for number in range(30)]
    assert route(message(1, *events)) == []
    assert len(list(account.manager.deliveries.list_for("all"))) == 30


def test_alarms_of_others_are_done_without_a_delivery(account: WebhookAccount) -> None:
    account.add("all")
    change = {
        "source": "aws.cloudwatch",
        "detail-type": "CloudWatch Alarm Configuration Change",
        "detail": {"alarmName": "Payroll"},
    }
    assert route({"messageId": "other", "body": json.dumps(change)}) == []
    assert list_queued(account) == []
