"""Changes of invocation logging, as CloudTrail tells them: who did what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from lambdas.domain.logging_configuration.drift import Subject

_CLOUDFORMATION = "cloudformation.amazonaws.com"
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class WatchedActions:
    """Actions of one service that change what a subject is.

    Attributes:
        service: The service, as events name it: `bedrock`, for `bedrock.amazonaws.com`.
        actions: What CloudTrail calls them.
        target: The request parameter that names what is changed; `None` where there is one alone.
        targets: The request parameter of actions that change several at once.
    """

    service: str
    actions: tuple[str, ...]
    target: str | None = None
    targets: str | None = None


WATCHED: Mapping[Subject, WatchedActions] = {
    Subject.CONFIGURATION: WatchedActions(
        "bedrock",
        (
            "PutModelInvocationLoggingConfiguration",
            "DeleteModelInvocationLoggingConfiguration",
        ),
    ),
    Subject.LOG_GROUP: WatchedActions(
        "logs",
        ("DeleteLogGroup", "PutRetentionPolicy", "DeleteRetentionPolicy"),
        target="logGroupName",
    ),
    Subject.SUBSCRIPTION: WatchedActions(
        "logs", ("PutSubscriptionFilter", "DeleteSubscriptionFilter"), target="logGroupName"
    ),
    Subject.ROLE: WatchedActions(
        "iam",
        (
            "DeleteRole",
            "UpdateAssumeRolePolicy",
            "PutRolePolicy",
            "DeleteRolePolicy",
            "AttachRolePolicy",
            "DetachRolePolicy",
            "PutRolePermissionsBoundary",
        ),
        target="roleName",
    ),
    Subject.MEMORY: WatchedActions(
        "ssm",
        ("PutParameter", "DeleteParameter", "DeleteParameters", "LabelParameterVersion"),
        target="name",
        targets="names",
    ),
}
"""What changes invocation logging. IAM's events are in one Region alone, us-east-1 in most."""


@dataclass(frozen=True, slots=True)
class LoggingChange:
    """Something that somebody did.

    Attributes:
        event_id: What CloudTrail calls the event.
        at: When it was done, in UTC.
        action: What was done, by the name of the API's action.
        targets: The log group, role or parameters; empty where there is one alone.
        who: The ARN of who did it, or the nearest that CloudTrail has.
        role_arn: The role behind a session; `None` for others.
        via_cloudformation: Whether CloudFormation did it; for which stack, no event says.
    """

    event_id: str
    at: datetime
    action: str
    targets: tuple[str, ...]
    who: str
    role_arn: str | None
    via_cloudformation: bool

    @classmethod
    def from_event(cls, record: Mapping[str, Any]) -> Self:
        """Read an event of CloudTrail.

        Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
        """
        identity = record.get("userIdentity") or {}
        invoked_by = identity.get("invokedBy")
        issuer = (identity.get("sessionContext") or {}).get("sessionIssuer") or {}
        parameters = record.get("requestParameters") or {}
        return cls(
            event_id=record["eventID"],
            at=datetime.fromisoformat(record["eventTime"]),
            action=record["eventName"],
            targets=_targets(parameters),
            who=identity.get("arn") or invoked_by or identity.get("principalId") or _UNKNOWN,
            role_arn=issuer.get("arn"),
            via_cloudformation=invoked_by == _CLOUDFORMATION,
        )


def _targets(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    one = (parameters.get(watched.target) for watched in WATCHED.values() if watched.target)
    several = (
        parameters.get(watched.targets) or () for watched in WATCHED.values() if watched.targets
    )
    return (
        *dict.fromkeys(name for name in one if name),
        *(name for names in several for name in names),
    )
