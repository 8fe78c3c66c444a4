"""Packs log messages the way CloudWatch Logs delivers them to a Lambda function."""

from __future__ import annotations

from collections.abc import Iterable

from lambdas.domain.invocations import BEDROCK_LOG_STREAM, envelope


def pack(messages: Iterable[str], log_group: str = "/bedrock-meter/invocations") -> str:
    """Pack messages into the `awslogs.data` of one delivery.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
    """
    events = [
        {"id": f"{number:056}", "timestamp": 0, "message": message}
        for number, message in enumerate(messages)
    ]
    return envelope.pack(
        {
            "messageType": "DATA_MESSAGE",
            "owner": "111122223333",
            "logGroup": log_group,
            "logStream": BEDROCK_LOG_STREAM,
            "subscriptionFilters": ["bedrock-meter"],
            "logEvents": events,
        }
    )
