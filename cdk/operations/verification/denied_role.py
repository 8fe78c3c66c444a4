"""A role that a verification makes so that the brake can deny it, and deletes again."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

import boto3

from cdk.operations.aws_errors import ignore_errors
from lambdas.domain.brake import CONSENT_TAG, CONSENT_VALUE

_PATH = "/bedrock-meter-verification/"
_NAME_START = "VerifyTheBrake-"
"""No name of the meter's own roles, which are never denied."""
_POLICY = "CallModels"
# STS does not know a role at once, nor the permission to open its sessions.
_NOT_YET = {"AccessDenied"}
_GONE = {"NoSuchEntity"}


@dataclass(frozen=True, slots=True)
class DeniedRole:
    """A role that may call models. Only the caller who made it can open its sessions.

    Attributes:
        session: The credentials that made it.
        name: Its name, which no other role has.
        path_arn: Its ARN, with the path.
    """

    session: boto3.Session
    name: str
    path_arn: str

    @classmethod
    def create(cls, session: boto3.Session) -> DeniedRole:
        """Create it, with the tag that allows the brake to deny its sessions."""
        caller = session.client("sts").get_caller_identity()
        partition = caller["Arn"].split(":")[1]
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{partition}:iam::{caller['Account']}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:userid": caller["UserId"]}},
        }
        use = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "*"}
        iam, name = session.client("iam"), f"{_NAME_START}{secrets.token_hex(4)}"
        created = iam.create_role(
            RoleName=name,
            Path=_get_path(session),
            AssumeRolePolicyDocument=_write_policy(trust),
            Tags=[{"Key": CONSENT_TAG, "Value": CONSENT_VALUE}],
        )
        iam.put_role_policy(RoleName=name, PolicyName=_POLICY, PolicyDocument=_write_policy(use))
        return cls(session, name, created["Role"]["Arn"])

    @property
    def arn(self) -> str:
        """Its ARN without the path, as logs and budgets name it."""
        return f"{self.path_arn.partition(':role/')[0]}:role/{self.name}"

    def session_arn(self, session_name: str) -> str:
        """The ARN of one of its sessions."""
        arn = self.arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")
        return f"{arn}/{session_name}"

    def open_runtime(self, session_name: str) -> Any:  # noqa: ANN401  # a client without types
        """Open a client that calls models in a session; `None` while STS refuses to open it."""
        with ignore_errors(_NOT_YET):
            credentials = self.session.client("sts").assume_role(
                RoleArn=self.path_arn, RoleSessionName=session_name
            )["Credentials"]
            return self.session.client(
                "bedrock-runtime",
                aws_access_key_id=credentials["AccessKeyId"],
                aws_secret_access_key=credentials["SecretAccessKey"],
                aws_session_token=credentials["SessionToken"],
            )
        return None


def delete_roles(session: boto3.Session) -> None:
    """Delete all roles that verifications of this Region made, with what is attached to them."""
    iam = session.client("iam")
    for name in list_roles(session):
        with ignore_errors(_GONE):
            for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
                with ignore_errors(_GONE):
                    iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
            for policy_name in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                iam.delete_role_policy(RoleName=name, PolicyName=policy_name)
            iam.delete_role(RoleName=name)


def list_roles(session: boto3.Session) -> list[str]:
    """List the names of these roles."""
    pages = session.client("iam").get_paginator("list_roles")
    return [
        role["RoleName"]
        for page in pages.paginate(PathPrefix=_get_path(session))
        for role in page["Roles"]
    ]


def _get_path(session: boto3.Session) -> str:
    return f"{_PATH}{session.region_name}/"


def _write_policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
