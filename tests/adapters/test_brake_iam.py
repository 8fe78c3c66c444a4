"""The contract of the brake's ports of IAM, run on its in-memory twin and on IAM (moto)."""

import json
from typing import Any

import boto3
import pytest

from lambdas.adapters.iam.deny_attachments import IamDenyAttachments
from lambdas.adapters.iam.role_directory import IamRoleDirectory
from lambdas.adapters.iam.session_policies import IamSessionPolicies
from lambdas.domain.brake import (
    ChangeRefusedError,
    DenyAttachments,
    Obstacle,
    PrincipalKind,
    PrincipalTarget,
    RoleDirectory,
    RoleFacts,
    SessionPolicyNames,
    SessionPolicyStore,
    deny_in_region,
    is_same_document,
    write_document,
)
from tests.brake import (
    MAX_ATTACHED,
    Effects,
    FakeAttachments,
    FakeIam,
    FakeRoles,
    FakeSessionPolicies,
)
from tests.unit.brake.test_session_policies import REGION, ROLE_ID, session

ACCOUNT = "123456789012"  # of moto
BEN_USER = PrincipalTarget("aws", ACCOUNT, PrincipalKind.USER, "ben")
CHAT = PrincipalTarget("aws", ACCOUNT, PrincipalKind.ROLE, "chat")
NAMES = SessionPolicyNames("BedrockMeter", REGION)
NAME = NAMES.make_name("chat", 1)
DENY = f"BedrockMeter-Deny-{REGION}"
DENY_PATH = f"/bedrock-meter-deny/{REGION}/"
DENY_ARN = f"arn:aws:iam::{ACCOUNT}:policy{DENY_PATH}{DENY}"
DOCUMENTS = [write_document(ROLE_ID, [session(f"person-{n}")], REGION) for n in range(9)]


class MotoIam:
    """Changes that others make in IAM, as `FakeIam` has them."""

    def __init__(self) -> None:
        self.client: Any = boto3.client("iam")
        document = {"Version": "2012-10-17", "Statement": [deny_in_region(REGION)]}
        self.create_policy(DENY, json.dumps(document), DENY_PATH)

    def create_policy(self, name: str, document: str, path: str = "/") -> str:
        made = self.client.create_policy(PolicyName=name, Path=path, PolicyDocument=document)
        arn: str = made["Policy"]["Arn"]
        return arn

    def add(
        self, target: PrincipalTarget, *, tags: dict[str, str] | None = None, path: str = "/"
    ) -> None:
        if target.kind is PrincipalKind.USER:
            self.client.create_user(UserName=target.name, Path=path)
            return
        self.client.create_role(
            RoleName=target.name,
            Path=path,
            AssumeRolePolicyDocument="{}",
            Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
        )

    def remove(self, target: PrincipalTarget) -> None:
        if target.kind is PrincipalKind.USER:
            self.client.delete_user(UserName=target.name)
        else:
            self.client.delete_role(RoleName=target.name)

    def attach(self, target: PrincipalTarget, policy: str) -> None:
        """Attach a policy of the meter, or one of others, which is made for it."""
        if policy == NAME:
            arn = f"arn:aws:iam::{ACCOUNT}:policy{NAMES.path}{policy}"
        else:
            arn = self.create_policy(policy, DOCUMENTS[0])
        if target.kind is PrincipalKind.USER:
            self.client.attach_user_policy(UserName=target.name, PolicyArn=arn)
        else:
            self.client.attach_role_policy(RoleName=target.name, PolicyArn=arn)

    def get_policies(self, target: PrincipalTarget) -> set[str]:
        listed = self.client.list_attached_user_policies(UserName=target.name)
        return {policy["PolicyName"] for policy in listed["AttachedPolicies"]}

    def add_policies(self, *names: str) -> None:
        for name in names:
            self.create_policy(name, DOCUMENTS[0])


class TwinIam(FakeIam):
    """The in-memory twin."""

    def add_policies(self, *names: str) -> None:
        self.documents |= dict.fromkeys(names, "{}")


Iam = TwinIam | MotoIam


@pytest.fixture(params=["in memory", "moto"])
def iam(request: pytest.FixtureRequest) -> Iam:
    if request.param == "moto":
        request.getfixturevalue("aws")
    made: Iam = MotoIam() if request.param == "moto" else TwinIam()
    made.add(BEN_USER)
    made.add(CHAT, tags={"team": "a"}, path="/team/")
    return made


@pytest.fixture
def attachments(iam: Iam) -> DenyAttachments:
    if isinstance(iam, MotoIam):
        return IamDenyAttachments(iam.client, DENY_ARN)
    return FakeAttachments(iam, DENY, Effects())


@pytest.fixture
def policies(iam: Iam) -> SessionPolicyStore:
    if isinstance(iam, MotoIam):
        return IamSessionPolicies(iam.client, NAMES, partition="aws", account_id=ACCOUNT)
    return FakeSessionPolicies(iam, NAMES, Effects())


@pytest.fixture
def roles(iam: Iam) -> RoleDirectory:
    return IamRoleDirectory(iam.client) if isinstance(iam, MotoIam) else FakeRoles(iam)


def test_users_and_roles_are_attached_and_detached(attachments: DenyAttachments) -> None:
    for _ in range(2):
        for target in (BEN_USER, CHAT):
            attachments.attach(target)
    assert set(attachments.list_attached()) == {BEN_USER, CHAT}
    assert attachments.detach(CHAT)
    assert not attachments.detach(CHAT)
    assert set(attachments.list_attached()) == {BEN_USER}


def test_what_is_gone_cannot_be_attached_and_is_detached(
    iam: Iam, attachments: DenyAttachments
) -> None:
    iam.remove(BEN_USER)
    with pytest.raises(ChangeRefusedError) as refused:
        attachments.attach(BEN_USER)
    assert refused.value.obstacle is Obstacle.PRINCIPAL_GONE
    assert not attachments.detach(BEN_USER)


def test_a_principal_with_ten_policies_has_no_free_slot(
    iam: Iam, attachments: DenyAttachments, policies: SessionPolicyStore
) -> None:
    if isinstance(iam, MotoIam):
        pytest.skip("moto has no quota of attached policies; iam/test_brake.py has its error")
    for number in range(MAX_ATTACHED):
        iam.attach(CHAT, f"other-{number}")
    with pytest.raises(ChangeRefusedError) as refused:
        attachments.attach(CHAT)
    assert refused.value.obstacle is Obstacle.NO_FREE_SLOT
    with pytest.raises(ChangeRefusedError) as refused:
        policies.write(CHAT, NAME, DOCUMENTS[0])
    assert refused.value.obstacle is Obstacle.NO_FREE_SLOT
    assert [policy.is_attached for policy in policies.list_policies()] == [False]


def test_a_policy_is_written_any_number_of_times_and_removed(policies: SessionPolicyStore) -> None:
    for document in (*DOCUMENTS, DOCUMENTS[-1]):  # a policy has five versions at most
        policies.write(CHAT, NAME, document)
        (stored,) = policies.list_policies()
        assert (stored.name, stored.is_attached) == (NAME, True)
        assert is_same_document(stored.document, document)
    for _ in range(2):
        policies.remove(NAME)
    assert list(policies.list_policies()) == []


def test_a_policy_is_detached_from_others_and_stays_attached_to_its_role(
    iam: Iam, policies: SessionPolicyStore
) -> None:
    policies.write(CHAT, NAME, DOCUMENTS[0])
    iam.attach(BEN_USER, NAME)
    (stored,) = policies.list_policies()
    assert (stored.is_attached, stored.others) == (True, (BEN_USER,))
    assert policies.detach(NAME, BEN_USER)
    assert not policies.detach(NAME, BEN_USER)
    (stored,) = policies.list_policies()
    assert (stored.is_attached, stored.others) == (True, ())
    iam.attach(BEN_USER, NAME)
    policies.remove(NAME)
    assert NAME not in iam.get_policies(BEN_USER)


def test_policies_of_others_are_neither_listed_nor_removed(
    iam: Iam, policies: SessionPolicyStore
) -> None:
    other = SessionPolicyNames("BedrockMeter", "eu-central-1").make_name("chat", 1)
    iam.add_policies("Others", other)
    policies.write(CHAT, NAME, DOCUMENTS[0])
    assert [policy.name for policy in policies.list_policies()] == [NAME]


def test_the_facts_of_a_role_are_its_id_its_path_and_its_tags(
    iam: Iam, roles: RoleDirectory
) -> None:
    facts = roles.get_role(CHAT)
    assert facts is not None
    assert (facts.path, facts.tags) == ("/team/", {"team": "a"})
    iam.remove(CHAT)
    assert roles.get_role(CHAT) is None
    iam.add(CHAT)
    again = roles.get_role(CHAT)
    assert isinstance(again, RoleFacts)
    assert again.role_id != facts.role_id
