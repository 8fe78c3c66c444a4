"""The watchdog of `brake_watchdog`, over IAM and stored denies alone."""

from __future__ import annotations

import boto3

from lambdas.adapters.dynamodb.audit_events import DynamoDbAuditEvents
from lambdas.adapters.dynamodb.brake_store import DynamoDbDenies
from lambdas.adapters.iam.deny_attachments import IamDenyAttachments
from lambdas.services.release_ended_denies import BrakeWatchdog
from lambdas.wiring.client_timeouts import PROMPT


def make_watchdog(*, governance_table: str, deny_policy_arn: str) -> BrakeWatchdog:
    """Make a watchdog in the account that the function runs in."""
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    return BrakeWatchdog(
        attachments=IamDenyAttachments(boto3.client("iam", config=PROMPT), deny_policy_arn),
        denies=DynamoDbDenies(dynamodb, governance_table),
        trail=DynamoDbAuditEvents(dynamodb, governance_table),
    )
