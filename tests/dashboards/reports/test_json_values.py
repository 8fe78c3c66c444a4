"""A stream of JSON is split into values for any chunk sizes."""

import io
import json
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.reports.logs import json_values
from dashboards.reports.logs.json_values import EndlessValueError, has_events, split_values
from tests.invocation_logs import log


class Trickle(io.BytesIO):
    """A stream that returns a few bytes at a time."""

    def __init__(self, content: bytes, at_once: int) -> None:
        super().__init__(content)
        self._at_once = at_once

    def read(self, _size: int | None = -1) -> bytes:
        return super().read(self._at_once)


def split(content: bytes | str, at_once: int = 1 << 20) -> list[bytes]:
    raw = content.encode() if isinstance(content, str) else content
    stream: BinaryIO = Trickle(raw, at_once)
    return list(split_values(stream))


json_values_strategy = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)

other_keys = st.text().filter(lambda key: key != "events")


@given(st.lists(json_values_strategy), st.integers(1, 40), st.sampled_from([None, 2]))
def test_an_array_is_split_into_its_elements(
    elements: list[object], at_once: int, indent: int | None
) -> None:
    values = split(json.dumps(elements, indent=indent), at_once)
    assert [json.loads(value) for value in values] == elements


# Two neighbors show a separator; what is in an object hardly matters, and takes long to make up.
few_objects = st.lists(st.dictionaries(other_keys, json_values_strategy, max_size=2), max_size=4)


@given(few_objects, st.integers(1, 40))
def test_consecutive_objects_are_separated(objects: list[dict[str, object]], at_once: int) -> None:
    values = split("\n".join(json.dumps(document, indent=1) for document in objects), at_once)
    assert [json.loads(value) for value in values] == objects


@given(st.lists(st.text()), st.integers(1, 40), st.booleans())
def test_log_events_are_extracted_from_their_document(
    messages: list[str], at_once: int, comes_first: bool
) -> None:
    events = {"events": [{"eventId": "1", "message": message} for message in messages]}
    others = {"searchedLogStreams": [{"logStreamName": "aws/bedrock/modelinvocations"}]}
    document = events | others if comes_first else others | events
    values = split(json.dumps(document), at_once)
    assert [json.loads(value) for value in values] == events["events"]


def test_consecutive_pages_of_log_events_are_all_read() -> None:
    pages = [{"events": [{"message": f"{page}"}], "nextToken": "x"} for page in range(3)]
    values = split("".join(map(json.dumps, pages)))
    assert [json.loads(value)["message"] for value in values] == ["0", "1", "2"]


@given(st.binary(), st.integers(1, 10))
def test_any_bytes_are_split_without_an_error(content: bytes, at_once: int) -> None:
    assert b"" not in split(content, at_once)


@pytest.mark.parametrize(
    ("content", "values"),
    [
        ("", []),
        ("[]", []),
        ("[ ]\n", []),
        ('[{"a": 1}, {"b": [2', [b'{"a": 1}', b'{"b": [2']),
        ('[{"a": "no end', [b'{"a": "no end']),
        ('garbage {"a": 1} more', [b"garbage", b'{"a": 1}', b"more"]),
        ('{"a": "}{][,\\""}', [b'{"a": "}{][,\\""}']),
        ('{"events": []}', []),
        ('{"events": 5, "a": [1]}', [b'{"events": 5, "a": [1]}']),
        ('{"a": {"events": [1]}}', [b'{"a": {"events": [1]}}']),
        ("] }", [b"]", b"}"]),
        ('{"events": [{}], "nextToken"', [b"{}", b"{"]),
    ],
)
def test_unusual_streams_are_split(content: str, values: list[bytes]) -> None:
    for at_once in (1, 2, 3, 100):
        assert split(content, at_once) == values


def test_a_value_without_an_end_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "MAX_VALUE_BYTES", 1000)
    with pytest.raises(EndlessValueError):
        split('["' + "x" * 2000)


def test_deep_nesting_is_followed() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    assert split(b"[" + deep + b"," + b"1]") == [deep, b"1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"events": [', True),
        ('{"searchedLogStreams": [{"a": []}], "events": [{', True),
        ('{"events": [], "searchedLogStreams": []}', True),
        ('{"events": {', False),
        (json.dumps(log()), False),
        ('{"a": 1}\n{"events": [', False),
    ],
)
def test_log_events_are_recognized_from_the_start_of_a_document(text: str, expected: bool) -> None:
    assert has_events(text.encode()) is expected


def test_a_long_string_is_scanned_a_bounded_number_of_times() -> None:
    class Counting(Trickle):
        reads = 0

        def read(self, size: int | None = -1) -> bytes:
            self.reads += 1
            return io.BytesIO.read(self, size)

    stream = Counting(b'["' + b"x" * (8 << 20) + b'"]', 0)
    assert len(list(split_values(stream))) == 1
    assert stream.reads < 12
