"""Packs log messages the way CloudWatch Logs delivers them to a Lambda function."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable


def pack(messages: Iterable[str], log_group: str = "/bedrock-meter/invocations") -> str:
    """Pack messages into the `awslogs.data` of one delivery.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
    """
    envelope = {
        "messageType": "DATA_MESSAGE",
        "owner": "111122223333",
        "logGroup": log_group,
        "logStream": "aws/bedrock/modelinvocations",
        "subscriptionFilters": ["bedrock-meter"],
        "logEvents": [
            {"id": f"{number:056}", "timestamp": 0, "message": message}
            for number, message in enumerate(messages)
        ],
    }
    return base64.b64encode(gzip.compress(json.dumps(envelope).encode(), mtime=0)).decode()
