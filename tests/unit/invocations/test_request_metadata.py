"""Request metadata is kept within Bedrock's limits, and never stops a call from being counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import UsageRecord, read_message
from lambdas.domain.invocations.request_metadata import (
    MAX_METADATA_LENGTH,
    MAX_PAIRS,
    read_metadata,
)
from tests.unit.invocations.records import (
    any_text,
    invocation_log,
    json_values,
    log_without,
    one_line,
    read_record,
)

LONGEST = "x" * MAX_METADATA_LENGTH


def test_metadata_is_sorted_by_name() -> None:
    log = invocation_log(requestMetadata={"team": "core", "project": "search"})
    assert read_record(log).request_metadata == (("project", "search"), ("team", "core"))


def test_a_call_without_metadata_has_none() -> None:
    assert read_record(log_without("requestMetadata")).request_metadata == ()
    assert read_record(invocation_log(requestMetadata={})).request_metadata == ()


@pytest.mark.parametrize("value", [None, 5, True, "text", [], ["project"], [["project", "a"]]])
def test_metadata_that_is_not_an_object_is_ignored_and_the_call_is_counted(value: object) -> None:
    assert read_record(invocation_log(requestMetadata=value)) == read_record(invocation_log())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("", "a", id="no_name"),
        pytest.param(LONGEST + "x", "a", id="long_name"),
        pytest.param("\ud800", "a", id="half_a_surrogate_pair_for_a_name"),
        pytest.param("project", LONGEST + "x", id="long_text"),
        pytest.param("project", "\udfff", id="half_a_surrogate_pair"),
        pytest.param("project", None, id="null"),
        pytest.param("project", 5, id="number"),
        pytest.param("project", True, id="boolean"),
        pytest.param("project", ["a"], id="list"),
        pytest.param("project", {"a": "b"}, id="object"),
    ],
)
def test_only_the_pair_that_bedrock_would_refuse_is_left_out(name: str, text: object) -> None:
    assert read_metadata({name: text, "team": "core"}) == (("team", "core"),)


@pytest.mark.parametrize("name", ["__proto__", "constructor", "__class__", " ", LONGEST, "\u00fc"])
@pytest.mark.parametrize("text", ["", " ", LONGEST, "__proto__", "s\u00fc\u00df", "\U0001f600"])
def test_a_pair_of_any_other_text_is_kept_unchanged(name: str, text: str) -> None:
    assert read_metadata({name: text}) == ((name, text),)


def test_the_first_pairs_by_name_of_a_thousand_are_kept_in_any_order() -> None:
    pairs = {f"name-{number:04}": "text" for number in range(1000)}
    kept = read_metadata(pairs)
    assert kept == tuple(pairs.items())[:MAX_PAIRS]
    assert read_metadata(dict(reversed(pairs.items()))) == kept


def test_bodies_that_are_hard_to_decode_do_not_hide_the_metadata() -> None:
    plain = one_line(
        invocation_log(requestMetadata={"project": "search"}, output={"outputBodyJson": "BODY"})
    )
    record = read_message(plain.replace('"BODY"', "[" * 10**5 + "]" * 10**5))
    assert isinstance(record, UsageRecord)
    assert record.request_metadata == (("project", "search"),)


hostile = st.dictionaries(
    any_text | st.sampled_from(["", LONGEST + "x", "__proto__"]),
    any_text | json_values() | st.sampled_from([LONGEST, 10_000 * "x"]),
    max_size=40,
)


@given(hostile | json_values())
def test_any_metadata_is_bounded_sorted_and_storable(value: object) -> None:
    kept = read_metadata(value)
    assert kept == tuple(sorted(set(kept)))
    assert len(kept) <= MAX_PAIRS
    assert isinstance(hash(kept), int)
    for text in (text for pair in kept for text in pair):
        assert len(text) <= MAX_METADATA_LENGTH
        text.encode()
    assert read_record(invocation_log(requestMetadata=value)).request_metadata == kept


@given(st.dictionaries(any_text, any_text, max_size=40))
def test_the_order_of_pairs_does_not_matter(pairs: dict[str, str]) -> None:
    assert read_metadata(dict(reversed(pairs.items()))) == read_metadata(pairs)
