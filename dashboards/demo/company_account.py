"""The made-up company's account: roles, users and a profile, with the tags that name projects."""

from __future__ import annotations

import json
from collections.abc import Mapping

from cdk.local_cloud.cloud import REGION, LocalCloud
from dashboards.demo.company import CALLERS, PROFILE, PROFILE_MODEL

_TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


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
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=_TRUST, Tags=_pairs(tags))
            made.add(role)
    return profile_arn


def _make_profile(cloud: LocalCloud, name: str, tags: Mapping[str, str]) -> str:
    arn: str = cloud.client("bedrock").create_inference_profile(
        inferenceProfileName=name,
        modelSource={"copyFrom": f"arn:aws:bedrock:{REGION}::foundation-model/{PROFILE_MODEL}"},
        tags=[{"key": key, "value": value} for key, value in tags.items()],
    )["inferenceProfileArn"]
    return arn


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
