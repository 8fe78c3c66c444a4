"""Policies of sessions end by themselves, fit into IAM's limits, and deny no other session."""

import json
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.brake import (
    DENIED_ACTIONS,
    MAX_POLICIES,
    MAX_POLICY_LETTERS,
    NO_PLACE,
    DeniedSession,
    InvalidPolicyNameError,
    SessionPlan,
    SessionPolicyNames,
    is_same_document,
    plan_session_policies,
    read_document,
    write_document,
)
from tests.builders import NOON
from tests.policy_sizes import LONG_REGIONS
from tests.unit.brake.builders import CHAT, DAY, MIDNIGHT

REGION = "us-east-1"
NAMES = SessionPolicyNames("BedrockMeter", REGION)
ROLE_ID = "AROA1234567890ABCDEFG"
session_names = st.from_regex(r"[A-Za-z0-9_+=,.@-]{2,64}", fullmatch=True)
sessions = st.lists(
    st.builds(
        DeniedSession,
        session_names,
        st.sampled_from([MIDNIGHT, MIDNIGHT + DAY, NOON.replace(month=10, day=1, hour=0)]),
        st.decimals(0, 1000, places=2),
        st.integers(1, MAX_POLICIES + 1),
    ),
    unique_by=lambda session: session.session_name,
    max_size=40,
)


def session(
    name: str = "ana@example.com", percent_used: int = 100, **changes: Any
) -> DeniedSession:
    return DeniedSession(
        name, changes.get("until", MIDNIGHT), Decimal(percent_used), changes.get("place", NO_PLACE)
    )


def test_a_statement_denies_named_sessions_of_the_role_in_the_region_until_the_end() -> None:
    document = json.loads(write_document(ROLE_ID, [session("b2"), session("a1")], REGION))
    assert document == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Action": [*DENIED_ACTIONS],
                "Resource": "*",
                "Condition": {
                    "StringEquals": {
                        "aws:userid": [f"{ROLE_ID}:a1", f"{ROLE_ID}:b2"],
                        "aws:RequestedRegion": REGION,
                    },
                    "DateLessThan": {"aws:CurrentTime": "2026-09-09T00:00:00Z"},
                },
            }
        ],
    }


def list_statements(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["Statement"]
    return found


@given(sessions)
def test_every_statement_ends_by_itself_and_names_the_region(found: list[DeniedSession]) -> None:
    for policy in plan_session_policies(CHAT, ROLE_ID, found, NAMES).policies:
        for statement in list_statements(policy.document):
            assert set(statement["Condition"]) == {"StringEquals", "DateLessThan"}
            assert statement["Condition"]["StringEquals"]["aws:RequestedRegion"] == REGION


@given(sessions)
def test_every_session_is_in_one_policy_with_its_own_end_or_named_as_overflow(
    found: list[DeniedSession],
) -> None:
    plan = plan_session_policies(CHAT, ROLE_ID, found, NAMES)
    placed = [name for policy in plan.policies for name in policy.session_names]
    assert sorted([*placed, *plan.overflow]) == sorted(each.session_name for each in found)
    ends = {each.session_name: each.until for each in found}
    for policy in plan.policies:
        for statement in list_statements(policy.document):
            end = statement["Condition"]["DateLessThan"]["aws:CurrentTime"]
            for user_id in statement["Condition"]["StringEquals"]["aws:userid"]:
                role_id, _, name = user_id.partition(":")
                assert role_id == ROLE_ID
                assert f"{ends[name]:%Y-%m-%dT%H:%M:%SZ}" == end


@given(sessions)
def test_the_plan_does_not_depend_on_the_order_of_sessions(found: list[DeniedSession]) -> None:
    plan = plan_session_policies(CHAT, ROLE_ID, found, NAMES)
    assert plan_session_policies(CHAT, ROLE_ID, found[::-1], NAMES) == plan


def test_twelve_people_on_one_role_are_all_denied_by_one_policy() -> None:
    """Twelve were marked as denied and ten attached: a role has ten places for policies."""
    people = [session(f"person-{number}@example.com") for number in range(12)]
    (policy,) = plan_session_policies(CHAT, ROLE_ID, people, NAMES).policies
    assert len(policy.session_names) == 12


@pytest.mark.parametrize("region", LONG_REGIONS)
@pytest.mark.parametrize(("letters", "least"), [(20, 100), (40, 70), (64, 50)])
def test_a_policy_has_room_for_50_to_100_sessions(letters: int, least: int, region: str) -> None:
    people = [session(f"{number:04d}".ljust(letters, "x")) for number in range(400)]
    names = SessionPolicyNames("BedrockMeter", region)
    plan = plan_session_policies(CHAT, ROLE_ID, people, names)
    assert len(plan.policies) == MAX_POLICIES
    for policy in plan.policies:
        assert len(policy.document) <= MAX_POLICY_LETTERS
        assert not re.search(r"\s", policy.document)
        assert len(policy.session_names) >= least


def test_sessions_with_the_least_usage_have_no_room() -> None:
    people = [session(f"{number:04d}".ljust(64, "x"), number) for number in range(300)]
    plan = plan_session_policies(CHAT, ROLE_ID, people, NAMES)
    placed = {name for policy in plan.policies for name in policy.session_names}
    assert plan.overflow
    assert min(placed) > max(plan.overflow)


@given(sessions)
def test_a_place_in_a_policy_stays_whatever_the_usage_of_others(found: list[DeniedSession]) -> None:
    places = list_places(plan_session_policies(CHAT, ROLE_ID, found, NAMES))
    later = [
        each._replace(place=places.get(each.session_name, NO_PLACE), percent_used=Decimal(0))
        if each.session_name in places
        else each._replace(place=NO_PLACE, percent_used=Decimal(5000))
        for each in (*found, *(session(f"new-{number:03d}".ljust(64, "x")) for number in range(99)))
    ]
    after = list_places(plan_session_policies(CHAT, ROLE_ID, later, NAMES))
    assert places.items() <= after.items()


def list_places(plan: SessionPlan) -> dict[str, int]:
    """List the number of the policy of each session."""
    return {
        name: NAMES.read_number(policy.name)
        for policy in plan.policies
        for name in policy.session_names
    }


def test_a_new_session_shares_the_statement_of_its_end() -> None:
    """Each statement repeats the denied actions, so each one more is room for fewer sessions."""
    today, tomorrow = session("today", place=1), session("tomorrow", until=MIDNIGHT + DAY, place=2)
    plan = plan_session_policies(
        CHAT, ROLE_ID, [today, tomorrow, session("new", until=MIDNIGHT + DAY)], NAMES
    )
    assert list_places(plan) == {"today": 1, "tomorrow": 2, "new": 2}


def test_a_policy_has_room_for_nine_ends() -> None:
    people = [session(f"{number:03d}", until=MIDNIGHT + number * DAY) for number in range(40)]
    plan = plan_session_policies(CHAT, ROLE_ID, people, NAMES)
    assert [len(list_statements(policy.document)) for policy in plan.policies] == [9, 9]


def test_without_sessions_there_is_no_policy() -> None:
    assert plan_session_policies(CHAT, ROLE_ID, [], NAMES).policies == ()


@given(sessions.filter(bool))
def test_a_document_is_read_as_it_was_written(found: list[DeniedSession]) -> None:
    content = read_document(write_document(ROLE_ID, found, REGION), REGION)
    assert content == (ROLE_ID, frozenset(each.session_name for each in found))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("Deny", "Allow"),
        lambda text: text.replace(REGION, "eu-central-1"),
        lambda text: text.replace('"*"', '"arn:aws:bedrock:*:*:x"'),
        lambda text: text.replace("bedrock:Invoke*", "bedrock:InvokeModel"),
        lambda text: text.replace("DateLessThan", "DateGreaterThan"),
        lambda text: text.replace("2026-09-09", "2026-13-09"),
        lambda _: "{",
        lambda _: "[]",
        lambda _: '{"Statement": 5}',
    ],
)
def test_a_document_that_others_changed_denies_no_session_for_sure(change: Any) -> None:
    assert read_document(change(write_document(ROLE_ID, [session()], REGION)), REGION) is None


def test_white_space_and_order_of_keys_make_no_other_document() -> None:
    document = write_document(ROLE_ID, [session()], REGION)
    spaced = json.dumps(json.loads(document), indent=2, sort_keys=True)
    assert is_same_document(document, spaced)
    assert read_document(spaced, REGION) is not None
    assert not is_same_document(document, "{")


def find_pattern(shape: str) -> str:
    """Find the pattern that IAM's own model has for names."""
    model = botocore.session.get_session().get_service_model("iam")
    return str(model.shape_for(shape).metadata["pattern"])


@pytest.mark.parametrize("role_name", ["chat", "a" * 64, "x+=,.@-_", "chat-1"])
def test_names_and_paths_are_those_that_iam_takes_and_lead_to_the_role(role_name: str) -> None:
    name = NAMES.make_name(role_name, 2)
    assert re.fullmatch(find_pattern("policyNameType"), name, re.ASCII)
    assert re.fullmatch(find_pattern("policyPathType"), NAMES.path)
    assert len(name) <= 128
    assert NAMES.read_role_name(name) == role_name


@pytest.mark.parametrize(
    ("names", "role_name"),
    [
        (NAMES, "daily:chat"),  # names with a colon were refused, so that no caller was denied
        (SessionPolicyNames("m" * 60, "us-gov-west-1"), "a" * 64),
    ],
)
def test_a_name_that_iam_refuses_is_an_error_before_anything_is_stored(
    names: SessionPolicyNames, role_name: str
) -> None:
    with pytest.raises(InvalidPolicyNameError):
        names.make_name(role_name, 1)


@pytest.mark.parametrize(
    "other",
    [
        SessionPolicyNames("BedrockMeter", "eu-central-1"),
        SessionPolicyNames("BedrockMeter-Test", REGION),
        SessionPolicyNames("Other", REGION),
    ],
)
def test_policies_of_another_region_or_meter_are_no_policies_of_this_one(
    other: SessionPolicyNames,
) -> None:
    assert NAMES.read_role_name(other.make_name("chat", 1)) is None
    assert NAMES.read_role_name("AdministratorAccess") is None


def test_ends_are_written_in_utc() -> None:
    offset = (MIDNIGHT + timedelta(0)).astimezone()
    assert write_document(ROLE_ID, [session(until=offset)], REGION) == write_document(
        ROLE_ID, [session()], REGION
    )
