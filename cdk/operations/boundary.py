"""The permissions boundary of a Region's roles: the most that any of them may do."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cdk.config.boundary_name import boundary_name
from cdk.operations.brake_boundary import BRAKE_STATEMENTS, SESSION_STATEMENTS
from cdk.operations.gateway_boundary import GATEWAY_STATEMENTS, TRACE_STATEMENTS
from cdk.operations.managed_policy import ManagedPolicy, PolicyState
from cdk.operations.webhook_boundary import WEBHOOK_STATEMENTS

BOUNDARY_FILE = Path(__file__).parents[1] / "boundary.json"


@dataclass(frozen=True)
class Boundary(ManagedPolicy):
    """The permissions boundary of one Region.

    CloudFormation's execution role can only attach it to roles.

    Attributes:
        adopted_log_group: The log group of others that is metered.
        has_brake: True if the brake is on, by the settings.
        has_brake_sessions: True if it may deny single sessions.
        has_gateway: True if the gateway is on.
        has_traces: True if it sends traces.
        has_webhooks: True if webhooks are on.
    """

    adopted_log_group: str | None = None
    has_brake: bool = False
    has_brake_sessions: bool = False
    has_gateway: bool = False
    has_traces: bool = False
    has_webhooks: bool = False

    title = "Permissions boundary"
    description = "Bedrock Meter: the most that any role of a deployment may do"

    @property
    def name(self) -> str:
        """The name of the managed policy."""
        return boundary_name(self.region)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The boundary that this version needs, for the account and the Region."""
        document: dict[str, Any] = json.loads(BOUNDARY_FILE.read_text())
        document["Statement"] += [
            *(BRAKE_STATEMENTS if self.has_brake else ()),
            *(SESSION_STATEMENTS if self.has_brake_sessions else ()),
            *(GATEWAY_STATEMENTS if self.has_gateway else ()),
            *(TRACE_STATEMENTS if self.has_traces else ()),
            *(WEBHOOK_STATEMENTS if self.has_webhooks else ()),
        ]
        text = json.dumps(document)
        for name, value in self.pseudo_parameters.items():
            text = text.replace(f"${{AWS::{name}}}", value)
        document = json.loads(text)
        if self.adopted_log_group is not None:
            names = self.pseudo_parameters
            arn = (
                f"arn:{names['Partition']}:logs:{self.region}:{names['AccountId']}"
                f":log-group:{self.adopted_log_group}"
            )
            document["Statement"].append(
                {
                    "Effect": "Allow",
                    "Action": ["logs:FilterLogEvents"],
                    "Resource": [arn, f"{arn}:*"],
                }
            )
        return document

    def still_has_brake(self) -> bool:
        """Say if the account's differs by the brake alone, which a deployment has to remove."""
        return not self.has_brake and any(
            replace(self, has_brake=True, has_brake_sessions=has_sessions).state()
            is PolicyState.CURRENT
            for has_sessions in (False, True)
        )
