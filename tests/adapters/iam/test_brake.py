"""The ports of the brake on IAM (moto); `test_brake_iam.py` has their contract."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber

from lambdas.adapters.iam.deny_attachments import IamDenyAttachments
from lambdas.adapters.iam.role_directory import IamRoleDirectory
from lambdas.adapters.iam.session_policies import IamSessionPolicies
from lambdas.domain.brake import (
    ChangeRefusedError,
    DeniedSession,
    Obstacle,
    PrincipalKind,
    PrincipalTarget,
    RoleFacts,
    SessionPolicyNames,
    StoredPolicy,
    deny_in_region,
    is_same_document,
    write_document,
)
from tests.builders import NOON

ACCOUNT = "123456789012"  # of moto
REGION = "us-east-1"
DENY = f"arn:aws:iam::{ACCOUNT}:policy/bedrock-meter-deny/{REGION}/BedrockMeter-Deny-{REGION}"
APP = PrincipalTarget("aws", ACCOUNT, PrincipalKind.ROLE, "app")
CARL = PrincipalTarget("aws", ACCOUNT, PrincipalKind.USER, "carl")
GONE = PrincipalTarget("aws", ACCOUNT, PrincipalKind.ROLE, "gone")
NAMES = SessionPolicyNames("BedrockMeter", REGION)
NAME = NAMES.make_name("app", 1)
ARN = f"arn:aws:iam::{ACCOUNT}:policy{NAMES.path}{NAME}"
OTHERS = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture
def iam(aws: None) -> Any:
    client = boto3.client("iam")
    client.create_policy(
        PolicyName=f"BedrockMeter-Deny-{REGION}",
        Path=f"/bedrock-meter-deny/{REGION}/",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [deny_in_region(REGION)]}),
    )
    client.create_role(
        RoleName="app",
        Path="/teams/",
        AssumeRolePolicyDocument="{}",
        Tags=[{"Key": "bedrock-meter-brake", "Value": "allowed"}],
    )
    client.create_user(UserName="carl")
    return client


@pytest.fixture
def attachments(iam: Any) -> IamDenyAttachments:
    return IamDenyAttachments(iam, DENY)


@pytest.fixture
def policies(iam: Any) -> IamSessionPolicies:
    return IamSessionPolicies(iam, NAMES, partition="aws", account_id=ACCOUNT)


def document(*names: str) -> str:
    sessions = [DeniedSession(name, NOON + timedelta(hours=1)) for name in names]
    return write_document("AROA1", sessions, REGION)


def list_attached(iam: Any, role: str = "app") -> set[str]:
    listed = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    return {policy["PolicyArn"] for policy in listed}


def test_attachments_are_listed_page_by_page() -> None:
    """moto lists one page alone."""
    client = boto3.client("iam", REGION)
    asked = {"PolicyArn": DENY, "PolicyUsageFilter": "PermissionsPolicy"}
    role = {"RoleName": "app", "RoleId": "AROA000000000000EXAMPLE"}
    user = {"UserName": "carl", "UserId": "AIDA000000000000EXAMPLE"}
    nothing: dict[str, Any] = {"PolicyRoles": [], "PolicyUsers": [], "PolicyGroups": []}
    with Stubber(client) as answers:
        answers.add_response(
            "list_entities_for_policy",
            nothing | {"PolicyRoles": [role], "IsTruncated": True, "Marker": "next"},
            asked,
        )
        answers.add_response(
            "list_entities_for_policy",
            nothing | {"PolicyUsers": [user], "IsTruncated": False},
            asked | {"Marker": "next"},
        )
        assert list(IamDenyAttachments(client, DENY).list_attached()) == [APP, CARL]
        answers.assert_no_pending_responses()


def test_a_group_that_someone_attached_the_policy_to_is_released_and_never_denied(
    iam: Any, attachments: IamDenyAttachments
) -> None:
    iam.create_group(GroupName="team")
    iam.attach_group_policy(GroupName="team", PolicyArn=DENY)
    (team,) = attachments.list_attached()
    assert team == PrincipalTarget("aws", ACCOUNT, PrincipalKind.GROUP, "team")
    assert attachments.detach(team)
    assert not attachments.detach(team)
    with pytest.raises(ChangeRefusedError) as refused:
        attachments.attach(team)
    assert refused.value.obstacle is Obstacle.NOT_PERMITTED
    assert list(attachments.list_attached()) == []


def test_a_deleted_policy_is_no_deleted_principal(
    iam: Any, attachments: IamDenyAttachments
) -> None:
    iam.delete_policy(PolicyArn=DENY)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        attachments.attach(APP)


def test_other_policies_of_a_principal_stay(iam: Any, attachments: IamDenyAttachments) -> None:
    own = iam.create_policy(PolicyName="own", PolicyDocument=document("x"))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="app", PolicyArn=own)
    attachments.attach(APP)
    assert list_attached(iam) == {own, DENY}
    attachments.detach(APP)
    assert list_attached(iam) == {own}


def refuse(code: str) -> Callable[..., Any]:
    def answer(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "AttachRolePolicy")

    return answer


@pytest.mark.parametrize(
    ("code", "obstacle"),
    [
        ("LimitExceeded", Obstacle.NO_FREE_SLOT),
        ("UnmodifiableEntity", Obstacle.PROTECTED),
        ("AccessDenied", Obstacle.NOT_PERMITTED),
        ("Throttling", Obstacle.THROTTLED),
        ("EntityTemporarilyUnmodifiable", Obstacle.THROTTLED),
        ("ServiceFailure", Obstacle.THROTTLED),
        ("EntityAlreadyExists", Obstacle.THROTTLED),
        ("ValidationError", Obstacle.INVALID),
    ],
)
def test_each_refusal_of_iam_is_an_obstacle(
    iam: Any,
    attachments: IamDenyAttachments,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    obstacle: Obstacle,
) -> None:
    for method in ("attach_role_policy", "detach_role_policy"):
        monkeypatch.setattr(iam, method, refuse(code))
    for change in (attachments.attach, attachments.detach):
        with pytest.raises(ChangeRefusedError) as refused:
            change(APP)
        assert refused.value.obstacle is obstacle


def test_an_answer_that_does_not_come_is_a_throttled_request(
    iam: Any, attachments: IamDenyAttachments, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(**_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://iam.amazonaws.com")

    monkeypatch.setattr(iam, "attach_role_policy", answer)
    with pytest.raises(ChangeRefusedError) as refused:
        attachments.attach(APP)
    assert refused.value.obstacle is Obstacle.THROTTLED


def test_an_error_that_says_something_else_goes_on(
    iam: Any, attachments: IamDenyAttachments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iam, "attach_role_policy", refuse("UnknownError"))
    with pytest.raises(ClientError, match="UnknownError"):
        attachments.attach(APP)


def test_a_role_has_an_id_a_path_and_tags(iam: Any) -> None:
    facts = IamRoleDirectory(iam).get_role(APP)
    role_id = iam.get_role(RoleName="app")["Role"]["RoleId"]
    assert facts == RoleFacts(role_id, "/teams/", {"bedrock-meter-brake": "allowed"})
    assert IamRoleDirectory(iam).get_role(GONE) is None


def test_a_session_policy_is_made_attached_and_removed(
    iam: Any, policies: IamSessionPolicies
) -> None:
    assert list(policies.list_policies()) == []
    for _ in range(2):
        policies.write(APP, NAME, document("ana"))
    (stored,) = policies.list_policies()
    assert (stored.name, stored.is_attached) == (NAME, True)
    assert is_same_document(stored.document, document("ana"))
    assert list_attached(iam) == {ARN}
    for _ in range(2):
        policies.remove(NAME)
    assert list(policies.list_policies()) == []
    assert list_attached(iam) == set()


def test_the_oldest_version_makes_room_for_the_sixth(
    iam: Any, policies: IamSessionPolicies
) -> None:
    for number in range(7):
        policies.write(APP, NAME, document(f"ana-{number}"))
    listed = iam.list_policy_versions(PolicyArn=ARN)["Versions"]
    assert {version["VersionId"] for version in listed} == {"v3", "v4", "v5", "v6", "v7"}
    (stored,) = policies.list_policies()
    assert is_same_document(stored.document, document("ana-6"))
    policies.write(APP, NAME, document("ana-6"))
    assert len(iam.list_policy_versions(PolicyArn=ARN)["Versions"]) == 5
    assert iam.get_policy(PolicyArn=ARN)["Policy"]["DefaultVersionId"] == "v7"
    policies.remove(NAME)
    assert list(policies.list_policies()) == []


def test_a_policy_that_is_attached_elsewhere_denies_its_role_and_is_detached_there(
    iam: Any, policies: IamSessionPolicies
) -> None:
    policies.write(APP, NAME, document("ana"))
    iam.attach_user_policy(UserName="carl", PolicyArn=ARN)
    iam.create_group(GroupName="team")
    iam.attach_group_policy(GroupName="team", PolicyArn=ARN)
    team = PrincipalTarget("aws", ACCOUNT, PrincipalKind.GROUP, "team")
    (stored,) = policies.list_policies()
    assert (stored.is_attached, set(stored.others)) == (True, {CARL, team})
    for target in stored.others:
        assert policies.detach(NAME, target)
        assert not policies.detach(NAME, target)
    (stored,) = policies.list_policies()
    assert (stored.is_attached, stored.others) == (True, ())
    assert list_attached(iam) == {ARN}


def test_a_policy_is_removed_wherever_it_is_attached(
    iam: Any, policies: IamSessionPolicies
) -> None:
    policies.write(APP, NAME, document("ana"))
    iam.attach_user_policy(UserName="carl", PolicyArn=ARN)
    iam.detach_role_policy(RoleName="app", PolicyArn=ARN)
    (stored,) = policies.list_policies()
    assert (stored.is_attached, stored.others) == (False, (CARL,))
    policies.remove(NAME)
    assert list(policies.list_policies()) == []


def test_a_policy_that_someone_detached_is_attached_again(
    iam: Any, policies: IamSessionPolicies
) -> None:
    policies.write(APP, NAME, document("ana"))
    iam.detach_role_policy(RoleName="app", PolicyArn=ARN)
    (stored,) = policies.list_policies()
    assert not stored.is_attached
    policies.write(APP, NAME, document("ana"))
    assert list_attached(iam) == {ARN}


def test_policies_of_other_meters_and_regions_are_not_listed(
    iam: Any, policies: IamSessionPolicies
) -> None:
    other_region = SessionPolicyNames("BedrockMeter", "eu-west-1")
    other_meter = SessionPolicyNames("BedrockMeter-Test", REGION)
    for names in (other_region, other_meter):
        store = IamSessionPolicies(iam, names, partition="aws", account_id=ACCOUNT)
        store.write(APP, names.make_name("app", 1), document("ana"))
        assert [policy.name for policy in store.list_policies()] == [names.make_name("app", 1)]
    assert list(policies.list_policies()) == []


def test_a_role_that_is_gone_refuses_its_policy(policies: IamSessionPolicies) -> None:
    name = NAMES.make_name("gone", 1)
    with pytest.raises(ChangeRefusedError) as refused:
        policies.write(GONE, name, document("ana"))
    assert refused.value.obstacle is Obstacle.PRINCIPAL_GONE
    (left,) = policies.list_policies()
    assert left == StoredPolicy(name, left.document, is_attached=False)
    policies.remove(name)
    assert list(policies.list_policies()) == []
