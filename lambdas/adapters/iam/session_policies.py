"""Policies that deny single sessions of a role, below the path of the meter in its Region."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lambdas.adapters.iam.change_refusals import detach, is_missing, list_entities, refuse_changes
from lambdas.domain.brake import (
    PrincipalKind,
    PrincipalTarget,
    SessionPolicyNames,
    StoredPolicy,
    is_same_document,
)

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html
_MAX_VERSIONS = 5


class IamSessionPolicies:
    """Writes, attaches and removes policies whose names and path are those of one meter."""

    def __init__(
        self, client: IAMClient, names: SessionPolicyNames, *, partition: str, account_id: str
    ) -> None:
        """Write policies with an IAM client.

        Args:
            client: An IAM client.
            names: The names and the path of the policies.
            partition: The partition of AWS.
            account_id: The account.
        """
        self._client = client
        self._names = names
        self._partition, self._account_id = partition, account_id
        self._arn_prefix = f"arn:{partition}:iam::{account_id}:policy{names.path}"

    def list_policies(self) -> Sequence[StoredPolicy]:
        """List the policies of the meter, with the documents of their default versions."""
        with refuse_changes():
            pages = self._client.get_paginator("list_policies").paginate(
                Scope="Local", PathPrefix=self._names.path
            )
            listed = [policy for page in pages for policy in page["Policies"]]
        found = []
        for policy in listed:
            name = policy["PolicyName"]
            role_name = self._names.read_role_name(name)
            if role_name is not None:
                document = self._read_document(self._arn_prefix + name)
                if document is not None:
                    attached = self._list_attached(name)
                    role = self._make_target(PrincipalKind.ROLE, role_name)
                    others = tuple(target for target in attached if target != role)
                    found.append(StoredPolicy(name, document, role in attached, others))
        return found

    def write(self, role: PrincipalTarget, name: str, document: str) -> None:
        """Create a policy or give it another document, and attach it to the role."""
        arn = self._arn_prefix + name
        stored = self._read_document(arn)
        with refuse_changes(arn):
            if stored is None:
                self._client.create_policy(
                    PolicyName=name,
                    Path=self._names.path,
                    PolicyDocument=document,
                    Description="Bedrock Meter: denies sessions until the end of their budgets",
                )
            elif not is_same_document(stored, document):
                self._delete_oldest_version(arn)
                self._client.create_policy_version(
                    PolicyArn=arn, PolicyDocument=document, SetAsDefault=True
                )
            self._client.attach_role_policy(RoleName=role.name, PolicyArn=arn)

    def detach(self, name: str, target: PrincipalTarget) -> bool:
        """Detach a policy from a principal; returns false where it is not attached."""
        return detach(self._client, self._arn_prefix + name, target.kind, target.name)

    def remove(self, name: str) -> None:
        """Detach a policy from whatever it is attached to, and delete it, if it exists."""
        arn = self._arn_prefix + name
        with refuse_changes(), suppress(self._client.exceptions.NoSuchEntityException):
            self._remove(arn)

    def _remove(self, arn: str) -> None:
        for kind, attached in list_entities(self._client, arn):
            detach(self._client, arn, kind, attached)
        for version in self._list_versions(arn):
            if not version["IsDefaultVersion"]:
                self._client.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        self._client.delete_policy(PolicyArn=arn)

    def _delete_oldest_version(self, arn: str) -> None:
        """Make room for a version: IAM keeps five."""
        versions = self._list_versions(arn)
        if len(versions) < _MAX_VERSIONS:
            return
        others = [version for version in versions if not version["IsDefaultVersion"]]
        oldest = min(others, key=lambda version: int(version["VersionId"].removeprefix("v")))
        self._client.delete_policy_version(PolicyArn=arn, VersionId=oldest["VersionId"])

    def _list_versions(self, arn: str) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("list_policy_versions").paginate(PolicyArn=arn)
        return [dict(version) for page in pages for version in page["Versions"]]

    def _read_document(self, arn: str) -> str | None:
        """Read the document of the default version; `None` if the policy does not exist."""
        with refuse_changes(arn):
            try:
                version = self._client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
                found = self._client.get_policy_version(PolicyArn=arn, VersionId=version)
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
        document = found["PolicyVersion"]["Document"]
        return document if isinstance(document, str) else json.dumps(document)

    def _list_attached(self, name: str) -> list[PrincipalTarget]:
        """List the principals that a policy is attached to; none if it does not exist."""
        arn = self._arn_prefix + name
        with refuse_changes(arn):
            try:
                found = list_entities(self._client, arn)
            except ClientError as error:
                if is_missing(error):
                    return []
                raise
        return [self._make_target(kind, attached) for kind, attached in found]

    def _make_target(self, kind: PrincipalKind, name: str) -> PrincipalTarget:
        return PrincipalTarget(self._partition, self._account_id, kind, name)
