"""Errors of IAM as the obstacles that the brake knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.refusals import error_code
from lambdas.domain.brake import ChangeRefusedError, Obstacle, PrincipalKind

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

NO_SUCH_ENTITY = "NoSuchEntity"
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html#API_AttachRolePolicy_Errors
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
_OBSTACLES: Mapping[str, Obstacle] = {
    "LimitExceeded": Obstacle.NO_FREE_SLOT,
    NO_SUCH_ENTITY: Obstacle.PRINCIPAL_GONE,
    "UnmodifiableEntity": Obstacle.PROTECTED,
    "AccessDenied": Obstacle.NOT_PERMITTED,
    "AccessDeniedException": Obstacle.NOT_PERMITTED,
    "Throttling": Obstacle.THROTTLED,
    "ThrottlingException": Obstacle.THROTTLED,
    "RequestLimitExceeded": Obstacle.THROTTLED,
    "ConcurrentModification": Obstacle.THROTTLED,
    "EntityTemporarilyUnmodifiable": Obstacle.THROTTLED,
    "EntityAlreadyExists": Obstacle.THROTTLED,  # another run makes it at the same time
    "ServiceFailure": Obstacle.THROTTLED,
    "ServiceUnavailable": Obstacle.THROTTLED,
    "InternalFailure": Obstacle.THROTTLED,
    "InvalidInput": Obstacle.INVALID,
    "MalformedPolicyDocument": Obstacle.INVALID,
    "PolicyNotAttachable": Obstacle.INVALID,
    "ValidationError": Obstacle.INVALID,
}


@contextmanager
def refuse_changes(policy_arn: str | None = None) -> Iterator[None]:
    """Raise `ChangeRefusedError` where IAM refuses a change, is busy or does not answer.

    An error that says something else goes on: a policy that does not exist is no deleted principal.

    Args:
        policy_arn: The policy of the request, if it has one.
    """
    try:
        yield
    except BotoCoreError as error:
        raise ChangeRefusedError(Obstacle.THROTTLED, str(error)) from error
    except ClientError as error:
        obstacle = _OBSTACLES.get(error_code(error))
        is_policy_gone = policy_arn is not None and policy_arn in str(error)
        if obstacle is None or (obstacle is Obstacle.PRINCIPAL_GONE and is_policy_gone):
            raise
        raise ChangeRefusedError(obstacle, str(error)) from error


def is_missing(error: ClientError) -> bool:
    """Say if a role, a user, a policy, or its attachment, does not exist."""
    return error_code(error) == NO_SUCH_ENTITY


def list_entities(client: IAMClient, policy_arn: str) -> list[tuple[PrincipalKind, str]]:
    """List the kinds and names of the roles, users and groups that a policy is attached to.

    Where it serves as a permissions boundary, it is not attached.

    Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListEntitiesForPolicy.html
    """
    roles, users, groups = list[str](), list[str](), list[str]()
    pages = client.get_paginator("list_entities_for_policy").paginate(
        PolicyArn=policy_arn, PolicyUsageFilter="PermissionsPolicy"
    )
    for page in pages:
        roles += [role["RoleName"] for role in page["PolicyRoles"]]
        users += [user["UserName"] for user in page["PolicyUsers"]]
        groups += [group["GroupName"] for group in page["PolicyGroups"]]
    return [
        *((PrincipalKind.ROLE, name) for name in roles),
        *((PrincipalKind.USER, name) for name in users),
        *((PrincipalKind.GROUP, name) for name in groups),
    ]


def detach(client: IAMClient, policy_arn: str, kind: PrincipalKind, name: str) -> bool:
    """Detach a policy from a role, a user or a group; returns false where it is not attached."""
    with refuse_changes(policy_arn):
        try:
            match kind:
                case PrincipalKind.ROLE:
                    client.detach_role_policy(RoleName=name, PolicyArn=policy_arn)
                case PrincipalKind.USER:
                    client.detach_user_policy(UserName=name, PolicyArn=policy_arn)
                case PrincipalKind.GROUP:
                    client.detach_group_policy(GroupName=name, PolicyArn=policy_arn)
        except ClientError as error:
            if is_missing(error):
                return False
            raise
    return True
