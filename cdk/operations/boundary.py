"""Makes the permissions boundary of a Region's roles, and checks it before a deployment.

`make bootstrap` makes it with the operator's own rights. CloudFormation's execution role can only
attach it to roles: cdk/deployer-policy.json allows no change of a managed policy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from cdk.config import Config
from cdk.config.boundary_name import boundary_name
from cdk.operations.aws_errors import error_code, ignore_errors
from cdk.operations.brake_boundary import BRAKE_STATEMENTS
from cdk.operations.terminal import CommandError

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_sts import STSClient

BOUNDARY_FILE = Path(__file__).parents[1] / "boundary.json"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_MAX_VERSIONS = 5
_ENVIRONMENT = re.compile(r"aws://\w+/(?P<region>[a-z0-9-]+)")


class BoundaryState(Enum):
    """The result of comparing the account's boundary with the one that this version needs."""

    CURRENT = "current"
    MISSING = "missing"
    OTHER = "of another version, or of other settings"


@dataclass(frozen=True)
class Boundary:
    """The permissions boundary of one Region.

    Attributes:
        iam: An IAM client.
        sts: A client of STS, which names the account.
        region: The Region.
        adopted_log_group: The log group of others that is metered.
        has_brake: True if the brake is on, by the settings.
    """

    iam: IAMClient
    sts: STSClient
    region: str
    adopted_log_group: str | None = None
    has_brake: bool = False

    @cached_property
    def name(self) -> str:
        """The name of the managed policy."""
        return boundary_name(self.region)

    def state(self) -> BoundaryState:
        """Compare the account's boundary with the one that this version needs."""
        live = self._live_document()
        if live is None:
            return BoundaryState.MISSING
        return BoundaryState.CURRENT if live == self.document else BoundaryState.OTHER

    def put(self) -> BoundaryState:
        """Make the boundary, or a new version of it; returns the state that it found."""
        found = self.state()
        text = json.dumps(self.document)
        if found is BoundaryState.MISSING:
            self.iam.create_policy(
                PolicyName=self.name,
                PolicyDocument=text,
                Description="Bedrock Meter: the most that any role of a deployment may do",
            )
        elif found is BoundaryState.OTHER:
            self._make_room()
            self.iam.create_policy_version(
                PolicyArn=self._arn, PolicyDocument=text, SetAsDefault=True
            )
        return found

    @cached_property
    def document(self) -> dict[str, Any]:
        """The boundary that this version needs, for the account and the Region."""
        text = BOUNDARY_FILE.read_text()
        for name, value in self._names.items():
            text = text.replace(f"${{AWS::{name}}}", value)
        document: dict[str, Any] = json.loads(text)
        if self.has_brake:
            needed = json.dumps(BRAKE_STATEMENTS).replace("${AWS::Region}", self.region)
            document["Statement"] += json.loads(needed)
        if self.adopted_log_group is not None:
            names = self._names
            arn = (
                f"arn:{names['Partition']}:logs:{self.region}:{names['AccountId']}"
                f":log-group:{self.adopted_log_group}"
            )
            document["Statement"].append(
                {
                    "Effect": "Allow",
                    "Action": ["logs:FilterLogEvents"],
                    "Resource": [arn, f"{arn}:*"],
                }
            )
        return document

    @cached_property
    def _names(self) -> Mapping[str, str]:
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
    def _arn(self) -> str:
        names = self._names
        return f"arn:{names['Partition']}:iam::{names['AccountId']}:policy/{self.name}"

    def _live_document(self) -> object:
        with ignore_errors({"NoSuchEntity"}):
            policy = self.iam.get_policy(PolicyArn=self._arn)["Policy"]
            version = self.iam.get_policy_version(
                PolicyArn=self._arn, VersionId=policy["DefaultVersionId"]
            )
            return version["PolicyVersion"]["Document"]
        return None

    def _make_room(self) -> None:
        """Delete the oldest version if IAM keeps no more."""
        versions = self.iam.list_policy_versions(PolicyArn=self._arn)["Versions"]
        if len(versions) >= _MAX_VERSIONS:
            oldest = min(
                (version for version in versions if not version["IsDefaultVersion"]),
                key=lambda version: version["CreateDate"],
            )
            self.iam.delete_policy_version(PolicyArn=self._arn, VersionId=oldest["VersionId"])


def boundaries(
    session: boto3.Session, config: Config, environments: Iterable[str] = ()
) -> list[Boundary]:
    """Return the boundaries of a deployment, one for each Region.

    Args:
        session: The credentials, and the Region where no setting names others.
        config: The settings.
        environments: Arguments of the CDK's command line; `aws://ACCOUNT/REGION` arguments
            name the Regions.
    """
    iam, sts = session.client("iam"), session.client("sts")
    return [
        Boundary(iam, sts, region, config.adopted_log_group, config.brake)
        for region in list_regions(session, config, environments)
    ]


def list_regions(
    session: boto3.Session, config: Config, environments: Iterable[str] = ()
) -> list[str]:
    """List the Regions of a deployment; the arguments are those of `boundaries`."""
    named = [match["region"] for match in map(_ENVIRONMENT.fullmatch, environments) if match]
    return named or list(config.regions) or [str(session.region_name)]


def put(session: boto3.Session, config: Config, environments: Iterable[str] = ()) -> None:
    """Make the boundary of each Region, or bring it up to date."""
    done = {
        BoundaryState.MISSING: "made",
        BoundaryState.OTHER: "brought up to date",
        BoundaryState.CURRENT: "up to date",
    }
    for boundary in boundaries(session, config, environments):
        print(f"Permissions boundary {boundary.name}: {done[boundary.put()]}.")


def check(session: boto3.Session, config: Config, environments: Iterable[str] = ()) -> None:
    """Check the boundary of each Region before a deployment.

    Raises:
        CommandError: Roles could not be made, or could not do their work.
    """
    for boundary in boundaries(session, config, environments):
        try:
            state = boundary.state()
        except ClientError as error:
            if error_code(error) not in {"AccessDenied", "AccessDeniedException"}:
                raise
            print(f"Permissions boundary {boundary.name}: not readable with these credentials.")
            continue
        if state is BoundaryState.OTHER and _still_has_brake(boundary):
            print(
                f"Permissions boundary {boundary.name}: still allows what the brake may do: run"
                " make bootstrap afterwards."
            )
            continue
        if state is not BoundaryState.CURRENT:
            message = (
                f"the permissions boundary {boundary.name} is {state.value}: run"
                f" make bootstrap AWS_REGION={boundary.region}."
            )
            raise CommandError(message)


def _still_has_brake(boundary: Boundary) -> bool:
    """Say if a boundary differs by the brake alone, which a deployment has to remove first."""
    with_brake = replace(boundary, has_brake=True)
    return not boundary.has_brake and with_brake.state() is BoundaryState.CURRENT
