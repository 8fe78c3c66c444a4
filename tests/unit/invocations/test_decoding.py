"""Decoding of JSON with content from callers and models."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations.decoding import Undecodable, decode_json, decode_small_json
from tests.unit.invocations.records import (
    answered,
    any_text,
    fixture_lines,
    json_values,
    one_line,
)

DEPTH = 10**5
BODIES = {
    "nesting_of_lists": "[" * DEPTH + "]" * DEPTH,
    "nesting_of_objects": '{"a":' * DEPTH + "1" + "}" * DEPTH,
    "nesting_after_a_bracket_in_text": '{"a":"]}\\"","b":' + "[" * DEPTH + "]" * DEPTH + "}",
    "lone_surrogate": r'{"text":"\ud800"}',
    "reversed_surrogates": r'{"text":"\ude00\ud83d"}',
    "number_of_5000_digits": '{"n":' + "9" * 5000 + "}",
    "fraction_of_5000_digits": '{"n":0.' + "9" * 5000 + "}",
    "exponent_of_5000_digits": '{"n":1e' + "9" * 5000 + "}",
    "nan_and_infinity": '{"n":[NaN,Infinity,-Infinity]}',
    "control_characters": '{"text":"a\tb\x00c\x1f"}',
    "raw_lone_surrogate": '{"text":"\ud800"}',
    "wrong_escape": r'{"text":"\q"}',
    "no_json_between_the_brackets": "{,,nonsense,,}",
    "same_key_twice": '{"inputTokenCount":1,"inputTokenCount":2}',
    "everything_at_once": r'{"a":"\ud800","b":'
    + "9" * 5000
    + ',"c":'
    + "[" * DEPTH
    + "]" * DEPTH
    + "}",
}


@pytest.mark.parametrize("body", list(BODIES.values()), ids=list(BODIES))
def test_no_body_hides_the_other_fields_of_a_record(body: str) -> None:
    decoded = decode_json(
        f'{{"requestId":"r","input":{{"inputBodyJson":{body},"inputTokenCount":10}},'
        f'"output":{{"outputTokenCount":5,"outputBodyJson":{body}}},"modelId":"m"}}'
    )
    assert isinstance(decoded, dict)
    assert decoded["requestId"] == "r"
    assert decoded["modelId"] == "m"
    assert decoded["input"]["inputTokenCount"] == 10
    assert decoded["output"]["outputTokenCount"] == 5


def test_a_body_with_invalid_utf_8_hides_no_other_field() -> None:
    decoded = decode_json(b'{"input":{"inputBodyJson":{"text":"\xff\xfe"},"inputTokenCount":10}}')
    assert isinstance(decoded, dict)
    assert decoded["input"]["inputTokenCount"] == 10


@pytest.mark.parametrize(
    "number", ["9" * 5000, "-" + "9" * 5000, "NaN", "Infinity", "1e999", "1" + "0" * 400 + ".0"]
)
def test_an_invalid_count_hides_no_other_field(number: str) -> None:
    decoded = decode_json(f'{{"input":{{"inputTokenCount":{number}}},"requestId":"r"}}')
    assert isinstance(decoded, dict)
    assert decoded["requestId"] == "r"


def test_nan_is_read_as_nan() -> None:
    decoded = decode_json('{"n":NaN}')
    assert isinstance(decoded, dict)
    assert math.isnan(decoded["n"])


@pytest.mark.parametrize("text", ["\ufeff" + '{"a":1}', b"\xef\xbb\xbf" + b'{"a":1}'])
def test_a_byte_order_mark_is_skipped(text: str | bytes) -> None:
    assert decode_json(text) == {"a": 1}


@pytest.mark.parametrize("text", [' {"a":1} ', '{"a":1}\r\n', '\n{\t"a" : 1}'])
def test_whitespace_around_and_inside_is_skipped(text: str) -> None:
    assert decode_json(text) == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("Permissions are correctly set for Amazon Bedrock logs.", id="sentence"),
        pytest.param("{'a': 1}", id="single_quotes"),
        pytest.param("{a}", id="bare_word"),
        pytest.param('{"a":1}}', id="too_many_brackets"),
        pytest.param('{"a":[1}', id="crossed_brackets"),
        pytest.param('{"a":1} {"b":2}', id="two_objects"),
        pytest.param('{"a":1,,"b":2}', id="comma_twice"),
        pytest.param("[1, 2", id="list_cut_off"),
        pytest.param('"text cut off', id="text_cut_off"),
        pytest.param("]" * DEPTH, id="closing_brackets_alone"),
        pytest.param('"' * 10_001, id="quotes_alone"),
        pytest.param("\x1f\x8b\x08\x00", id="gzip_header"),
        pytest.param("{nonsense", id="nonsense_after_a_bracket"),
    ],
)
def test_text_that_is_not_an_object_is_invalid_json(text: str) -> None:
    assert decode_json(text) is Undecodable.NOT_JSON
    assert decode_json(text.encode()) is Undecodable.NOT_JSON


def real_records() -> list[str]:
    lines = fixture_lines("invocation-logs.ndjson")
    return [lines[0], lines[13], lines[45], lines[46], lines[60]]


@pytest.mark.parametrize(
    "record",
    [
        *real_records(),
        one_line(answered([{"text": 'h\u00e9 \U0001f600 \\ " \n'}, None, True, -1.5e-7])),
    ],
    ids=["body", "guardrail_block", "offloaded_body", "stream", "failure", "every_kind_of_value"],
)
def test_a_record_cut_off_anywhere_is_truncated(record: str) -> None:
    raw = record.encode()
    for end in range(1, len(raw)):
        assert decode_json(raw[:end]) is Undecodable.TRUNCATED, raw[:end]


def test_a_text_cut_off_in_deep_nesting_is_truncated() -> None:
    assert decode_json('{"input":{"inputBodyJson":' + "[" * DEPTH) is Undecodable.TRUNCATED
    assert decode_json('{"a":' * DEPTH) is Undecodable.TRUNCATED


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(rb'"\ud800 "', id="lone_surrogate"),
        pytest.param(b'"a\tb"', id="control_character"),
        pytest.param(b'"\xff\xfe"', id="no_utf_8"),
        pytest.param(b"9" * 5000, id="number_of_5000_digits"),
    ],
)
def test_a_cut_off_record_with_a_hostile_field_is_truncated(
    value: bytes,
) -> None:
    whole = b'{"requestMetadata":{"team":' + value + b'},"input":{"inputTokenCount":10}}'
    assert isinstance(decode_json(whole), dict)
    assert decode_json(whole[:-5]) is Undecodable.TRUNCATED


def test_a_cut_off_record_after_a_byte_order_mark_is_truncated() -> None:
    assert decode_json('\ufeff{"a":1,"b":') is Undecodable.TRUNCATED


@given(st.binary() | any_text)
def test_decoding_never_raises(text: bytes | str) -> None:
    decode_json(text)


pieces = st.sampled_from(
    ["{", "}", "[", "]", '"', "\\", ":", ",", "1", "null", '"a":', r"\u", r"\ud800", " ", "\x00"]
)


@given(st.lists(pieces, max_size=40).map("".join))
def test_text_and_its_bytes_decode_alike_even_if_broken(text: str) -> None:
    assert decode_json(text) == decode_json(text.encode())


modest_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
objects = st.dictionaries(st.text(), json_values(modest_scalars, st.text()), max_size=5)
HOSTILE = "hostile"


def with_hostile_member(record: dict[str, Any], value: str) -> str:
    separator = "," if record else ""
    return f'{one_line(record)[:-1]}{separator}"{HOSTILE}":{{"body":{value}}}}}'


def outline(record: dict[str, Any]) -> dict[str, Any]:
    """A record with each container below its fields' own members replaced by null."""

    def skip(value: object) -> object:
        return None if isinstance(value, dict | list) else value

    return {
        name: {key: skip(member) for key, member in value.items()}
        if isinstance(value, dict)
        else [skip(member) for member in value]
        if isinstance(value, list)
        else value
        for name, value in record.items()
        if name != HOSTILE
    }


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**12), 10**12)
        | st.floats(allow_nan=False)
        | st.text(),
        lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    )
)
def test_small_values_are_decoded_alike_by_the_standard_library(value: Any) -> None:
    text = json.dumps(value).encode()
    assert decode_small_json(text) == decode_json(text)


@given(st.binary(max_size=40) | st.text('{}[]":,1eE+-\\u0dD8 ', max_size=40).map(str.encode))
def test_small_broken_texts_are_decoded_alike_by_the_standard_library(text: bytes) -> None:
    assert repr(decode_small_json(text)) == repr(decode_json(text))


@given(objects)
def test_the_fast_path_reads_written_values(record: dict[str, Any]) -> None:
    assert decode_json(one_line(record)) == record


@given(objects)
def test_a_lone_surrogate_changes_nothing_else(record: dict[str, Any]) -> None:
    decoded = decode_json(with_hostile_member(record, r'"\ud800"'))
    assert isinstance(decoded, dict)
    del decoded[HOSTILE]
    assert decoded == {name: value for name, value in record.items() if name != HOSTILE}


@given(objects)
def test_skipping_bodies_changes_no_other_field(record: dict[str, Any]) -> None:
    decoded = decode_json(with_hostile_member(record, r'["\q"]'))
    assert isinstance(decoded, dict)
    del decoded[HOSTILE]
    assert decoded == outline(record)
