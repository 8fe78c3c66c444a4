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
        """Look with an IAM client."""
        self._client = client

    def find(self, name: str) -> Role | None:
        """A role with its policies; `None` where there is none of that name."""
        with refusal_as_not_readable():
            return self._find(name)

    def _find(self, name: str) -> Role | None:
        try:
            role = self._client.get_role(RoleName=name)["Role"]
        except self._client.exceptions.NoSuchEntityException:
            return None
        attached = frozenset(
            it["PolicyArn"]
            for page in self._client.get_paginator("list_attached_role_policies").paginate(
                RoleName=name
            )
            for it in page["AttachedPolicies"]
        )
        pages = self._client.get_paginator("list_role_policies").paginate(RoleName=name)
        return Role(
            trust=_document(role["AssumeRolePolicyDocument"]),
            policies={
                it: _document(
                    self._client.get_role_policy(RoleName=name, PolicyName=it)["PolicyDocument"]
                )
                for page in pages
                for it in page["PolicyNames"]
            },
            attached=attached,
            boundary=role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        )


def _document(told: PolicyDocument | str) -> PolicyDocument:
    """A policy as boto3 has decoded it, or as it came."""
    document: PolicyDocument = json.loads(told) if isinstance(told, str) else told
    return document
