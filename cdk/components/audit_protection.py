"""The protection of the audit trail: policies of its table and of its anchors, and Object Lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from cdk.components.role_patterns import match_role
from cdk.config import Config
from cdk.config.governance import AuditLock

AUDIT_WRITER = "AuditWriter"
"""The name of the function that writes the audit trail, with which its role's name begins."""
_CHANGES = (
    *("dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:UpdateItem"),
    *("dynamodb:PartiQLDelete", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"),
)
"""Actions that change or delete items, or that put several without a condition."""


_ANCHOR_CHANGES = (
    *("s3:BypassGovernanceRetention", "s3:PutObjectLegalHold", "s3:PutObjectRetention"),
    *("s3:DeleteObject", "s3:DeleteObjectVersion"),
)
"""Actions that delete or hide anchors, or that change how long they are locked."""


def restrict_audit() -> iam.PolicyDocument:
    """Make the resource policy of the table: one role puts items, and no one changes them.

    A denial of a resource policy holds against each policy of the principal, also for the root
    user. The table is in a stack that is deployed before the writer's role, so the policy names the
    role by parts of its name, which CloudFormation makes of the stack and the construct, and cuts.
    Whoever may make roles of such a name, or change the policy, is trusted (docs/threat-model.md).

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-iam-actions.html
    """
    # The resource is the table; its ARN would be a circular reference.
    return iam.PolicyDocument(statements=_restrict(_CHANGES, "dynamodb:PutItem", ["*"]))


def restrict_anchors(bucket: s3.Bucket) -> None:
    """Let one role put objects into the bucket of anchors, and no one change or delete them.

    A forged anchor would be locked, and contradict the chain until its retention ends.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
    """
    for statement in _restrict(_ANCHOR_CHANGES, "s3:PutObject", [bucket.arn_for_objects("*")]):
        bucket.add_to_resource_policy(statement)


def _restrict(
    changes: Iterable[str], put: str, resources: Sequence[str]
) -> list[iam.PolicyStatement]:
    return [
        iam.PolicyStatement(
            sid="NoChanges",
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=[*changes],
            resources=[*resources],
        ),
        iam.PolicyStatement(
            sid="OneWriter",
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=[put],
            resources=[*resources],
            conditions={"ArnNotLike": {"aws:PrincipalArn": match_role(AUDIT_WRITER)}},
        ),
    ]


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
