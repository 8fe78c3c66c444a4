"""Messages of the queue of deliveries name a delivery, and wait no longer than SQS allows."""

import json
from datetime import timedelta
from typing import Any

import boto3
import pytest

from lambdas.adapters.sqs_delivery_queue import MAX_WAIT, SqsDeliveryQueue, read_delivery_message
from lambdas.domain.webhooks import MAX_MESSAGE_NUMBER, DeliveryMessage

MESSAGE = DeliveryMessage("pager", "evt_1", 7)


class Requests:
    """A client of SQS that notes what it is asked for."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []

    def send_message(self, **request: Any) -> None:
        self.made.append(request)


@pytest.mark.usefixtures("aws")
def test_a_sent_message_names_its_delivery() -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="deliveries")["QueueUrl"]
    SqsDeliveryQueue(sqs, url).send(MESSAGE)
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert read_delivery_message(message["Body"]) == MESSAGE


@pytest.mark.parametrize(
    "body",
    [
        *("", "{", "[]", "null", '"text"', "[" * 100_000, '{"webhook": "a", "event": "b"}'),
        *(
            json.dumps({"webhook": webhook, "event": event, "number": number})
            for webhook, event, number in (
                *((1, "b", 0), ("", "b", 0), (["a"], {"b": "c"}, 0)),
                *(("a" * 2_000, "b", 0), ("a", "b" * 2_000, 0), ("\ud800", "b", 0)),
                *(("a", "b", "0"), ("a", "b", -1), ("a", "b", 0.5), ("a", "b", None)),
            )
        ),
    ],
    ids=lambda body: body[:60],
)
def test_another_message_names_none(body: str) -> None:
    assert read_delivery_message(body) is None


def test_a_number_that_was_made_up_has_an_end() -> None:
    body = json.dumps({"webhook": "a", "event": "b", "number": 10**300})
    found = read_delivery_message(body)
    assert found == DeliveryMessage("a", "b", MAX_MESSAGE_NUMBER)
    assert found.follow() == found


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        (timedelta(seconds=5), 5),
        (timedelta(seconds=4.2), 5),
        (timedelta(0), 0),
        (timedelta(seconds=-3), 0),
        (timedelta(hours=24), MAX_WAIT.total_seconds()),
    ],
)
def test_a_message_is_held_back_for_its_wait(wait: timedelta, seconds: float) -> None:
    sqs = Requests()
    SqsDeliveryQueue(sqs, "https://queue").send(MESSAGE, wait)  # type: ignore[arg-type]  # a twin
    (request,) = sqs.made
    assert request["DelaySeconds"] == seconds
    assert request["QueueUrl"] == "https://queue"
    assert request["MessageGroupId"] == "pager", "fair between receivers"


@pytest.mark.usefixtures("aws")
def test_sqs_takes_the_longest_wait() -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="deliveries")["QueueUrl"]
    SqsDeliveryQueue(sqs, url).send(MESSAGE, timedelta(days=14))
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
