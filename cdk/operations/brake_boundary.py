"""The statements of the permissions boundary that the brake needs, where it is on.

Without the brake, no role of a deployment may attach a policy, whoever deploys it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cdk.config.brake_names import DENY_PATH
from lambdas.domain.brake import CONSENT_TAG, CONSENT_VALUE

_ARN = "arn:*"
_DENY_POLICIES = f"{_ARN}:iam::*:policy{DENY_PATH}${{AWS::Region}}/*"
_SESSION_POLICIES = f"{_ARN}:iam::*:policy/bedrock-meter/${{AWS::Region}}/*"
# The brake attaches policies below two paths, and no other one; below one of them, it writes them.
BRAKE_STATEMENTS: Sequence[Mapping[str, Any]] = (
    {
        "Effect": "Allow",
        "Action": ["iam:AttachRolePolicy", "iam:AttachUserPolicy"],
        "Resource": "*",
        "Condition": {"ArnLike": {"iam:PolicyARN": _DENY_POLICIES}},
    },
    {
        "Effect": "Allow",
        "Action": "iam:AttachRolePolicy",
        "Resource": "*",
        "Condition": {
            "ArnLike": {"iam:PolicyARN": _SESSION_POLICIES},
            "StringEquals": {f"iam:ResourceTag/{CONSENT_TAG}": CONSENT_VALUE},
        },
    },
    {
        "Effect": "Allow",
        "Action": "iam:Detach*Policy",
        "Resource": "*",
        "Condition": {
            "ArnLike": {"iam:PolicyARN": f"{_ARN}:iam::*:policy/bedrock-meter*/${{AWS::Region}}/*"}
        },
    },
    {
        "Effect": "Allow",
        "Action": ["iam:*Policy", "iam:*PolicyVersion*"],
        "Resource": _SESSION_POLICIES,
    },
)
