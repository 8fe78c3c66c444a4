"""The contract of the brake's ports of IAM, run on each implementation."""

import pytest

from lambdas.domain.brake import (
    ChangeRefusedError,
    DenyAttachments,
    Obstacle,
    RoleDirectory,
    RoleFacts,
    SessionPolicyNames,
    SessionPolicyStore,
    StoredPolicy,
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
from tests.unit.brake.builders import BEN_USER, CHAT
from tests.unit.brake.test_session_policies import REGION, ROLE_ID, session

NAMES = SessionPolicyNames("BedrockMeter", REGION)
NAME = NAMES.make_name("chat", 1)
DOCUMENTS = [write_document(ROLE_ID, [session(f"person-{n}")], REGION) for n in range(9)]


@pytest.fixture
def iam() -> FakeIam:
    made = FakeIam()
    made.add(BEN_USER)
    made.add(CHAT, tags={"team": "a"}, path="/team/")
    return made


@pytest.fixture(params=["in memory"])
def attachments(iam: FakeIam) -> DenyAttachments:
    return FakeAttachments(iam, "deny", Effects())


@pytest.fixture(params=["in memory"])
def policies(iam: FakeIam) -> SessionPolicyStore:
    return FakeSessionPolicies(iam, NAMES, Effects())


@pytest.fixture(params=["in memory"])
def roles(iam: FakeIam) -> RoleDirectory:
    return FakeRoles(iam)


def test_users_and_roles_are_attached_and_detached(attachments: DenyAttachments) -> None:
    for _ in range(2):
        for target in (BEN_USER, CHAT):
            attachments.attach(target)
    assert set(attachments.list_attached()) == {BEN_USER, CHAT}
    assert attachments.detach(CHAT)
    assert not attachments.detach(CHAT)
    assert set(attachments.list_attached()) == {BEN_USER}


def test_what_is_gone_cannot_be_attached_and_is_detached(
    iam: FakeIam, attachments: DenyAttachments
) -> None:
    iam.remove(BEN_USER)
    with pytest.raises(ChangeRefusedError) as refused:
        attachments.attach(BEN_USER)
    assert refused.value.obstacle is Obstacle.PRINCIPAL_GONE
    assert not attachments.detach(BEN_USER)


def test_a_principal_with_ten_policies_has_no_free_slot(
    iam: FakeIam, attachments: DenyAttachments, policies: SessionPolicyStore
) -> None:
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
        assert list(policies.list_policies()) == [StoredPolicy(NAME, document, is_attached=True)]
    for _ in range(2):
        policies.remove(NAME)
    assert policies.list_policies() == []


def test_a_policy_is_detached_from_others_and_stays_attached_to_its_role(
    iam: FakeIam, policies: SessionPolicyStore
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
    iam: FakeIam, policies: SessionPolicyStore
) -> None:
    other = SessionPolicyNames("BedrockMeter", "eu-central-1").make_name("chat", 1)
    iam.documents |= {"AdministratorAccess": "{}", other: "{}"}
    policies.write(CHAT, NAME, DOCUMENTS[0])
    assert [policy.name for policy in policies.list_policies()] == [NAME]


def test_the_facts_of_a_role_are_its_id_its_path_and_its_tags(
    iam: FakeIam, roles: RoleDirectory
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
