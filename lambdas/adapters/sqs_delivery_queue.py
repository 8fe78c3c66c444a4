"""Has deliveries of webhooks sent, by messages of a queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


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

    def send(self, webhook_id: str, event_id: str) -> None:
        """Have a delivery attempted as soon as it is due."""
        body = json.dumps({"webhook": webhook_id, "event": event_id})
        self._client.send_message(QueueUrl=self._queue_url, MessageBody=body)
