"""The statements of the permissions boundary that the brake needs, where it is on.

Without the brake, no role of a deployment may attach a policy, whoever deploys it. With it, roles
may attach policies that only `make bootstrap` writes, and detach and delete policies of sessions,
also those of an earlier setting. With `brake_sessions`, a role may write policies of sessions, and
attach them to roles that carry the tag of consent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cdk.config.brake_names import DENY_PATH
from lambdas.domain.brake import CONSENT_TAG, CONSENT_VALUE

_POLICIES = "arn:*:iam::*:policy"
_DENY_POLICIES = f"{_POLICIES}{DENY_PATH}${{AWS::Region}}/*"
_SESSION_POLICIES = f"{_POLICIES}/bedrock-meter/${{AWS::Region}}/*"

BRAKE_STATEMENTS: Sequence[Mapping[str, Any]] = (
    {
        "Effect": "Allow",
        "Action": ["iam:AttachRolePolicy", "iam:AttachUserPolicy"],
        "Resource": "*",
        "Condition": {"ArnLike": {"iam:PolicyARN": _DENY_POLICIES}},
    },
    {
        "Effect": "Allow",
        "Action": "iam:Detach*Policy",
        "Resource": "*",
        "Condition": {"ArnLike": {"iam:PolicyARN": [_DENY_POLICIES, _SESSION_POLICIES]}},
    },
    {
        "Effect": "Allow",
        "Action": ["iam:DeletePolicy*", "iam:GetPolicy*", "iam:ListPolicyVersions"],
        "Resource": _SESSION_POLICIES,
    },
)
SESSION_STATEMENTS: Sequence[Mapping[str, Any]] = (
    {
        "Effect": "Allow",
        "Action": "iam:AttachRolePolicy",
        "Resource": "*",
        "Condition": {
            "ArnLike": {"iam:PolicyARN": _SESSION_POLICIES},
            "StringEquals": {f"iam:ResourceTag/{CONSENT_TAG}": CONSENT_VALUE},
        },
    },
    {"Effect": "Allow", "Action": "iam:CreatePolicy*", "Resource": _SESSION_POLICIES},
)
