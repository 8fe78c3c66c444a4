"""The statements of the permissions boundary that the gateway needs, where it is on.

Without the gateway, no role of a deployment may take another one, or call a model. With it, a role
may take that of callers alone, which alone may call models. Traces need a statement more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cdk.config.gateway_names import CALLER_ROLES, TRACE_ACTIONS
from lambdas.meter_name import DEFAULT_NAME

_CALLERS = f"arn:*:iam::*:role/{DEFAULT_NAME}{CALLER_ROLES}${{AWS::Region}}"

GATEWAY_STATEMENTS: Sequence[Mapping[str, Any]] = (
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": _CALLERS},
    {
        "Effect": "Allow",
        "Action": ["bedrock:CountTokens", "bedrock:InvokeModel*"],
        "Resource": "*",
        "Condition": {"ArnLike": {"aws:PrincipalArn": _CALLERS}},
    },
)
TRACE_STATEMENTS: Sequence[Mapping[str, Any]] = (
    {"Effect": "Allow", "Action": list(TRACE_ACTIONS), "Resource": "*"},
)
"""The same for its traces."""
