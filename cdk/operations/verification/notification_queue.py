"""A queue that receives the meter's notifications during a verification.

A queue needs no confirmation by a person and no open port, and is deleted by its name afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import boto3

from cdk.config.resource_names import NAME_PREFIX
from cdk.operations.aws_errors import ignore_errors

if TYPE_CHECKING:
    from cdk.operations.verification.waiting import Waiting

QUEUE_NAME = f"{NAME_PREFIX}Verification"
_NOT_THERE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}


@dataclass(frozen=True, slots=True)
class NotificationQueue:
    """A queue that is subscribed to the topic of notifications.

    Attributes:
        client: A client of SQS, without types.
        url: The queue.
        texts: All messages so far.
    """

    client: Any
    url: str
    texts: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, session: boto3.Session, topic: str) -> Self:
        """Make the queue and subscribe it."""
        client: Any = session.client("sqs")
        url = client.create_queue(QueueName=QUEUE_NAME)["QueueUrl"]
        attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn = attributes["Attributes"]["QueueArn"]
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        session.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return cls(client, url)

    def await_text(self, waiting: Waiting, is_expected: Callable[[str], bool]) -> str | None:
        """Wait for a notification whose text is the expected one; `None` if it does not come."""

        def look() -> str | None:
            answer = self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
            for message in answer.get("Messages", []):
                self.texts.append(json.loads(message["Body"])["Message"])
                self.client.delete_message(
                    QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                )
            return next((text for text in self.texts if is_expected(text)), None)

        return waiting.until(look)


def delete_queue(session: boto3.Session) -> None:
    """Delete the queue, if it is there."""
    client: Any = session.client("sqs")
    with ignore_errors(_NOT_THERE):
        client.delete_queue(QueueUrl=client.get_queue_url(QueueName=QUEUE_NAME)["QueueUrl"])


def has_queue(session: boto3.Session) -> bool:
    """Say if the queue is there."""
    client: Any = session.client("sqs")
    with ignore_errors(_NOT_THERE):
        return bool(client.get_queue_url(QueueName=QUEUE_NAME)["QueueUrl"])
    return False
