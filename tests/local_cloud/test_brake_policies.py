"""The limits of roles of the brake, even if someone replaces their own policies.

Each refusal has a twin that is allowed, in which one thing alone differs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk.local_cloud.cloud import ACCOUNT, REGION, LocalCloud, open_local_cloud
from cdk.operations.boundary import Boundary
from cdk.operations.deny_policy import DenyPolicy

ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
CALLERS = {"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}
TRUST = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
}
CONSENT = [{"Key": "bedrock-meter-brake", "Value": "allowed"}]
DENY_PATH, SESSION_PATH = f"/bedrock-meter-deny/{REGION}/", f"/bedrock-meter/{REGION}/"


def document(statement: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make_role(cloud: LocalCloud, name: str, **properties: Any) -> None:
    cloud.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=document(TRUST), **properties
    )


def act_as(cloud: LocalCloud, role: str, service: str = "iam") -> Any:
    found = cloud.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName="tests"
    )["Credentials"]
    return cloud.client(
        service, found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]
    )


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """Roles that may do anything by their own policies: without a boundary, and within one."""
    with open_local_cloud(settings={"AUTH": "true"}) as cloud:
        iam, sts = cloud.client("iam"), cloud.client("sts")
        DenyPolicy(iam, sts, REGION).put()
        make_role(cloud, "unbounded")
        for name, has_sessions in (("principals", False), ("sessions", True)):
            boundary = Boundary(iam, sts, REGION, has_brake=True, has_brake_sessions=has_sessions)
            made = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(boundary.document))
            make_role(cloud, name, PermissionsBoundary=made["Policy"]["Arn"])
        for name in ("unbounded", "principals", "sessions"):
            iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=document(ANYTHING))
        callers = iam.create_policy(PolicyName="callers", PolicyDocument=document(CALLERS))
        make_role(cloud, "plain")
        make_role(cloud, "consenting", Tags=CONSENT)
        make_role(
            cloud,
            "consenting-bounded",
            Tags=CONSENT,
            PermissionsBoundary=callers["Policy"]["Arn"],
        )
        yield cloud


def create(iam: Any, name: str, path: str) -> str:
    arn: str = iam.create_policy(PolicyName=name, Path=path, PolicyDocument=document(ANYTHING))[
        "Policy"
    ]["Arn"]
    return arn


@pytest.mark.parametrize("role", ["principals", "sessions"])
def test_no_role_of_the_meter_writes_what_denies_principals(cloud: LocalCloud, role: str) -> None:
    fixed = DenyPolicy(cloud.client("iam"), cloud.client("sts"), REGION).arn
    version = {"PolicyArn": fixed, "PolicyDocument": document(ANYTHING), "SetAsDefault": False}
    bounded, free = act_as(cloud, role), act_as(cloud, "unbounded")
    with pytest.raises(ClientError, match="AccessDenied"):
        create(bounded, "escalation", DENY_PATH)
    free.delete_policy(PolicyArn=create(free, "escalation", DENY_PATH))
    with pytest.raises(ClientError, match="AccessDenied"):
        bounded.create_policy_version(**version)
    made = free.create_policy_version(**version)["PolicyVersion"]["VersionId"]
    with pytest.raises(ClientError, match="AccessDenied"):
        bounded.set_default_policy_version(PolicyArn=fixed, VersionId=made)
    free.delete_policy_version(PolicyArn=fixed, VersionId=made)


@pytest.mark.parametrize("role", ["principals", "sessions"])
def test_no_role_of_the_meter_consents_for_another_role(cloud: LocalCloud, role: str) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        act_as(cloud, role).tag_role(RoleName="plain", Tags=CONSENT)
    free = act_as(cloud, "unbounded")
    free.tag_role(RoleName="plain", Tags=CONSENT)
    free.untag_role(RoleName="plain", TagKeys=[CONSENT[0]["Key"]])


def test_without_sessions_no_role_writes_a_policy_at_all(cloud: LocalCloud) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        create(act_as(cloud, "principals"), "session-policy", SESSION_PATH)
    with_sessions = act_as(cloud, "sessions")
    made = create(with_sessions, "session-policy", SESSION_PATH)
    with pytest.raises(ClientError, match="AccessDenied"):
        with_sessions.attach_role_policy(RoleName="plain", PolicyArn=made)
    with_sessions.attach_role_policy(RoleName="consenting", PolicyArn=made)
    with_sessions.detach_role_policy(RoleName="consenting", PolicyArn=made)
    with_sessions.delete_policy(PolicyArn=made)


def test_a_boundary_of_a_consenting_role_bounds_what_a_written_policy_gives_it(
    cloud: LocalCloud,
) -> None:
    """IAM has no condition on the content of a policy: this is what is left to the user."""
    with_sessions = act_as(cloud, "sessions")
    made = create(with_sessions, "too-much", SESSION_PATH)
    for role in ("consenting", "consenting-bounded"):
        with_sessions.attach_role_policy(RoleName=role, PolicyArn=made)
    act_as(cloud, "consenting", "s3").list_buckets()
    with pytest.raises(ClientError, match="AccessDenied"):
        act_as(cloud, "consenting-bounded", "s3").list_buckets()
    act_as(cloud, "consenting-bounded", "bedrock").list_foundation_models()
