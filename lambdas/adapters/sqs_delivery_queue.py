"""Has deliveries of webhooks sent, by messages of a queue."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING

from lambdas.domain.events import MAX_ID_LETTERS
from lambdas.domain.webhooks import MAX_MESSAGE_NUMBER, DeliveryMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_WAIT = timedelta(minutes=15)
"""The longest time for which SQS holds a new message back.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""
_ID = re.compile(rf"[A-Za-z0-9_.-]{{1,{MAX_ID_LETTERS}}}")


class SqsDeliveryQueue:
    """Sends messages that name a delivery, and nothing of what it holds."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        """Send to a queue.

        Args:
            client: An SQS client.
            queue_url: The URL of the queue of deliveries.
        """
        self._client = client
        self._queue_url = queue_url

    def send(self, message: DeliveryMessage, wait: timedelta = timedelta(0)) -> None:
        """Have a delivery looked at after a wait, or after `MAX_WAIT`."""
        content = {
            "webhook": message.webhook_id,
            "event": message.event_id,
            "number": message.number,
        }
        self._client.send_message(
            QueueUrl=self._queue_url,
            MessageBody=json.dumps(content),
            # A backlog of one receiver holds up no other one.
            # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
            MessageGroupId=message.webhook_id,
            DelaySeconds=ceil(min(max(wait, timedelta(0)), MAX_WAIT).total_seconds()),
        )


def read_delivery_message(body: str) -> DeliveryMessage | None:
    """Read the text of a message; `None` if it names no delivery."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    match content:
        case {"webhook": str(webhook_id), "event": str(event_id), "number": int(number)} if (
            _ID.fullmatch(webhook_id) and _ID.fullmatch(event_id) and number >= 0
        ):
            return DeliveryMessage(webhook_id, event_id, min(int(number), MAX_MESSAGE_NUMBER))
    return None
