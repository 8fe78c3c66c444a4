"""The policy that denies a principal, and the permissions to attach it and policies of sessions."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk.components.meter_function import MeterFunction
from cdk.config.brake_names import DENY_PATH, deny_policy_name
from lambdas.domain.brake import (
    CONSENT_TAG,
    CONSENT_VALUE,
    SessionPolicyNames,
    deny_in_region,
    list_own_roles,
)
from lambdas.meter_name import METER_NAME

_IAM = f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}"
_ROLES = f"{_IAM}:role/*"
_USERS = f"{_IAM}:user/*"
_GROUPS = f"{_IAM}:group/*"
_POLICY = "iam:PolicyARN"
_ANY_PRINCIPAL = "Callers may be any role or user; the condition names the policy."
_SESSION_POLICIES = "One policy for each role with denied sessions, whose names are not known."
PROTECTED_ROLES = (
    *(f"{_IAM}:role/{pattern}" for pattern in list_own_roles(Aws.ACCOUNT_ID)),
    f"{_IAM}:role/aws-service-role/*",
    f"{_IAM}:role/aws-reserved/*",
)
"""The roles that no policy is attached to: of meters, of the CDK, and those that AWS protects."""


class DenyPolicy(iam.ManagedPolicy):
    """The fixed policy that denies a principal the use of Bedrock in this Region.

    CloudFormation makes it, and no function may change it. IAM knows no Regions, so its name and
    its path have the Region.

    Attributes:
        arn: Its ARN, as text that policies can name.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        """Make the policy, attached to nothing."""
        name, path = deny_policy_name(Aws.REGION), f"{DENY_PATH}{Aws.REGION}/"
        statement = iam.PolicyStatement.from_json(deny_in_region(Aws.REGION))
        super().__init__(
            scope,
            construct_id,
            managed_policy_name=name,
            path=path,
            description="Bedrock Meter: denies the use of Bedrock to whoever it is attached to",
            statements=[statement],
        )
        self.arn = f"{_IAM}:policy{path}{name}"


def grant_release(function: MeterFunction, deny_policy: DenyPolicy) -> None:
    """Grant listing and ending the attachments of the fixed policy, and of no other one."""
    function.grant("iam:ListEntitiesForPolicy", on=deny_policy.arn)
    for action, principals in (
        ("iam:DetachRolePolicy", _ROLES),
        ("iam:DetachUserPolicy", _USERS),
        ("iam:DetachGroupPolicy", _GROUPS),  # where someone else has attached it
    ):
        function.grant(
            action,
            on=principals,
            conditions={"ArnEquals": {_POLICY: deny_policy.arn}},
            wildcard=_ANY_PRINCIPAL,
        )
    function.node.add_dependency(deny_policy)


def grant_deny(function: MeterFunction, deny_policy: DenyPolicy, *, exempt: Sequence[str]) -> None:
    """Grant attaching the fixed policy, and no other one, to all but protected principals.

    Args:
        function: The function.
        deny_policy: The fixed policy.
        exempt: Patterns of ARNs of more protected principals, without paths.
    """
    for action, principals in (
        ("iam:AttachRolePolicy", _ROLES),
        ("iam:AttachUserPolicy", _USERS),
    ):
        function.grant(
            action,
            on=principals,
            conditions={"ArnEquals": {_POLICY: deny_policy.arn}},
            wildcard=_ANY_PRINCIPAL,
        )
    function.add_to_role_policy(
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=["iam:AttachRolePolicy", "iam:AttachUserPolicy"],
            resources=[*PROTECTED_ROLES, *_with_paths(exempt)],
        )
    )


def _with_paths(patterns: Sequence[str]) -> list[str]:
    """List the ARNs of principals without a path and with any path."""
    split = [pattern.rsplit("/", 1) for pattern in patterns]
    return [arn for kind, name in split for arn in (f"{kind}/{name}", f"{kind}/*/{name}")]


def grant_deny_sessions(function: MeterFunction) -> None:
    """Grant writing of policies below the meter's path, and attaching them to tagged roles."""
    names = SessionPolicyNames(METER_NAME, Aws.REGION)
    policies = f"{_IAM}:policy{names.path}{names.prefix}*"
    function.grant(
        *("iam:CreatePolicy", "iam:CreatePolicyVersion"),
        *("iam:DeletePolicy", "iam:DeletePolicyVersion"),
        *("iam:GetPolicy", "iam:GetPolicyVersion"),
        *("iam:ListEntitiesForPolicy", "iam:ListPolicyVersions"),
        on=policies,
        wildcard=_SESSION_POLICIES,
    )
    function.grant("iam:ListPolicies", on="*", wildcard="Listing policies supports no resource.")
    function.grant("iam:GetRole", on=_ROLES, wildcard="Callers may have any role.")
    is_own = {"ArnLike": {_POLICY: policies}}
    function.grant(
        "iam:AttachRolePolicy",
        on=_ROLES,
        conditions={
            **is_own,
            "StringEquals": {f"iam:ResourceTag/{CONSENT_TAG}": CONSENT_VALUE},
        },
        wildcard=_ANY_PRINCIPAL,
    )
    for action, principals in (
        ("iam:DetachRolePolicy", _ROLES),
        ("iam:DetachUserPolicy", _USERS),
        ("iam:DetachGroupPolicy", _GROUPS),
    ):
        function.grant(action, on=principals, conditions=is_own, wildcard=_ANY_PRINCIPAL)
