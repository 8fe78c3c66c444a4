"""The statements of the permissions boundary that webhooks need, where they are on.

Without them, no role of a deployment may use a queue. With them, roles may use the meter's own, and
one may decrypt what is bound to a receiver of webhooks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.meter_name import DEFAULT_NAME

_HERE = "${AWS::Region}:${AWS::AccountId}"
_KEYS = f"arn:*:kms:{_HERE}:key/*"
QUEUE_ACTIONS = (
    *("sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    *("sqs:ReceiveMessage", "sqs:SendMessage"),
)
"""The actions of the functions of webhooks."""

WEBHOOK_STATEMENTS: Sequence[Mapping[str, Any]] = (
    {
        "Effect": "Allow",
        # Shorter than those above, and with what moves dead letters back.
        "Action": ["sqs:*Message*", "sqs:GetQueueAttributes"],
        "Resource": f"arn:*:sqs:{_HERE}:{DEFAULT_NAME}-*",
    },
    {
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": _KEYS,
        "Condition": {"Null": {"kms:EncryptionContext:webhook": "false"}},
    },
    {
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": _KEYS,
        "Condition": {"StringEquals": {"kms:ViaService": "sqs.${AWS::Region}.${AWS::URLSuffix}"}},
    },
)
