"""The policies of the brake, and a role that is left with them."""

from __future__ import annotations

from typing import Any

from cdk.local_cloud.cloud import ACCOUNT, REGION, LocalCloud
from tests.local_cloud.callers import TRUST, USES

DENY = f"arn:aws:iam::{ACCOUNT}:policy/bedrock-meter-deny/{REGION}/BedrockMeter-Deny-{REGION}"
SESSIONS = f"arn:aws:iam::{ACCOUNT}:policy/bedrock-meter/{REGION}/"
_LEFT = "left"


def leave_denied(cloud: LocalCloud) -> None:
    """Leave a role denied, as a whole and for a session, when governance is removed."""
    iam = cloud.client("iam")
    iam.create_role(RoleName=_LEFT, AssumeRolePolicyDocument=TRUST)
    of_session = create_session_policy(iam, _LEFT)
    for policy in (DENY, of_session):
        iam.attach_role_policy(RoleName=_LEFT, PolicyArn=policy)
    assert list_left(cloud) == sorted([DENY, of_session, of_session])


def list_left(cloud: LocalCloud) -> list[str]:
    """The policies of the brake that are still attached, and those of sessions that exist."""
    iam = cloud.client("iam")
    attached = iam.list_attached_role_policies(RoleName=_LEFT)["AttachedPolicies"]
    own = iam.list_policies(Scope="Local", PathPrefix="/bedrock-meter/")["Policies"]
    arns = [*(policy["PolicyArn"] for policy in attached), *(policy["Arn"] for policy in own)]
    return sorted(arns)


def create_session_policy(iam: Any, role: str) -> str:
    """Create a policy with the name and the path of those that deny sessions of a role."""
    created = iam.create_policy(
        PolicyName=f"BedrockMeter-{REGION}-sessions-{role}-1",
        Path=f"/bedrock-meter/{REGION}/",
        PolicyDocument=USES,
    )
    arn: str = created["Policy"]["Arn"]
    assert arn.startswith(SESSIONS)
    return arn
