"""Facts of roles that logs do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lambdas.adapters.iam.change_refusals import is_missing, refuse_changes
from lambdas.domain.brake import PrincipalTarget, RoleFacts

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class IamRoleDirectory:
    """Reads the id, the path and the tags of roles."""

    def __init__(self, client: IAMClient) -> None:
        """Read with an IAM client."""
        self._client = client

    def get_role(self, role: PrincipalTarget) -> RoleFacts | None:
        """Get the facts of a role; `None` if it does not exist."""
        with refuse_changes():
            try:
                found = self._client.get_role(RoleName=role.name)["Role"]
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
        tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", ())}
        return RoleFacts(found["RoleId"], found["Path"], tags)
