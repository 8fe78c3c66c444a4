"""Messages of the queue of deliveries: what they name, and when they come again."""

from __future__ import annotations

import json
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_WAIT = timedelta(hours=11, minutes=55)
"""The longest wait: SQS hides a message for 12 hours at most, from the time of its receipt.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""


class DeliveryMessage(NamedTuple):
    """The delivery that a message names.

    Attributes:
        webhook_id: The receiver.
        event_id: The event.
    """

    webhook_id: str
    event_id: str


def read_delivery_message(body: str) -> DeliveryMessage | None:
    """Read the text of a message; `None` if it names no delivery."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    match content:
        case {"webhook": str(webhook_id), "event": str(event_id)} if webhook_id and event_id:
            return DeliveryMessage(webhook_id, event_id)
    return None


class MessageDelayer:
    """Delays messages that a function has received, and leaves in their queue."""

    def __init__(self, sqs: SQSClient, queue_url: str) -> None:
        """Delay messages of a queue."""
        self._sqs, self._queue_url = sqs, queue_url

    def delay(self, receipt_handle: str, wait: timedelta) -> None:
        """Hide a message for a time, and no longer than `MAX_WAIT`: then it waits again."""
        seconds = ceil(min(max(wait, timedelta(0)), MAX_WAIT).total_seconds())
        self._sqs.change_message_visibility(
            QueueUrl=self._queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
        )
