"""Each message is a delivery: it is sent, comes again after its wait, or is a dead letter."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from standardwebhooks import Webhook

from lambdas.domain.alarms import read_alarm_change, write_alarm_event
from lambdas.domain.webhooks import DeliveryState, ReceiverAnswer, ReceiverError
from lambdas.functions.webhook_sender import handler
from lambdas.functions.webhook_sender.settings import Settings
from lambdas.wiring.webhook_sender import make_sender
from tests.alarm_changes import alarm_change
from tests.aws import embedded_metrics, lambda_context
from tests.functions.webhook_account import URL, WebhookAccount, open_account
from tests.webhooks import ScriptedReceiver


@pytest.fixture
def account(aws: None, monkeypatch: pytest.MonkeyPatch) -> WebhookAccount:
    return open_account(monkeypatch)


@pytest.fixture
def receiver(account: WebhookAccount, monkeypatch: pytest.MonkeyPatch) -> ScriptedReceiver:
    receiver = ScriptedReceiver()
    sender = replace(make_sender(Settings.from_environment(os.environ)), receiver=receiver)
    monkeypatch.setattr(handler, "sender", lambda: sender)
    return receiver


def send(event: dict[str, Any]) -> list[str]:
    """Start the function; returns the ids of the messages that stay."""
    answer = handler.lambda_handler(event, lambda_context())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def list_counts(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, float]]:
    return [(metric.name, metric.value) for metric in embedded_metrics(capsys.readouterr().out)]


def test_a_delivery_is_signed_and_its_message_is_done(
    account: WebhookAccount, receiver: ScriptedReceiver, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = account.add("pager")
    delivery = account.test("pager")
    assert send(account.receive()) == []
    (request,) = receiver.requests
    assert request.url == URL
    payload: Any = Webhook(secret).verify(request.body, dict(request.headers))
    assert payload["type"] == "webhook.test"
    assert payload["data"]["account"] == "111122223333"
    stored = account.manager.deliveries.get("pager", delivery.event.id)
    assert stored is not None
    assert stored.state is DeliveryState.DELIVERED
    assert list_counts(capsys) == [("DeliveredWebhooks", 1)]


@pytest.mark.parametrize("answer", [ReceiverAnswer(500), ReceiverError("no answer")])
def test_a_message_of_a_failed_attempt_is_followed_by_one_that_comes_later(
    account: WebhookAccount, receiver: ScriptedReceiver, answer: ReceiverAnswer | ReceiverError
) -> None:
    account.add("pager")
    account.test("pager")
    receiver.answers = [answer]
    event = account.receive()
    assert send(event) == []
    assert account.receive() == {"Records": []}
    # A copy that comes early makes no attempt, and no third message.
    assert send(event) == []
    assert len(receiver.requests) == 1
    attributes = boto3.client("sqs").get_queue_attributes(
        QueueUrl=account.queue_url, AttributeNames=["ApproximateNumberOfMessagesDelayed"]
    )["Attributes"]
    assert attributes == {"ApproximateNumberOfMessagesDelayed": "1"}


def test_a_receiver_that_is_gone_is_counted_and_its_message_is_done(
    account: WebhookAccount, receiver: ScriptedReceiver, capsys: pytest.CaptureFixture[str]
) -> None:
    account.add("pager")
    account.test("pager")
    receiver.answers = [ReceiverAnswer(410)]
    assert send(account.receive()) == []
    assert list_counts(capsys) == [("DisabledWebhooks", 1)]
    (webhook,) = account.manager.webhooks.list_all()
    assert webhook.disabled_at is not None


def test_the_last_failed_attempt_is_counted(
    account: WebhookAccount, receiver: ScriptedReceiver, capsys: pytest.CaptureFixture[str]
) -> None:
    account.add("pager")
    delivery = account.test("pager")
    event, stored = account.receive(), account.manager.deliveries
    almost = replace(delivery, attempts=9, due_at=delivery.due_at - timedelta(minutes=1))
    assert stored.write(almost, delivery.attempts)
    receiver.answers = [ReceiverAnswer(500)]
    assert send(event) == []
    assert list_counts(capsys) == [("FailedWebhooks", 1)]


def test_a_failure_of_an_event_about_failures_is_not_counted(
    account: WebhookAccount, receiver: ScriptedReceiver, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else a receiver that is gone for good would cause its own alarms without end."""
    account.add("pager")
    sent = account.test("pager")
    event, stored = account.receive(), account.manager.deliveries
    change = alarm_change("BedrockMeter-Health-FailedWebhooks")
    alarm = write_alarm_event(read_alarm_change(change))
    assert alarm is not None
    last = replace(sent, attempts=9, event=replace(alarm, id=sent.event.id))
    assert stored.write(last, sent.attempts)
    receiver.answers = [ReceiverAnswer(500)]
    assert send(event) == []
    assert list_counts(capsys) == []
    found = stored.get("pager", sent.event.id)
    assert found is not None
    assert found.state is DeliveryState.FAILED


def test_a_message_that_names_no_delivery_stays_and_stops_no_other(
    account: WebhookAccount, receiver: ScriptedReceiver
) -> None:
    account.add("pager")
    account.test("pager")
    event = account.receive()
    poison = {"messageId": "poison", "receiptHandle": "-", "body": "{"}
    forged = {"messageId": "forged", "receiptHandle": "-"} | {
        "body": json.dumps({"webhook": "pager", "event": "evt_forged", "number": 0})
    }
    assert send({"Records": [poison, forged, *event["Records"]]}) == ["poison"]
    assert len(receiver.requests) == 1


def test_no_secret_and_no_address_is_logged(
    account: WebhookAccount,
    receiver: ScriptedReceiver,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret = account.add("pager")
    with caplog.at_level(logging.DEBUG):
        for answer in (ReceiverAnswer(500, body=f"{URL} {secret}"), ReceiverError("no answer")):
            account.test("pager")
            receiver.answers = [answer]
            send(account.receive())
    written = caplog.text + "".join(capsys.readouterr())
    items = json.dumps(
        boto3.client("dynamodb").scan(TableName=os.environ["GOVERNANCE_TABLE"])["Items"],
        default=str,
    )
    for text in (written, items):
        assert "MarkedUrlToken" not in text
        assert secret not in text
        assert secret.removeprefix("whsec_") not in text
