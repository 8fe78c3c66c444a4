"""Machine sessions roll up to their role; people and identities within the limit do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.metrics.catalog import MAX_DIMENSION_VALUE_LENGTH, dimension_value
from lambdas.domain.metrics.role_roll_up import OTHER_IDENTITIES, BoundedIdentities, RoleRollUp
from tests.builders import ANA, BEN
from tests.fakes import InMemoryIdentityRegistry

ROLE = "arn:aws:iam::111122223333:role/agent"


def session(name: str) -> str:
    return f"arn:aws:sts::111122223333:assumed-role/agent/{name}"


@pytest.mark.parametrize(
    "name",
    [
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "0F8FAD5BD9CB469FA16570867728950E",
        "BedrockAgentCore-0f8fad5b-d9cb-469f-a165-70867728950e",
        "i-0abcd1234ef567890",
        "1757334633123",
        "botocore-session-1757334633",
        "aws-go-sdk-1757334633123456789",
        "DocumentLoaderTask-XYZ123",
    ],
)
def test_machine_sessions_roll_up_to_their_role(name: str) -> None:
    assert RoleRollUp().dimension_value(session(name)) == ROLE


@pytest.mark.parametrize(
    "name", ["ana@example.com", "support-chat", "ana-2024", "build-42", "i-am-a-person"]
)
def test_sessions_of_people_and_applications_keep_their_arn(name: str) -> None:
    assert RoleRollUp().dimension_value(session(name)) == session(name)


def test_configuration_adds_patterns_which_match_whole_names() -> None:
    roll_up = RoleRollUp(["job-[a-z]+"])
    assert roll_up.dimension_value(session("job-nightly")) == ROLE
    assert roll_up.dimension_value(session("my-job-nightly-run")) == session("my-job-nightly-run")


@pytest.mark.parametrize("arn", [BEN, "unknown", "arn:aws:iam::111122223333:root", "odd text"])
def test_an_identity_without_a_session_never_rolls_up(arn: str) -> None:
    assert RoleRollUp([".*"]).dimension_value(arn) == arn


def test_identities_beyond_the_limit_go_to_the_overflow_bucket_and_members_stay() -> None:
    identities = BoundedIdentities(RoleRollUp(), InMemoryIdentityRegistry(2, 20))
    arns = [ANA, BEN, "carl", ANA, "dora", BEN]
    assert [identities.name(arn, "2026-09") for arn in arns] == [
        ANA,
        BEN,
        OTHER_IDENTITIES,
        ANA,
        OTHER_IDENTITIES,
        BEN,
    ]


def test_every_month_starts_empty() -> None:
    identities = BoundedIdentities(RoleRollUp(), InMemoryIdentityRegistry(1, 20))
    assert identities.name(ANA, "2026-09") == ANA
    assert identities.name(BEN, "2026-10") == BEN


def test_a_role_with_too_many_sessions_is_shown_as_the_role() -> None:
    identities = BoundedIdentities(RoleRollUp(), InMemoryIdentityRegistry(200, 2))
    arns = [session(name) for name in ("ana", "ben", "chloe", "dario", "ana")]
    assert [identities.name(arn, "2026-09") for arn in arns] == [
        session("ana"),
        session("ben"),
        ROLE,
        ROLE,
        session("ana"),
    ]


@given(st.text())
def test_any_text_becomes_a_valid_dimension_value(text: str) -> None:
    value = dimension_value(text)
    assert value.isascii()
    assert value.isprintable()
    assert 1 <= len(value) <= MAX_DIMENSION_VALUE_LENGTH
    assert not value.startswith(":")
    assert value == value.strip()


letters = st.text("a?:~ \u00e9\u00fc\ud800_", max_size=4)


@given(letters, letters)
def test_different_texts_never_share_a_dimension_value(one: str, other: str) -> None:
    values = {dimension_value(text) for text in (one, dimension_value(one), other)}
    assert len(values) >= len({one, dimension_value(one), other})


def test_different_invalid_texts_stay_different() -> None:
    assert dimension_value("caf\u00e9").startswith("caf?~")
    longest = "a" * MAX_DIMENSION_VALUE_LENGTH
    assert dimension_value(longest) == longest
    texts = [
        longest + "b",
        longest + "c",
        "caf\u00e9",
        "caf\u00fc",
        "caf?",
        "",
        ":",
        "_:",
        "a",
        " a",
    ]
    assert len({dimension_value(text) for text in texts}) == len(texts)
