"""The conditions of IAM that the brake relies on hold in the local cloud, as on AWS.

Each request that is refused has a twin that is allowed, in which one condition alone differs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk.local_cloud.cloud import ACCOUNT, REGION, LocalCloud, open_local_cloud
from tests.local_cloud.callers import (
    OPERATIONS,
    TRUST,
    USE,
    client_in_session,
    client_with,
    list_refused,
)

KINDS = ("Role", "User")
CHANGES = {
    "Effect": "Allow",
    "Action": [f"iam:{verb}{kind}Policy" for verb in ("Attach", "Detach") for kind in KINDS],
    "Resource": "*",
}
NOTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "bedrock:Rerank", "Resource": "*"}],
    }
)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def evaluated() -> Iterator[LocalCloud]:
    with open_local_cloud(settings={"AUTH": "true"}) as cloud:
        yield cloud


def make_policy(cloud: LocalCloud, name: str) -> str:
    created = cloud.client("iam").create_policy(PolicyName=name, PolicyDocument=NOTHING)
    arn: str = created["Policy"]["Arn"]
    return arn


def make_principal(cloud: LocalCloud, kind: str, name: str, **tags: str) -> None:
    iam = cloud.client("iam")
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    if kind == "User":
        iam.create_user(UserName=name, Tags=pairs)
    else:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Tags=pairs)


def change(iam: Any, verb: str, kind: str, name: str, policy: str) -> None:
    """Attach a policy to a role or a user, or detach it."""
    send = getattr(iam, f"{verb.lower()}_{kind.lower()}_policy")
    send(**{f"{kind}Name": name, "PolicyArn": policy})


@pytest.mark.parametrize("kind", KINDS)
def test_the_policy_is_a_condition_on_attaching_and_detaching_it(
    evaluated: LocalCloud, kind: str
) -> None:
    own, other = (make_policy(evaluated, f"{name}-{kind}") for name in ("own", "other"))
    make_principal(evaluated, kind, f"changed-{kind}")
    on_own = {"Condition": {"ArnEquals": {"iam:PolicyARN": own}}}
    limited = client_with(evaluated, "iam", f"limited-{kind}", CHANGES | on_own)
    unlimited = client_with(evaluated, "iam", f"unlimited-{kind}", CHANGES)
    for verb in ("Attach", "Detach"):
        change(limited, verb, kind, f"changed-{kind}", own)
    for verb in ("Attach", "Detach"):
        with pytest.raises(ClientError, match="AccessDenied"):
            change(limited, verb, kind, f"changed-{kind}", other)
        change(unlimited, verb, kind, f"changed-{kind}", other)


@pytest.mark.parametrize("kind", KINDS)
def test_the_tag_of_a_principal_is_a_condition_on_attaching_to_it(
    evaluated: LocalCloud, kind: str
) -> None:
    policy = make_policy(evaluated, f"tagged-{kind}")
    on_tag = {"Condition": {"StringEquals": {"iam:ResourceTag/brake": "allowed"}}}
    limited = client_with(evaluated, "iam", f"by-tag-{kind}", CHANGES | on_tag)
    unlimited = client_with(evaluated, "iam", f"whatever-tag-{kind}", CHANGES)
    for name, tags, is_allowed in (
        (f"consenting-{kind}", {"brake": "allowed"}, True),
        (f"refusing-{kind}", {"brake": "no"}, False),
        (f"untagged-{kind}", {}, False),
    ):
        make_principal(evaluated, kind, name, **tags)
        if is_allowed:
            change(limited, "Attach", kind, name, policy)
        else:
            with pytest.raises(ClientError, match="AccessDenied"):
                change(limited, "Attach", kind, name, policy)
            change(unlimited, "Attach", kind, name, policy)


def test_a_changed_tag_counts_at_once(evaluated: LocalCloud) -> None:
    policy, iam = make_policy(evaluated, "at-once"), evaluated.client("iam")
    on_tag = {"Condition": {"StringEquals": {"iam:ResourceTag/brake": "allowed"}}}
    limited = client_with(evaluated, "iam", "at-once", CHANGES | on_tag)
    make_principal(evaluated, "Role", "changing")
    with pytest.raises(ClientError, match="AccessDenied"):
        change(limited, "Attach", "Role", "changing", policy)
    iam.tag_role(RoleName="changing", Tags=[{"Key": "brake", "Value": "allowed"}])
    change(limited, "Attach", "Role", "changing", policy)


def test_a_policy_is_created_and_changed_below_the_granted_path_alone(
    evaluated: LocalCloud,
) -> None:
    grant = {
        "Effect": "Allow",
        "Action": ["iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicy"],
        "Resource": f"arn:aws:iam::{ACCOUNT}:policy/granted/own-*",
    }
    limited = client_with(evaluated, "iam", "below-a-path", grant)
    unlimited = client_with(evaluated, "iam", "anywhere", grant | {"Resource": "*"})
    for path, name, is_allowed in (
        ("/granted/", "own-1", True),
        ("/granted/", "foreign-1", False),
        ("/elsewhere/", "own-2", False),
        ("/", "own-3", False),
    ):
        request = {"PolicyName": name, "Path": path, "PolicyDocument": NOTHING}
        arn = f"arn:aws:iam::{ACCOUNT}:policy{path}{name}"
        if is_allowed:
            limited.create_policy(**request)
            limited.create_policy_version(PolicyArn=arn, PolicyDocument=NOTHING)
            continue
        with pytest.raises(ClientError, match="AccessDenied"):
            limited.create_policy(**request)
        unlimited.create_policy(**request)
        with pytest.raises(ClientError, match="AccessDenied"):
            limited.create_policy_version(PolicyArn=arn, PolicyDocument=NOTHING)
        with pytest.raises(ClientError, match="AccessDenied"):
            limited.delete_policy(PolicyArn=arn)
        unlimited.delete_policy(PolicyArn=arn)


def in_(hours: int) -> str:
    return f"{datetime.now(UTC) + hours * HOUR:%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    ("condition", "denied"),
    [
        (lambda _: {}, {"ana", "ben"}),
        (lambda role: {"StringEquals": {"aws:userid": [f"{role}:ana"]}}, {"ana"}),
        (lambda role: {"StringEquals": {"aws:userid": [f"{role}:ANA"]}}, set()),
        (lambda _: {"StringEquals": {"aws:RequestedRegion": REGION}}, {"ana", "ben"}),
        (lambda _: {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, set()),
        (lambda _: {"DateLessThan": {"aws:CurrentTime": in_(1)}}, {"ana", "ben"}),
        (lambda _: {"DateLessThan": {"aws:CurrentTime": in_(-1)}}, set()),
    ],
    ids=["none", "session", "letter-case", "region", "other-region", "before-end", "after-end"],
)
def test_a_deny_holds_for_the_session_the_region_and_the_time_that_it_names(
    evaluated: LocalCloud,
    request: pytest.FixtureRequest,
    condition: Callable[[str], Mapping[str, Any]],
    denied: set[str],
) -> None:
    iam, name = evaluated.client("iam"), request.node.callspec.id
    created = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    deny = USE | {"Effect": "Deny", "Condition": condition(created["Role"]["RoleId"])}
    document = json.dumps({"Version": "2012-10-17", "Statement": [USE, deny]})
    iam.put_role_policy(RoleName=name, PolicyName="use", PolicyDocument=document)
    for session in ("ana", "ben"):
        bedrock = client_in_session(evaluated, "bedrock-runtime", name, session)
        assert list_refused(bedrock) == (OPERATIONS.keys() if session in denied else set())
