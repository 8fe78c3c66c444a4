"""The made-up company's account: roles, users and a profile, with the tags that name projects."""

from __future__ import annotations

import json
from collections.abc import Mapping

from dashboards.preview.company import CALLERS, PROFILE, PROFILE_MODEL
from dashboards.preview.local_cloud.cloud import REGION, LocalCloud

_TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def set_up_account(cloud: LocalCloud) -> str:
    """Make whom and what the company's calls name, before they are made.

    Returns:
        The ARN of its application inference profile, instead of `PROFILE`: AWS chooses its id.
    """
    iam, profile_arn = cloud.client("iam"), ""
    for caller in CALLERS:
        kind, _, resource = caller.resource.partition("/")
        tags = {} if caller.project is None else {"project": caller.project}
        if PROFILE in caller.models:
            profile_arn = _make_profile(cloud, resource.partition("/")[0], tags)
        elif kind == "user":
            path, _, name = f"/{resource}".rpartition("/")
            iam.create_user(UserName=name, Path=f"{path}/", Tags=_pairs(tags))
        elif (name := resource.partition("/")[0]) not in _roles(cloud):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=_TRUST, Tags=_pairs(tags))
    return profile_arn


def _make_profile(cloud: LocalCloud, name: str, tags: Mapping[str, str]) -> str:
    arn: str = cloud.client("bedrock").create_inference_profile(
        inferenceProfileName=name,
        modelSource={"copyFrom": f"arn:aws:bedrock:{REGION}::foundation-model/{PROFILE_MODEL}"},
        tags=[{"key": name, "value": value} for name, value in tags.items()],
    )["inferenceProfileArn"]
    return arn


def _roles(cloud: LocalCloud) -> set[str]:
    pages = cloud.client("iam").get_paginator("list_roles").paginate()
    return {role["RoleName"] for page in pages for role in page["Roles"]}


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": name, "Value": value} for name, value in tags.items()]
