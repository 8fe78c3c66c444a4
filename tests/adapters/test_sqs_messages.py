"""Messages of the queue of deliveries name a delivery, and wait no longer than SQS allows."""

import json
from datetime import timedelta
from typing import Any

import boto3
import pytest

from lambdas.adapters.sqs_delivery_queue import SqsDeliveryQueue
from lambdas.adapters.sqs_messages import (
    MAX_WAIT,
    DeliveryMessage,
    MessageDelayer,
    read_delivery_message,
)

MAX_RUN = timedelta(minutes=1)


class Requests:
    """A client of SQS that notes what it is asked for."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []

    def change_message_visibility(self, **request: Any) -> None:
        self.made.append(request)


@pytest.mark.usefixtures("aws")
def test_a_sent_message_names_its_delivery() -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="deliveries")["QueueUrl"]
    SqsDeliveryQueue(sqs, url).send("pager", "evt_1")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert read_delivery_message(message["Body"]) == DeliveryMessage("pager", "evt_1")


@pytest.mark.parametrize(
    "body",
    [
        *("", "{", "[]", "null", '"text"', "[" * 100_000),
        *('{"webhook": "a"}', '{"webhook": 1, "event": "b"}', '{"webhook": "", "event": "b"}'),
        json.dumps({"webhook": ["a"], "event": {"b": "c"}}),
    ],
    ids=lambda body: body[:20],
)
def test_another_message_names_none(body: str) -> None:
    assert read_delivery_message(body) is None


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
def test_a_message_is_hidden_for_its_wait(wait: timedelta, seconds: float) -> None:
    sqs = Requests()
    MessageDelayer(sqs, "https://queue").delay("handle", wait)  # type: ignore[arg-type]  # a twin
    (request,) = sqs.made
    assert request == {
        "QueueUrl": "https://queue",
        "ReceiptHandle": "handle",
        "VisibilityTimeout": seconds,
    }


@pytest.mark.usefixtures("aws")
def test_sqs_takes_the_longest_wait() -> None:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="deliveries")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    MessageDelayer(sqs, url).delay(message["ReceiptHandle"], timedelta(days=14))
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert timedelta(hours=12) > MAX_WAIT + MAX_RUN
