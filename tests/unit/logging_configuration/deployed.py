"""Deployed invocation logging, for tests of changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from lambdas.domain.logging_configuration import (
    DeployedLogging,
    DeployedRole,
    LoggingChange,
    LoggingConfiguration,
    LogGroup,
    PolicyDocument,
    Role,
)

ACCOUNT = "111122223333"
GROUP = "BedrockMeter-InvocationLogs"
DESTINATION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:log-processor"
ROLE = "BedrockMeter-LoggingRole"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
CONFIGURATOR = f"arn:aws:iam::{ACCOUNT}:role/BedrockMeter-LoggingConfigurator"
MALLORY = f"arn:aws:iam::{ACCOUNT}:user/mallory"
NOON = datetime(2026, 9, 8, 12, tzinfo=UTC)

CONFIGURATION: LoggingConfiguration = {
    "cloudWatchConfig": {"logGroupName": GROUP, "roleArn": ROLE_ARN},
    **{
        f"{flag}DataDeliveryEnabled": False
        for flag in ("text", "image", "embedding", "video", "audio")
    },
}
TRUST: PolicyDocument = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "bedrock.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        }
    ],
}
POLICY: PolicyDocument = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{GROUP}:log-stream:bedrock",
        }
    ],
}
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/BedrockMeter-Boundary-us-east-1"
DEPLOYED_ROLE = DeployedRole(ROLE, TRUST, POLICY, BOUNDARY)
LOGGING_STATE = "BedrockMeter-LoggingState"
DEPLOYED = DeployedLogging(
    CONFIGURATION,
    GROUP,
    DESTINATION,
    retention_days=90,
    role=DEPLOYED_ROLE,
    logging_state_parameter=LOGGING_STATE,
)
LIVE_GROUP = LogGroup("STANDARD", 90, frozenset({(DESTINATION, "")}))
LIVE_ROLE = Role(TRUST, {"Writing": POLICY}, frozenset(), BOUNDARY)


def group(**changes: Any) -> LogGroup:
    return replace(LIVE_GROUP, **changes)


def role(**changes: Any) -> Role:
    return replace(LIVE_ROLE, **changes)


def trail_record(action: str, **changes: Any) -> dict[str, Any]:
    """An event of CloudTrail, as it is documented."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLE",
            "arn": MALLORY,
            "accountId": ACCOUNT,
            "userName": "mallory",
        },
        "eventTime": "2026-09-08T11:58:03Z",
        "eventSource": "bedrock.amazonaws.com",
        "eventName": action,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.10",
        "userAgent": "aws-cli/2",
        "requestParameters": None,
        "responseElements": None,
        "requestID": "request",
        "eventID": "event-1",
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
    } | changes


def change(action: str = "DeleteModelInvocationLoggingConfiguration", **changes: Any) -> Any:
    return LoggingChange.from_event(trail_record(action, **changes))


def make_session(role_arn: str, **changes: Any) -> dict[str, Any]:
    """A session of a role, as CloudTrail records its identity."""
    name = role_arn.rpartition("/")[2]
    return {
        "type": "AssumedRole",
        "principalId": "AROAEXAMPLE:session",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session",
        "accountId": ACCOUNT,
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role_arn, "userName": name}},
    } | changes
