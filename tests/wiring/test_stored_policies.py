"""The gateway reads stored policies as the models of the file do, and nothing that they refuse."""

import json
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from lambdas.domain.limit_policies import PoliciesUnavailableError, PolicySet, read_stored_policies
from lambdas.domain.limits import CalendarUnit, FailMode, LimitMode, LimitUnit
from lambdas.wiring.declared_files import InvalidFileError
from lambdas.wiring.limit_policies_file import read_policies
from tests.policies import PER_MINUTE, policy
from tests.wiring.test_limit_policies_file import list_examples

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,7}", fullmatch=True)
PATTERNS = st.text(
    st.characters(codec="utf-8", exclude_characters="?[]\n\r"), min_size=1, max_size=12
)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"])


def some(values: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return values | st.lists(values, min_size=1, max_size=3, unique=True)


def with_optional(
    required: dict[str, st.SearchStrategy[Any]], **optional: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


MATCHES = with_optional(
    {},
    caller=some(PATTERNS),
    key=some(st.from_regex("bmk_[a-z2-7]{8}", fullmatch=True)),
    tier=some(NAMES),
    project=some(PATTERNS),
    model=some(PATTERNS),
    operation=some(st.sampled_from(["Converse", "ConverseStream", "InvokeModel"])),
)
MODES = st.sampled_from([each.value for each in LimitMode])
MARKS = st.lists(st.integers(1, 100), max_size=5, unique=True)
SECONDS = st.integers(1, 3600).map(lambda seconds: {"per": f"{seconds}s"})
PERIODS = st.one_of(
    st.just({"per": "minute"}),
    st.builds(
        lambda per, zone: {"per": per, "time_zone": zone},
        st.sampled_from([each.value for each in CalendarUnit if each is not CalendarUnit.MINUTE]),
        ZONES,
    ),
)
TOKEN_UNITS = st.sampled_from(
    [each.value for each in LimitUnit if each not in {LimitUnit.USD, LimitUnit.CONCURRENT}]
)
WHOLE = st.integers(0, 10**15) | st.integers(0, 10**15).map(str)
USD = st.integers(0, 10**6) | st.decimals(0, 10**6, places=6).map(lambda usd: format(usd, "f"))


def limits_in(
    units: st.SearchStrategy[str],
    amounts: st.SearchStrategy[Any],
    windows: st.SearchStrategy[dict[str, str]],
) -> st.SearchStrategy[dict[str, Any]]:
    fields = with_optional({"unit": units, "amount": amounts}, mode=MODES, near=MARKS)
    return st.builds(lambda limit, window: limit | window, fields, windows)


LIMITS = st.one_of(
    limits_in(TOKEN_UNITS, WHOLE, SECONDS | PERIODS),
    limits_in(st.just("usd"), USD, SECONDS | PERIODS),
    limits_in(st.just("concurrent"), WHOLE, st.just({})),
)
POLICIES = with_optional(
    {"name": NAMES, "limits": st.lists(LIMITS, min_size=1, max_size=4)},
    match=MATCHES,
    partition_by=some(st.sampled_from(["caller", "key", "project", "model", "tier"])),
    when_out=st.sampled_from(["throttle", "refuse"]),
    fail=st.sampled_from([each.value for each in FailMode]),
)
TIERS = st.dictionaries(
    NAMES, with_optional({}, policies=st.lists(POLICIES, max_size=2), extends=NAMES), max_size=2
)
FILES = with_optional(
    {},
    policies=st.lists(POLICIES, max_size=3),
    tiers=TIERS,
    break_glass=st.lists(PATTERNS, max_size=2),
)


@given(FILES)
def test_every_valid_file_is_read_from_the_store_as_from_the_file(content: Any) -> None:
    try:
        declared = read_policies(json.dumps(content))
    except InvalidFileError:  # names that are given twice, tiers that are not there
        reject()
    assert read_stored_policies(declared.text) == declared.policies
    assert read_stored_policies(json.dumps(content)) == declared.policies


@pytest.mark.parametrize("example", list_examples())
def test_the_examples_are_read_from_the_store_as_from_the_file(example: str) -> None:
    declared = read_policies(example)
    assert read_stored_policies(declared.text) == declared.policies != PolicySet()


def limit(**changes: Any) -> dict[str, Any]:
    """A policy whose limit is changed; `None` leaves a field out."""
    changed = PER_MINUTE | changes
    return policy(limits=[{name: value for name, value in changed.items() if value is not None}])


@pytest.mark.parametrize(
    "changed",
    [
        policy(unknown=1),
        policy(name=""),
        policy() | {"name": 1},
        policy(limits=[]),
        policy(limits={}),
        policy(limits=["total"]),
        policy(limits=[PER_MINUTE, PER_MINUTE]),
        policy(match={"team": "x"}),
        policy(match={"caller": []}),
        policy(match={"caller": [1]}),
        policy(match={"operation": "CountTokens"}),
        policy(match=["x"]),
        policy(partition_by="team"),
        policy(partition_by=[]),
        policy(when_out="wait"),
        policy(fail="ajar"),
        limit(unit="words"),
        limit(unit=None),
        limit(amount=None),
        limit(amount=True),
        limit(amount=1.5),
        limit(amount=-1),
        limit(amount=10**15 + 1),
        limit(amount="1e999999999"),
        limit(amount="NaN"),
        limit(amount="Infinity"),
        limit(amount="many"),
        limit(amount=float("nan")),
        limit(unit="usd", amount=10**6 + 1),
        limit(per=None),
        limit(per="3601s"),
        limit(per="61m"),
        limit(per=60),
        limit(per="day", time_zone="Europe/Nowhere"),
        limit(per="day", time_zone=1),
        limit(unit="concurrent"),
        limit(mode="warn"),
        limit(near=[0]),
        limit(near=[101]),
        limit(near=80),
        limit(burst=1),
    ],
    ids=lambda changed: json.dumps(changed)[-60:],
)
def test_what_the_file_may_not_say_makes_policies_unavailable(changed: Any) -> None:
    text = json.dumps({"policies": [changed]})
    with pytest.raises(PoliciesUnavailableError, match="policies have an unknown part: "):
        read_stored_policies(text)
    with pytest.raises(InvalidFileError):
        read_policies(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "null", "{", "[" * 100_000),
        '{"policy": []}',
        '{"tiers": []}',
        '{"tiers": {"gold": {"extends": "silver"}}}',
        '{"tiers": {"gold": {"policy": []}}}',
        '{"break_glass": "root"}',
    ],
    ids=lambda text: text[:40],
)
def test_text_that_is_no_file_makes_policies_unavailable(text: str) -> None:
    with pytest.raises(PoliciesUnavailableError):
        read_stored_policies(text)
