"""Managed policies that `make bootstrap` makes with the operator's own rights.

CloudFormation's execution role may change none of them: see cdk/deployer-policy-functions.json.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cdk.operations.aws_errors import ignore_errors
from cdk.operations.terminal import CommandError
from lambdas.domain.brake import MAX_POLICY_LETTERS

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_sts import STSClient

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_MAX_VERSIONS = 5


class PolicyState(Enum):
    """The result of comparing the account's policy with the one that this version needs."""

    CURRENT = "current"
    MISSING = "missing"
    OTHER = "of another version, or of other settings"


@dataclass(frozen=True)
class ManagedPolicy(ABC):
    """A managed policy of an account.

    Attributes:
        iam: An IAM client.
        sts: A client of STS, which names the account.
        region: The Region.
    """

    iam: IAMClient
    sts: STSClient
    region: str

    @property
    @abstractmethod
    def title(self) -> str:
        """The kind of the policy, as output names it."""

    @property
    @abstractmethod
    def description(self) -> str:
        """The policy's description in IAM."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the policy."""

    @property
    def path(self) -> str:
        """The path of the policy."""
        return "/"

    @cached_property
    @abstractmethod
    def document(self) -> dict[str, Any]:
        """The policy that this version needs, for the account and the Region."""

    @cached_property
    def pseudo_parameters(self) -> Mapping[str, str]:
        """The values of CloudFormation's pseudo parameters, by name."""
        identity = self.sts.get_caller_identity()
        partition = identity["Arn"].split(":")[1]
        suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
        return {
            "AccountId": identity["Account"],
            "Partition": partition,
            "Region": self.region,
            "URLSuffix": suffix,
        }

    @cached_property
    def arn(self) -> str:
        """The ARN of the policy."""
        names = self.pseudo_parameters
        return f"arn:{names['Partition']}:iam::{names['AccountId']}:policy{self.path}{self.name}"

    def state(self) -> PolicyState:
        """Compare the account's policy with the one that this version needs."""
        live = self._live_document()
        if live is None:
            return PolicyState.MISSING
        return PolicyState.CURRENT if live == self.document else PolicyState.OTHER

    def put(self) -> PolicyState:
        """Make the policy, or a new version of it; returns the state that it found.

        Raises:
            CommandError: It is larger than IAM takes.
        """
        text = json.dumps(self.document, separators=(",", ":"))
        if len(text) > MAX_POLICY_LETTERS:
            message = (
                f"the {self.title.lower()} {self.name} would have {len(text):,} letters, and IAM"
                f" takes {MAX_POLICY_LETTERS:,}: shorten the names in your settings"
                " (adopted_log_group)."
            )
            raise CommandError(message)
        found = self.state()
        if found is PolicyState.MISSING:
            self.iam.create_policy(
                PolicyName=self.name,
                Path=self.path,
                PolicyDocument=text,
                Description=self.description,
            )
        elif found is PolicyState.OTHER:
            self._make_room()
            self.iam.create_policy_version(
                PolicyArn=self.arn, PolicyDocument=text, SetAsDefault=True
            )
        return found

    def _live_document(self) -> object:
        with ignore_errors({"NoSuchEntity"}):
            policy = self.iam.get_policy(PolicyArn=self.arn)["Policy"]
            version = self.iam.get_policy_version(
                PolicyArn=self.arn, VersionId=policy["DefaultVersionId"]
            )
            return version["PolicyVersion"]["Document"]
        return None

    def _make_room(self) -> None:
        """Delete the oldest version if IAM keeps no more."""
        versions = self.iam.list_policy_versions(PolicyArn=self.arn)["Versions"]
        if len(versions) >= _MAX_VERSIONS:
            oldest = min(
                (version for version in versions if not version["IsDefaultVersion"]),
                key=lambda version: version["CreateDate"],
            )
            self.iam.delete_policy_version(PolicyArn=self.arn, VersionId=oldest["VersionId"])
