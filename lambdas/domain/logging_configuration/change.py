"""Changes of invocation logging as CloudTrail reports them: who did what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from lambdas.domain.logging_configuration.drift import Subject

_CLOUDFORMATION = "cloudformation.amazonaws.com"
_UNKNOWN = "unknown"
_ALARM = "ALARM"


@dataclass(frozen=True, slots=True)
class WatchedActions:
    """Actions of one service that change what a subject is.

    Attributes:
        service: The service, as events name it: `bedrock`, for `bedrock.amazonaws.com`.
        actions: Their names in CloudTrail.
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
            "DeleteRolePermissionsBoundary",
        ),
        target="roleName",
    ),
    Subject.LOGGING_STATE: WatchedActions(
        "ssm",
        ("PutParameter", "DeleteParameter", "DeleteParameters", "LabelParameterVersion"),
        target="name",
        targets="names",
    ),
    Subject.ALARM: WatchedActions(
        "monitoring",
        (
            "DeleteAlarms",
            "DisableAlarmActions",
            "PutAlarmMuteRule",
            "PutMetricAlarm",
            "SetAlarmState",
        ),
    ),
    Subject.TOPIC: WatchedActions(
        "sns",
        (
            "AddPermission",
            "DeleteTopic",
            "PutDataProtectionPolicy",
            "RemovePermission",
            "SetSubscriptionAttributes",
            "SetTopicAttributes",
            "Unsubscribe",
        ),
    ),
    Subject.KEY: WatchedActions("kms", ("DisableKey", "PutKeyPolicy", "ScheduleKeyDeletion")),
    Subject.LOG_POLICY: WatchedActions(
        "logs",
        (
            "DeleteDataProtectionPolicy",
            "DeleteLogGroup",
            "DeleteRetentionPolicy",
            "PutAccountPolicy",
            "PutDataProtectionPolicy",
            "PutRetentionPolicy",
            "PutTransformer",
        ),
    ),
    Subject.RULE: WatchedActions(
        "events", ("DeleteRule", "DisableRule", "PutRule", "PutTargets", "RemoveTargets")
    ),
    Subject.FUNCTION: WatchedActions(
        "lambda",
        (
            "DeleteEventSourceMapping20150331",
            "DeleteFunction20150331",
            "PutFunctionConcurrency20171031",
            "RemovePermission20150331v2",
            "UpdateEventSourceMapping20150331",
            "UpdateFunctionCode20150331v2",
            "UpdateFunctionConfiguration20150331v2",
        ),
    ),
    Subject.LEDGER: WatchedActions(
        "dynamodb",
        (
            "DeleteResourcePolicy",
            "DeleteTable",
            "PutResourcePolicy",
            "UpdateContinuousBackups",
            "UpdateTable",
            "UpdateTimeToLive",
        ),
    ),
}
"""Actions on invocation logging or the meter. IAM's events are in one Region, us-east-1 in most.

Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/logging_cw_api_calls.html,
https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html (names with versions),
https://docs.aws.amazon.com/sns/latest/dg/logging-using-cloudtrail.html
"""

LEAVES_NO_DRIFT = ("SetAlarmState", "UpdateFunctionCode20150331v2")
"""Actions that no comparison can show: each check looks for them in CloudTrail's event history."""

_TARGETS = (
    "logGroupName",
    "logGroupIdentifier",
    "roleName",
    "alarmName",
    "alarmNames",
    "topicArn",
    "subscriptionArn",
    "keyId",
    "functionName",
    "uUID",
    "uuid",
    "rule",
    "name",
    "names",
    "tableName",
    "resourceArn",
)
"""Request parameters that name what an action is about."""


@dataclass(frozen=True, slots=True)
class LoggingChange:
    """One action on invocation logging, and the principal behind it.

    Attributes:
        event_id: The id of the event in CloudTrail.
        at: The time of the action, in UTC.
        action: The name of the API action.
        targets: The names of what it is about; empty where there is one alone.
        who: The ARN of who did it, or the nearest that CloudTrail has.
        role_arn: The role behind a session; `None` for others.
        via_cloudformation: Whether CloudFormation did it; for which stack, no event says.
        forced_state: The state that it forces on an alarm; `None` for other actions.
    """

    event_id: str
    at: datetime
    action: str
    targets: tuple[str, ...]
    who: str
    role_arn: str | None
    via_cloudformation: bool
    forced_state: str | None = None

    @property
    def is_harmless(self) -> bool:
        """True when it silences nothing: an alarm that is forced into ALARM notifies."""
        return self.forced_state == _ALARM

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
            forced_state=parameters.get("stateValue"),
        )


def _targets(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    named = {**parameters, **(parameters.get("muteTargets") or {})}
    found: dict[str, None] = {}
    for name in _TARGETS:
        match named.get(name):
            case str(target) if target:
                found[target] = None
            case list(targets):
                found.update(dict.fromkeys(map(str, targets)))
    return tuple(found)
