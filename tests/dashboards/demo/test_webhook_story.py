"""The demo's receiver of webhooks verifies what it gets, and the story shows the retry."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
from rich.console import Console
from standardwebhooks import Webhook

from cdk.local_cloud.receiver import ReceivedWebhook, Receiver
from cdk.operations.terminal import CommandError
from dashboards.demo.company_webhook import CompanyWebhook, ReceivedEvent, find_retry
from dashboards.demo.webhook_story import describe_retry, describe_webhook, event_table

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="  # noqa: S105  # of this test
OTHER_SECRET = "whsec_MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="  # noqa: S105  # likewise
LOW = "credits.low"
NOON = datetime(2026, 9, 8, 12, tzinfo=UTC)
FAILED = ReceivedEvent(NOON, "evt_0123456789ab", LOW, "Low", 1, HTTPStatus.SERVICE_UNAVAILABLE)
OTHER = ReceivedEvent(NOON, "evt_ff", "brake.denied", "Denied", 1, HTTPStatus.NO_CONTENT)
REPEATED = FAILED._replace(at=NOON + timedelta(seconds=63), attempt=2, status=HTTPStatus.NO_CONTENT)


def send(name: str, secret: str = SECRET, event_type: str = LOW) -> ReceivedWebhook:
    now = datetime.now(UTC)
    body = json.dumps({"type": event_type, "data": {"title": "Low"}})
    headers = {
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, now, body),
    }
    return ReceivedWebhook(headers, body.encode())


def test_a_receiver_answers_as_it_was_set_up_and_then_accepts() -> None:
    receiver, first = Receiver("https://receiver.example", answers=[500]), send("evt_1")
    assert [receiver.answer(first), receiver.answer(first)] == [500, 200]
    assert receiver.requests == [first, first]


def test_a_receiver_lets_its_owner_choose_the_answer() -> None:
    webhook, request = CompanyWebhook(SECRET), send("evt_1")
    receiver = Receiver("https://receiver.example", choose_answer=webhook.answer)
    assert receiver.answer(request) == HTTPStatus.SERVICE_UNAVAILABLE
    assert len(receiver.requests) == len(webhook.events) == 1


def test_the_first_attempt_fails_and_its_repeat_is_accepted() -> None:
    webhook = CompanyWebhook(SECRET)
    answers = [webhook.answer(send(name)) for name in ("evt_1", "evt_2", "evt_1")]
    assert answers == [503, 204, 204]
    assert [event.attempt for event in webhook.events] == [1, 1, 2]
    assert webhook.wait_for({LOW}, 0) == webhook.events


def test_a_request_with_another_secret_is_refused_and_reported() -> None:
    webhook = CompanyWebhook(SECRET)
    assert webhook.answer(send("evt_1", OTHER_SECRET)) == HTTPStatus.UNAUTHORIZED
    assert webhook.events == []
    for _ in range(2):
        webhook.answer(send("evt_1"))
    with pytest.raises(CommandError, match="1 requests to the webhook finance had a wrong"):
        webhook.wait_for({LOW}, 0)


def test_events_that_do_not_arrive_are_named() -> None:
    webhook = CompanyWebhook(SECRET)
    webhook.answer(send("evt_1"))
    message = "did not receive brake.denied, credits.low, the repeat of the first event"
    with pytest.raises(CommandError, match=message):
        webhook.wait_for({LOW, "brake.denied"}, 0)


def test_a_secret_is_not_in_the_text_of_a_receiver() -> None:
    assert SECRET not in repr(CompanyWebhook(SECRET))


def test_a_retry_is_the_same_event_again() -> None:
    assert find_retry([FAILED, OTHER]) is None
    assert find_retry([FAILED, OTHER, REPEATED]) == (FAILED, REPEATED)


def test_each_attempt_has_a_row() -> None:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(event_table([FAILED, OTHER, REPEATED]))
    _, *rows = (" ".join(line.split()) for line in captured.get().splitlines())
    assert rows == [
        "2026-09-08 12:00:00 evt_01234567... 1 503 credits.low Low",
        "2026-09-08 12:00:00 evt_ff... 1 204 brake.denied Denied",
        "2026-09-08 12:01:03 evt_01234567... 2 204 credits.low Low",
    ]


def test_the_story_says_how_the_failed_event_came_again() -> None:
    assert "bedrock-meter webhooks add" in describe_webhook()
    assert describe_retry([FAILED, OTHER, REPEATED]).endswith(
        "The receiver answered 503 once: that event came again after 63 s, under the same id"
        " evt_0123456789ab."
    )
    assert "came again" not in describe_retry([OTHER])
