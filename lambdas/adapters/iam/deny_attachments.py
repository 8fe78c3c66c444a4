"""The attachments of the fixed policy that denies the use of Bedrock."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from lambdas.adapters.iam.change_refusals import detach, list_entities, refuse_changes
from lambdas.domain.brake import ChangeRefusedError, Obstacle, PrincipalKind, PrincipalTarget

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class IamDenyAttachments:
    """Attaches one policy to roles and users of its account, and detaches it, also from groups."""

    def __init__(self, client: IAMClient, policy_arn: str) -> None:
        """Attach a policy with an IAM client.

        Args:
            client: An IAM client.
            policy_arn: The policy, whose ARN names the partition and the account.
        """
        self._client = client
        self._policy_arn = policy_arn
        _, self._partition, _, _, self._account_id, _ = policy_arn.split(":", 5)

    def list_attached(self) -> Collection[PrincipalTarget]:
        """List the roles, users and groups that the policy is attached to."""
        with refuse_changes(self._policy_arn):
            found = list_entities(self._client, self._policy_arn)
        return [
            PrincipalTarget(self._partition, self._account_id, kind, name) for kind, name in found
        ]

    def attach(self, target: PrincipalTarget) -> None:
        """Attach the policy; IAM takes a repetition for a success. A group is never denied."""
        with refuse_changes(self._policy_arn):
            match target.kind:
                case PrincipalKind.ROLE:
                    self._client.attach_role_policy(
                        RoleName=target.name, PolicyArn=self._policy_arn
                    )
                case PrincipalKind.USER:
                    self._client.attach_user_policy(
                        UserName=target.name, PolicyArn=self._policy_arn
                    )
                case PrincipalKind.GROUP:
                    message = f"{target.arn} is a group, and no caller"
                    raise ChangeRefusedError(Obstacle.NOT_PERMITTED, message)

    def detach(self, target: PrincipalTarget) -> bool:
        """Detach the policy; returns false where it is not attached."""
        return detach(self._client, self._policy_arn, target.kind, target.name)
