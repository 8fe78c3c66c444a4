"""A large delivery is read in parts, with every message and constant memory."""

import base64
import gzip
import io
import json
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import (
    Delivery,
    Ignored,
    RejectedRecord,
    RejectionReason,
    UsageRecord,
    read_envelope,
    read_line,
    read_message,
    unpack,
)
from lambdas.domain.invocations.large_delivery import (
    MAX_HELD_BYTES,
    MAX_MESSAGE_LENGTH,
    split_envelope,
    unpacks_to_more,
)
from tests.unit.invocations.records import invocation_log, json_values, one_line

MB = 2**20
HEAD = {
    "messageType": "DATA_MESSAGE",
    "owner": "111122223333",
    "logGroup": "/bedrock/invocations",
    "logStream": "aws/bedrock/modelinvocations",
    "subscriptionFilters": ["everything"],
}
START = json.dumps(HEAD)[:-1] + ', "logEvents": ['
SOURCE = "/bedrock/invocations:aws/bedrock/modelinvocations"
json_texts = json_values(st.none() | st.integers() | st.text(), st.text()).map(
    lambda value: json.dumps(value).encode()
)
PROMPT = "lorem ipsum \u00e9 " * 2000
MESSAGE = '{"message": "[%s0]"},' % ("[]," * 330_000)
"""A message of 1 MB."""


def packed(pieces: Iterable[bytes | str]) -> str:
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1) as stream:
        for piece in pieces:
            stream.write(piece.encode() if isinstance(piece, str) else piece)
    return base64.b64encode(file.getvalue()).decode()


def event(number: int, message: object) -> str:
    fields = {"id": f"{number:056}", "timestamp": 1_788_868_800_000, "message": message}
    return json.dumps(fields, ensure_ascii=False)


def call(number: int, **changes: Any) -> str:
    """A call of about 28 KB."""
    log = invocation_log(requestId=str(number))
    return one_line(log | {"input": log["input"] | {"inputBodyJson": PROMPT}} | changes)


def make_delivery(messages: Iterable[object], *, end: str = "]}") -> str:
    def pieces() -> Iterator[str]:
        yield START
        for number, message in enumerate(messages):
            yield f"{', ' if number else ''}{event(number, message)}"
        yield end

    return packed(pieces())


def calls(count: int) -> Iterator[str]:
    return (call(number) for number in range(count))


def read(data: str) -> list[Any]:
    return [reading for part in Delivery.open(data) for reading in part.readings()]


def request_ids(readings: Iterable[Any]) -> list[str]:
    return [reading.request_id for reading in readings if isinstance(reading, UsageRecord)]


def test_every_message_of_a_large_delivery_is_read_once_in_order() -> None:
    data = make_delivery(calls(400))
    parts = list(Delivery.open(data))
    assert len(parts) > 1
    assert request_ids(read(data)) == [str(number) for number in range(400)]
    assert read(data) == [read_message(call(number)) for number in range(400)]
    assert {part.source for part in parts} == {SOURCE}


def test_a_small_delivery_is_one_part() -> None:
    data = make_delivery(calls(3))
    (part,) = Delivery.open(data)
    assert part.envelope == unpack(data)
    assert (part.source, part.first_line) == (SOURCE, 1)


def test_a_large_delivery_in_an_export_is_read() -> None:
    assert request_ids(read_line(make_delivery(calls(400)))) == [str(n) for n in range(400)]


def test_a_rejected_message_of_a_large_delivery_has_its_position() -> None:
    messages: list[object] = [*calls(300), "", "{ poison", 7, *calls(100), call(0, timestamp="no")]
    found = []
    for part in Delivery.open(make_delivery(messages)):
        rejected = [
            RejectedRecord(part.source, line, reading)
            for line, reading in enumerate(part.readings(), part.first_line)
            if isinstance(reading, RejectionReason)
        ]
        found += [(entry["line"], entry["reason"]) for entry in part.describe(rejected)]
        for entry in part.describe(rejected):
            if entry["event_id"] is not None:
                assert int(entry["event_id"]) == entry["line"]  # a blank one came before
    assert found == [(301, "not_json"), (302, "not_an_object"), (403, "bad_timestamp")]


def test_parts_have_unique_stable_names() -> None:
    data = make_delivery(calls(400))
    names = [part.name for part in Delivery.open(data)]
    assert names == [part.name for part in Delivery.open(data)]
    assert len(set(names)) == len(names) > 1


def test_fields_after_the_log_events_are_found_too() -> None:
    body = ", ".join(event(number, message) for number, message in enumerate(calls(300)))
    fields = json.dumps(HEAD)[1:]
    data = packed(['{"logEvents": [', body, "], ", fields])
    assert {part.source for part in Delivery.open(data)} == {SOURCE}
    assert len(request_ids(read(data))) == 300


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (make_delivery(calls(300), end=""), RejectionReason.TRUNCATED),
        (make_delivery(calls(300), end="]"), RejectionReason.TRUNCATED),
        (make_delivery(calls(300), end="}"), RejectionReason.NOT_JSON),
        (make_delivery(calls(300), end="]} more"), RejectionReason.NOT_JSON),
        (make_delivery(calls(300), end=', "'), RejectionReason.TRUNCATED),
    ],
    ids=["end", "last bracket", "wrong bracket", "more", "string"],
)
def test_messages_before_damage_in_a_large_delivery_are_counted(
    data: str, reason: RejectionReason
) -> None:
    *counted, last = read(data)
    assert len(request_ids(counted)) == 300
    assert last is reason


def test_damaged_gzip_loses_no_message_before_the_damage() -> None:
    whole = base64.b64decode(make_delivery(calls(600)))
    *counted, last = read(base64.b64encode(whole[: len(whole) * 3 // 4]).decode())
    assert last is RejectionReason.TRUNCATED
    assert len(request_ids(counted)) > 300
    middle = len(whole) * 3 // 4
    damaged = whole[:middle] + bytes(50) + whole[middle + 50 :]
    *_, last = read(base64.b64encode(damaged).decode())
    assert last in (RejectionReason.NOT_JSON, RejectionReason.TRUNCATED)
    *counted, last = read(base64.b64encode(whole + b"more").decode())
    assert (len(request_ids(counted)), last) == (600, RejectionReason.NOT_JSON)


def test_a_large_control_message_is_ignored_and_other_large_json_rejected() -> None:
    filler = " " * (MAX_HELD_BYTES + 1)
    control = packed(['{"messageType": "CONTROL_MESSAGE"', filler, "}"])
    assert read(control) == [Ignored.CONTROL_MESSAGE]
    assert read(packed(['{"messageType": "DATA_MESSAGE"', filler, "}"])) == [
        RejectionReason.WRONG_SCHEMA
    ]
    assert read(packed(["[1", filler, "]"])) == [RejectionReason.NOT_JSON]


def test_the_size_is_measured_after_unpacking() -> None:
    data = packed(["x" * 1000])
    assert unpacks_to_more(data, 999)
    assert not unpacks_to_more(data, 1000)
    assert not unpacks_to_more("nonsense", 1)
    assert not unpacks_to_more(base64.b64encode(zlib.compress(b"x")).decode(), 1)
    assert list(split_envelope("nonsense")) != []


@given(st.lists(st.text()), st.booleans())
def test_splitting_a_delivery_changes_no_message(messages: list[str], is_ascii: bool) -> None:
    events = [{"id": "1", "timestamp": 7, "message": message} for message in messages]
    whole = {**HEAD, "logEvents": events}
    (part,) = split_envelope(packed([json.dumps(whole, ensure_ascii=is_ascii)]))
    assert isinstance(part, dict)
    assert part.get("logEvents", []) == events
    assert not events or read_envelope(part) == read_envelope(whole)


@given(st.binary() | st.binary().map(lambda raw: START.encode() + raw) | json_texts)
def test_reading_a_delivery_never_raises(unpacked: bytes) -> None:
    assert list(split_envelope(packed([unpacked])))
    assert list(split_envelope(base64.b64encode(unpacked)))


def repeated(text: str, size: int = 60 * MB) -> Iterator[str]:
    count = max(1, MB // len(text))
    return (text * count for _ in range(size // MB))


HOSTILE: dict[str, Callable[[], Iterable[str]]] = {
    "as log events": lambda: [START, *repeated("[],"), "0]}"],
    "in a log event": lambda: [START, '{"x": [', *repeated("[],"), "0]}]}"],
    "around log events": lambda: ['{"x": [', *repeated("[],"), '0], "logEvents": []}'],
    "objects as log events": lambda: [START, *repeated("{},"), "0]}"],
    "in one message": lambda: [START, '{"message": "[', *repeated("[],"), '0]"}]}'],
    "in messages": lambda: [START, *repeated(MESSAGE, 6 * MB), "0]}"],
    "nested": lambda: [START, *repeated("["), "0]}"],
    "wide characters": lambda: [START, '{"message": "\U0001f600', *repeated("x"), '"}]}'],
    "held as a whole": lambda: [START, *repeated("[],", 3 * MB), "0]}"],
    "blanks": lambda: [START, *repeated(" "), "0]}"],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_delivery_exceeds_the_memory_of_a_function(kind: str) -> None:
    """A delivery that unpacks from 76 KB to 60 MB once took 1.8 GB."""
    data = packed(HOSTILE[kind]())
    peak, count = measure_peak(data)
    assert count >= 1
    assert peak < 160 * MB


def test_memory_does_not_grow_with_a_delivery() -> None:
    small, count = measure_peak(make_delivery(calls(300)))
    large, larger_count = measure_peak(make_delivery(calls(2400)))
    assert (count, larger_count) == (300, 2400)
    assert large < small * 1.2 + MB


def measure_peak(data: str) -> tuple[int, int]:
    """Read as the function does; returns the most bytes it took and the number of readings."""
    count = 0
    tracemalloc.start()
    try:
        for part in Delivery.open(data):
            count += len(part.readings())
        return tracemalloc.get_traced_memory()[1], count
    finally:
        tracemalloc.stop()


def test_a_message_longer_than_the_cloudwatch_logs_limit_is_truncated() -> None:
    message = one_line(invocation_log(requestId="long", x="y" * MAX_MESSAGE_LENGTH))
    assert read(make_delivery([call(1), message, call(2)]))[1] is RejectionReason.TRUNCATED
