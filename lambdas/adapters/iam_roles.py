"""Roles of IAM, with their policies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lambdas.adapters.refusals import refusal_as_not_readable
from lambdas.domain.logging_configuration import PolicyDocument, Role

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class IamRoles:
    """Looks at roles of one account."""

    def __init__(self, client: IAMClient) -> None:
        """Read with an IAM client."""
        self._client = client

    def get(self, name: str, /) -> Role | None:
        """Get a role with its policies; `None` if it does not exist."""
        with refusal_as_not_readable():
            return self._find(name)

    def _find(self, name: str) -> Role | None:
        try:
            role = self._client.get_role(RoleName=name)["Role"]
        except self._client.exceptions.NoSuchEntityException:
            return None
        attached = frozenset(
            policy["PolicyArn"]
            for page in self._client.get_paginator("list_attached_role_policies").paginate(
                RoleName=name
            )
            for policy in page["AttachedPolicies"]
        )
        pages = self._client.get_paginator("list_role_policies").paginate(RoleName=name)
        return Role(
            trust=_document(role["AssumeRolePolicyDocument"]),
            policies={
                policy: _document(
                    self._client.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                )
                for page in pages
                for policy in page["PolicyNames"]
            },
            attached=attached,
            boundary=role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        )


def _document(raw: PolicyDocument | str) -> PolicyDocument:
    """A policy as boto3 has decoded it, or as it came."""
    document: PolicyDocument = json.loads(raw) if isinstance(raw, str) else raw
    return document
