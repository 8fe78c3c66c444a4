"""Policies decide which limits a call has to keep, and with which other calls it counts."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.api_keys import ApiKey, create_key
from lambdas.domain.bedrock_calls import BedrockOperation
from lambdas.domain.limit_policies import (
    PolicySet,
    find_own_subjects,
    find_subjects,
    name_caller,
)
from lambdas.domain.limits import FailMode, LimitMode
from lambdas.wiring.declared_files import InvalidFileError
from tests.builders import NOON
from tests.gateway import KEY, MODEL
from tests.policies import PER_MINUTE, path, policy, read

ANA = replace(KEY, tier="gold")
_, BEN = create_key(bytes(32), "ben", NOON, project="chat")
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/p24qm5pye2qr"


def list_ids(policies: PolicySet, key: ApiKey = ANA, **changes: Any) -> list[str]:
    return [each.subject.id for each in find_subjects(policies, key, path(**changes))]


@pytest.mark.parametrize(
    ("match", "is_met"),
    [
        ({}, True),
        ({"caller": "ana@example.com"}, True),
        ({"caller": "*@example.com"}, True),
        ({"caller": ["ben", "ana@*"]}, True),
        ({"caller": "ana"}, False),
        ({"key": KEY.prefix}, True),
        ({"key": BEN.prefix}, False),
        ({"tier": "gold"}, True),
        ({"tier": ["silver"]}, False),
        ({"project": "sea*"}, True),
        ({"project": "chat"}, False),
        ({"model": "anthropic.claude-*"}, True),
        ({"model": "amazon.*"}, False),
        ({"model": "anthropic.claude-opus-*"}, False),
        ({"operation": "Converse"}, True),
        ({"operation": ["InvokeModel", "ConverseStream"]}, False),
        ({"caller": "ana*", "project": "search", "tier": "gold"}, True),
        ({"caller": "ana*", "project": "search", "tier": "silver"}, False),
    ],
)
def test_a_call_has_to_meet_every_condition(match: dict[str, Any], is_met: bool) -> None:
    assert bool(list_ids(read(policy(match=match)))) is is_met


def test_a_hidden_model_does_not_get_around_a_limit() -> None:
    policies = read(policy(match={"model": "anthropic.*"}))
    assert list_ids(policies, model=PROFILE)
    assert not list_ids(policies, model="amazon.nova-lite-v1:0")


def test_all_spellings_of_a_model_count_together() -> None:
    policies = read(policy(partition_by="model"))
    foundation = MODEL.removeprefix("us.")
    arn = f"arn:aws:bedrock:us-east-1::foundation-model/{foundation}"
    ids = {
        *list_ids(policies),
        *list_ids(policies, model=foundation),
        *list_ids(policies, model=arn),
    }
    assert ids == {f"tokens|model={foundation}"}


def test_calls_without_a_partition_share_the_limits() -> None:
    policies = read({"name": "tokens", "limits": [PER_MINUTE]})
    assert list_ids(policies, ANA) == list_ids(policies, BEN) == ["tokens"]


def test_a_call_without_a_project_is_no_project_of_any_name() -> None:
    policies = read(policy(partition_by="project"))
    ids = [
        list_ids(policies, replace(ANA, project=project))
        for project in (None, "project", "project=", "a b", "a+b")
    ]
    assert len({*map(tuple, ids)}) == len(ids)


PRINTABLE = st.characters(exclude_categories=["C", "Z"], include_characters=" ")
NAMES = st.text(PRINTABLE, min_size=1, max_size=8)
PROJECTS = st.text("ab :_@$#=/+,.-", min_size=1, max_size=8)


@given(st.lists(st.tuples(PROJECTS, NAMES), min_size=2, max_size=2, unique=True))
def test_no_two_partitions_count_together(pairs: list[tuple[str, str]]) -> None:
    policies = read(policy(partition_by=["project", "tier"]))
    keys = [replace(ANA, project=project, tier=tier) for project, tier in pairs]
    one, other = (find_subjects(policies, key, path())[0].subject.id for key in keys)
    assert one != other


OWNERS = st.text("aZ9@,=|#% é", min_size=1, max_size=5)


@given(
    owner=OWNERS,
    tenant=st.none() | OWNERS,
    partitions=st.sets(st.sampled_from(["project", "key"])),
)
def test_a_caller_is_named_in_the_id_of_each_subject_that_counts_by_caller(
    owner: str, tenant: str | None, partitions: set[str]
) -> None:
    key = replace(ANA, owner=owner, tenant=tenant)
    policies = read(policy(partition_by=["caller", *sorted(partitions)]))
    (made,) = list_ids(policies, key)
    assert name_caller(key.session_name) in made.split("|")


@pytest.mark.parametrize(
    ("pattern", "is_named"),
    [("ana", True), ("a*", True), ("*n*", True), ("an", False), ("*", False), ("**", False)],
)
def test_policies_that_match_a_caller_name_the_caller_unless_they_match_everyone(
    pattern: str, is_named: bool
) -> None:
    tiers = {"gold": {"policies": [policy("more", match={"caller": pattern})]}}
    policies = read(
        policy("own", match={"caller": ["ben", pattern]}),
        policy("everyone"),
        tiers=tiers,
        break_glass=[pattern],
    )
    expected = ["own", "gold/more", "break_glass"] if is_named else []
    assert list(policies.list_naming("ana")) == expected


@given(st.text("ab*", min_size=1, max_size=4), st.text("ab", min_size=1, max_size=6))
def test_what_is_narrower_matches_less(pattern: str, project: str) -> None:
    key = replace(ANA, project=project)
    narrow = read(policy(match={"project": pattern, "tier": "gold"}))
    wide = read(policy(match={"project": pattern}))
    assert set(list_ids(narrow, key)) <= set(list_ids(wide, key))
    assert not list_ids(narrow, replace(key, tier=None))


TIERS: dict[str, Any] = {
    "bronze": {"policies": [policy(), policy("calls")]},
    "gold": {"extends": "bronze", "policies": [policy(limits=[PER_MINUTE | {"amount": 9000}])]},
}


def test_a_tier_inherits_policies_and_replaces_those_of_the_same_name() -> None:
    policies = read(policy("all"), tiers=TIERS)
    found = find_subjects(policies, ANA, path())
    amounts = {each.policy.name: each.subject.limits[0].amount for each in found}
    assert amounts == {"all": 1000, "tokens": 9000, "calls": 1000}
    assert [each.name for each in policies.list_policies(None)] == ["all"]


def test_a_caller_with_keys_of_two_tiers_does_not_get_both_limits() -> None:
    policies = read(tiers=TIERS)
    assert {*list_ids(policies, ANA)} == {*list_ids(policies, replace(ANA, tier="bronze"))}


@pytest.mark.parametrize(
    ("policies", "tier", "is_known"),
    [
        (read(), "gold", True),
        (read(tiers=TIERS), "gold", True),
        (read(tiers=TIERS), None, True),
        (read(tiers=TIERS), "platinum", False),
        (read(policy(match={"tier": "silver"})), "silver", True),
        (read(policy(match={"tier": "silver"})), "gold", False),
    ],
)
def test_a_tier_that_no_policy_has_is_noticed(
    policies: PolicySet, tier: str | None, is_known: bool
) -> None:
    assert policies.knows_tier(tier) is is_known


def test_calls_of_break_glass_count_and_are_never_refused() -> None:
    policies = read(policy(), break_glass=["ana@*"])
    (subject,) = find_subjects(policies, ANA, path())
    assert subject.subject.id == "tokens|caller=ana@example.com"
    assert [limit.mode for limit in subject.subject.limits] == [LimitMode.SHADOW]
    assert subject.subject.fail is FailMode.OPEN
    (other,) = find_subjects(policies, BEN, path())
    assert other.subject.is_enforced


def test_own_subjects_leave_out_those_of_models_and_of_others() -> None:
    policies = read(
        policy("a"),
        policy("b", partition_by=["caller", "model"]),
        policy("c", match={"caller": "ben"}),
        policy("d", match={"operation": "InvokeModel", "model": "amazon.*"}),
    )
    assert [each.policy.name for each in find_own_subjects(policies, ANA)] == ["a", "d"]


def test_a_long_name_of_a_model_has_an_id_that_a_table_can_store() -> None:
    policies = read(policy(partition_by="model"))
    one, other = (list_ids(policies, model=f"{'y' * 2000}.{end}")[0] for end in "12")
    assert max(len(one), len(other)) < 500
    assert one != other


def test_operations_are_named_as_the_log_names_them() -> None:
    policies = read(policy(match={"operation": "ConverseStream"}))
    assert list_ids(policies, operation=BedrockOperation.CONVERSE_STREAM)


def test_policies_that_count_together_have_as_many_counters_as_a_subject() -> None:
    windows = [f"{number}s" for number in range(1, 10)]
    limits = [{"unit": "total", "amount": 10, "per": each} for each in windows]
    tiers = {
        "free": {"policies": [policy(limits=limits[:5])]},
        "gold": {"policies": [policy(limits=limits[4:8])]},
    }
    read(tiers=tiers)
    tiers["gold"] = {"policies": [policy(limits=limits[5:])]}
    with pytest.raises(InvalidFileError, match=r"tiers.gold.policies: .*tokens count together"):
        read(tiers=tiers)
    read(tiers=tiers | {"gold": {"policies": [policy(limits=limits[5:], partition_by="key")]}})


@pytest.mark.parametrize(
    ("changes", "restarted"),
    [
        ({}, []),
        ({"limits": [PER_MINUTE | {"amount": 5, "mode": "shadow"}]}, []),
        ({"match": {"model": "a.*"}}, []),
        ({"limits": [PER_MINUTE | {"per": "61s"}]}, ["tokens"]),
        ({"limits": [PER_MINUTE | {"unit": "input"}]}, ["tokens"]),
        ({"limits": [PER_MINUTE, PER_MINUTE | {"unit": "input"}]}, ["tokens"]),
        ({"partition_by": ["caller", "tier"]}, ["tokens"]),
        ({"name": "new"}, []),
    ],
)
def test_a_policy_whose_counters_are_new_starts_at_zero(
    changes: dict[str, Any], restarted: list[str]
) -> None:
    assert read(policy(**changes)).list_restarted(read(policy())) == restarted
