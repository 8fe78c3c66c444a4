"""The made-up company's account: roles, users and a profile, with the tags that name projects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cdk.local_cloud.cloud import ACCOUNT, REGION, LocalCloud
from dashboards.demo.company import CALLERS, PROFILE, PROFILE_MODEL

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
"""The person who runs the demo."""


def set_up_account(cloud: LocalCloud) -> str:
    """Create the identities and the profile that the company's calls name.

    Returns:
        The ARN of its application inference profile, instead of `PROFILE`: AWS chooses its id.
    """
    iam, profile_arn = cloud.client("iam"), ""
    made: set[str] = set()
    for caller in CALLERS:
        kind, _, resource = caller.resource.partition("/")
        role = resource.partition("/")[0]
        tags = {} if caller.project is None else {"project": caller.project}
        if PROFILE in caller.models:
            profile_arn = _make_profile(cloud, role, tags)
        elif kind == "user":
            path, _, name = f"/{resource}".rpartition("/")
            iam.create_user(UserName=name, Path=f"{path}/", Tags=_pairs(tags))
        elif role not in made:  # several may have one
            iam.create_role(
                RoleName=role, AssumeRolePolicyDocument=_write_policy(), Tags=_pairs(tags)
            )
            made.add(role)
    return profile_arn


def make_role(cloud: LocalCloud, role: str, project: str) -> None:
    """Create a role of a project, whose sessions may call Bedrock."""
    tags = _pairs({"project": project})
    cloud.client("iam").create_role(
        RoleName=role, AssumeRolePolicyDocument=_write_policy(), Tags=tags
    )
    let_call_bedrock(cloud, role)


def let_call_bedrock(cloud: LocalCloud, role: str) -> None:
    """Let the person who runs the demo open sessions of a role that may call Bedrock."""
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}
    use = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "*"}
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=_write_policy(trust))
    iam.put_role_policy(RoleName=role, PolicyName="use", PolicyDocument=_write_policy(use))


def open_role_session(cloud: LocalCloud, role: str, session: str) -> Any:  # noqa: ANN401
    """Open a client of Bedrock with the credentials of a session of a role."""
    found = cloud.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName=session
    )["Credentials"]
    return cloud.client(
        "bedrock-runtime", found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]
    )


def _write_policy(*statements: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _make_profile(cloud: LocalCloud, name: str, tags: Mapping[str, str]) -> str:
    arn: str = cloud.client("bedrock").create_inference_profile(
        inferenceProfileName=name,
        modelSource={"copyFrom": f"arn:aws:bedrock:{REGION}::foundation-model/{PROFILE_MODEL}"},
        tags=[{"key": key, "value": value} for key, value in tags.items()],
    )["inferenceProfileArn"]
    return arn


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
