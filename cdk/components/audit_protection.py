"""The protection of the audit trail: a policy of its table, and Object Lock of its anchors."""

from __future__ import annotations

from aws_cdk import Aws, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from cdk.config import Config
from cdk.config.governance import AuditLock
from lambdas.meter_name import METER_NAME

AUDIT_WRITER = "AuditWriter"
"""The name of the function that writes the audit trail, with which its role's name begins."""
_KEPT_LETTERS = 20  # of the stack's name, which CloudFormation cuts in long names of roles
_CHANGES = (
    *("dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:UpdateItem"),
    *("dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"),
)
"""Actions that change or delete items, or that put several without a condition."""


def restrict_audit() -> iam.PolicyDocument:
    """Make the resource policy of the table: one role puts items, and no one changes them.

    A denial of a resource policy holds against each policy of the principal, also for the root
    user. The table is in a stack that is deployed before the writer's role, so the policy names the
    role by parts of its name, which CloudFormation makes of the stack and the construct, and cuts.
    Whoever may make roles of such a name, or change the policy, is trusted (docs/threat-model.md).

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-iam-actions.html
    """
    roles = f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role"
    writers = f"{roles}/{METER_NAME[:_KEPT_LETTERS]}*{AUDIT_WRITER}*"
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(
                sid="NoChanges",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=list(_CHANGES),
                resources=["*"],  # the table; its ARN would be a circular reference
            ),
            iam.PolicyStatement(
                sid="OneWriter",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["dynamodb:PutItem"],
                resources=["*"],
                conditions={"ArnNotLike": {"aws:PrincipalArn": writers}},
            ),
        ]
    )


def lock_anchors(config: Config) -> s3.ObjectLockRetention | None:
    """Make the retention of new anchors; `None` if they are not locked."""
    duration = Duration.days(config.audit_lock_days)
    match config.audit_lock:
        case AuditLock.GOVERNANCE:
            return s3.ObjectLockRetention.governance(duration)
        case AuditLock.COMPLIANCE:
            return s3.ObjectLockRetention.compliance(duration)
        case AuditLock.NONE:
            return None
