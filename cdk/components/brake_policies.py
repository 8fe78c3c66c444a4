"""The permissions to attach the fixed policy that denies principals, and policies of sessions."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws
from aws_cdk import aws_iam as iam

from cdk.components.meter_function import MeterFunction
from cdk.config.brake_names import deny_policy_name, deny_policy_path
from lambdas.domain.brake import (
    CONSENT_TAG,
    CONSENT_VALUE,
    SessionPolicyNames,
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


def find_deny_policy(region: str) -> str:
    """Return the ARN of the fixed policy that denies a principal the use of Bedrock in a Region.

    `make bootstrap` makes it: no function and no deployment may write a policy that is attached to
    others.
    """
    return f"{_IAM}:policy{deny_policy_path(region)}{deny_policy_name(region)}"


def grant_release(function: MeterFunction, deny_policy: str) -> None:
    """Grant listing and ending the attachments of the fixed policy, and of no other one."""
    function.grant("iam:ListEntitiesForPolicy", on=deny_policy)
    for action, principals in (
        ("iam:DetachRolePolicy", _ROLES),
        ("iam:DetachUserPolicy", _USERS),
        ("iam:DetachGroupPolicy", _GROUPS),  # where someone else has attached it
    ):
        function.grant(
            action,
            on=principals,
            conditions={"ArnEquals": {_POLICY: deny_policy}},
            wildcard=_ANY_PRINCIPAL,
        )


def grant_deny(function: MeterFunction, deny_policy: str, *, exempt: Sequence[str]) -> None:
    """Grant attaching the fixed policy, and no other one, to all but protected principals.

    Args:
        function: The function.
        deny_policy: The ARN of the fixed policy.
        exempt: Patterns of ARNs of more protected principals, without paths.
    """
    for action, principals in (
        ("iam:AttachRolePolicy", _ROLES),
        ("iam:AttachUserPolicy", _USERS),
    ):
        function.grant(
            action,
            on=principals,
            conditions={"ArnEquals": {_POLICY: deny_policy}},
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


def grant_release_sessions(function: MeterFunction) -> None:
    """Grant reading, detaching and deleting of policies of sessions, also of an earlier setting."""
    policies = _name_session_policies()
    function.grant(
        *("iam:DeletePolicy", "iam:DeletePolicyVersion"),
        *("iam:GetPolicy", "iam:GetPolicyVersion"),
        *("iam:ListEntitiesForPolicy", "iam:ListPolicyVersions"),
        on=policies,
        wildcard=_SESSION_POLICIES,
    )
    function.grant("iam:ListPolicies", on="*", wildcard="Listing policies supports no resource.")
    for action, principals in (
        ("iam:DetachRolePolicy", _ROLES),
        ("iam:DetachUserPolicy", _USERS),
        ("iam:DetachGroupPolicy", _GROUPS),
    ):
        function.grant(
            action,
            on=principals,
            conditions={"ArnLike": {_POLICY: policies}},
            wildcard=_ANY_PRINCIPAL,
        )


def grant_deny_sessions(function: MeterFunction) -> None:
    """Grant writing of policies below the meter's path, and attaching them to tagged roles."""
    policies = _name_session_policies()
    function.grant(
        *("iam:CreatePolicy", "iam:CreatePolicyVersion"), on=policies, wildcard=_SESSION_POLICIES
    )
    function.grant("iam:GetRole", on=_ROLES, wildcard="Callers may have any role.")
    function.grant(
        "iam:AttachRolePolicy",
        on=_ROLES,
        conditions={
            "ArnLike": {_POLICY: policies},
            "StringEquals": {f"iam:ResourceTag/{CONSENT_TAG}": CONSENT_VALUE},
        },
        wildcard=_ANY_PRINCIPAL,
    )


def _name_session_policies() -> str:
    """Make the pattern of the ARNs of policies of sessions."""
    names = SessionPolicyNames(METER_NAME, Aws.REGION)
    return f"{_IAM}:policy{names.path}{names.prefix}*"
