"""Decoding of deliveries from CloudWatch Logs."""

import base64
import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import (
    Ignored,
    RejectionReason,
    UsageRecord,
    read_envelope,
    read_line,
    read_value,
    unpack,
)
from lambdas.domain.invocations.decoding import Undecodable
from tests.unit.invocations.records import (
    any_text,
    hostile_bodies,
    invocation_log,
    json_values,
    one_line,
    read_record,
)

NOTICE = "Permissions are correctly set for Amazon Bedrock logs."


def make_envelope(*messages: object) -> dict[str, Any]:
    """A delivery of log events, as the documentation shows it."""
    return {
        "messageType": "DATA_MESSAGE",
        "owner": "111122223333",
        "logGroup": "/bedrock/invocations",
        "logStream": "aws/bedrock/modelinvocations",
        "subscriptionFilters": ["everything"],
        "logEvents": [
            {"id": str(number), "timestamp": 1_788_868_800_000, "message": message}
            for number, message in enumerate(messages)
        ],
    }


CONTROL_MESSAGE = {
    "messageType": "CONTROL_MESSAGE",
    "owner": "CloudwatchLogs",
    "logGroup": "",
    "logStream": "",
    "subscriptionFilters": [],
    "logEvents": [
        {
            "id": "",
            "timestamp": 1_788_868_800_000,
            "message": "CWL CONTROL MESSAGE: Checking health of destination Kinesis stream.",
        }
    ],
}


def call(request_id: str) -> str:
    return one_line(invocation_log(requestId=request_id))


def packed(envelope: object) -> str:
    return base64.b64encode(gzip.compress(json.dumps(envelope).encode())).decode()


def request_ids(readings: list[Any]) -> list[str]:
    assert all(isinstance(reading, UsageRecord) for reading in readings)
    return [reading.request_id for reading in readings]


def test_a_delivery_is_unpacked_to_its_envelope() -> None:
    envelope = make_envelope(call("1"), "h\u00e9 \U0001f600")
    assert unpack(packed(envelope)) == envelope
    assert unpack(packed(envelope).encode()) == envelope


def test_zlib_without_a_gzip_header_is_unpacked_too() -> None:
    data = base64.b64encode(zlib.compress(b'{"messageType":"DATA_MESSAGE"}'))
    assert unpack(data) == {"messageType": "DATA_MESSAGE"}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("no base64 at all", id="no_base64"),
        pytest.param("H4sI\u00e9\u00e9", id="no_ascii"),
        pytest.param("H4sI\ud800", id="lone_surrogate"),
        pytest.param(packed({})[:-3], id="base64_of_wrong_length"),
        pytest.param(base64.b64encode(b'{"logEvents":[]}').decode(), id="no_gzip"),
        pytest.param(base64.b64encode(gzip.compress(b"no json")).decode(), id="no_json"),
        pytest.param(
            base64.b64encode(gzip.compress(b"{}") + b"more").decode(), id="more_after_the_end"
        ),
        pytest.param(
            base64.b64encode(gzip.compress(b"{}")[:-8] + b"\x00" * 8).decode(), id="wrong_checksum"
        ),
    ],
)
def test_damaged_data_is_invalid_json(data: str) -> None:
    assert unpack(data) is Undecodable.NOT_JSON


@pytest.mark.parametrize("kept_bytes", [0, 5, 10, 40, -9, -8, -1])
def test_an_incomplete_gzip_is_truncated(kept_bytes: int) -> None:
    whole = gzip.compress(json.dumps(make_envelope(call("1"), call("2"))).encode())
    assert unpack(base64.b64encode(whole[:kept_bytes])) is Undecodable.TRUNCATED


def test_an_envelope_above_the_size_limit_is_refused() -> None:
    packer = zlib.compressobj(level=1, wbits=31)
    megabyte = b" " * 2**20
    bomb = b"".join(packer.compress(megabyte) for _ in range(257)) + packer.compress(b"{}")
    assert unpack(base64.b64encode(bomb + packer.flush())) is Undecodable.NOT_JSON


@given(st.binary() | any_text)
def test_unpacking_never_raises(data: bytes | str) -> None:
    unpack(data)


@given(st.binary())
def test_unpacking_gzip_of_any_data_never_raises(content: bytes) -> None:
    unpack(base64.b64encode(gzip.compress(content)))


def test_events_are_read_in_order() -> None:
    assert request_ids(read_envelope(make_envelope(call("1"), call("3"), call("2")))) == [
        "1",
        "3",
        "2",
    ]


def test_an_event_is_read_like_its_message_alone() -> None:
    assert read_envelope(make_envelope(call("1"))) == [read_record(invocation_log(requestId="1"))]


@pytest.mark.parametrize(
    ("bad", "reading"),
    [
        pytest.param("nonsense", RejectionReason.NOT_JSON, id="no_json"),
        pytest.param(call("x")[:-9], RejectionReason.TRUNCATED, id="cut_off"),
        pytest.param("[]", RejectionReason.NOT_AN_OBJECT, id="list"),
        pytest.param("{}", RejectionReason.NO_REQUEST_ID, id="empty_object"),
        pytest.param(None, RejectionReason.NOT_AN_OBJECT, id="null"),
        pytest.param(5, RejectionReason.NOT_AN_OBJECT, id="number"),
        pytest.param(NOTICE, Ignored.PERMISSION_NOTICE, id="permission_notice"),
    ],
)
def test_a_bad_event_loses_no_good_one(bad: object, reading: object) -> None:
    first, middle, last = read_envelope(make_envelope(call("1"), bad, call("2")))
    assert middle is reading
    assert request_ids([first, last]) == ["1", "2"]


@given(hostile_bodies)
def test_no_message_loses_its_neighbors(message: object) -> None:
    first, _, last = read_envelope(make_envelope(call("1"), one_line(message), call("2")))
    assert request_ids([first, last]) == ["1", "2"]


@pytest.mark.parametrize("event", [None, 5, "text", [], {}, {"Message": "{}"}])
def test_an_event_without_a_message_is_rejected_as_no_object(event: object) -> None:
    good = {"id": "1", "timestamp": 1, "message": call("1")}
    rejected, record = read_envelope({"logEvents": [event, good]})
    assert rejected is RejectionReason.NOT_AN_OBJECT
    assert request_ids([record]) == ["1"]


@pytest.mark.parametrize("events", [None, 5, "text", {"message": call("1")}])
def test_an_envelope_without_a_list_of_events_has_the_wrong_schema(events: object) -> None:
    envelope = {"messageType": "DATA_MESSAGE", "logEvents": events}
    assert read_envelope(envelope) == [RejectionReason.WRONG_SCHEMA]


def test_an_envelope_without_events_has_the_wrong_schema() -> None:
    assert read_envelope({"messageType": "DATA_MESSAGE"}) == [RejectionReason.WRONG_SCHEMA]


def test_an_envelope_with_an_empty_list_has_no_records() -> None:
    assert read_envelope(make_envelope()) == []


def test_a_control_message_is_ignored() -> None:
    assert read_envelope(CONTROL_MESSAGE) == [Ignored.CONTROL_MESSAGE]


@given(st.dictionaries(st.sampled_from(["messageType", "logEvents", "message"]), json_values()))
def test_reading_an_envelope_never_raises(envelope: dict[str, Any]) -> None:
    read_envelope(envelope)


@pytest.mark.parametrize("envelope", [make_envelope(call("1"), call("2")), CONTROL_MESSAGE])
def test_a_line_can_hold_an_envelope_in_any_encoding(envelope: dict[str, Any]) -> None:
    expected = read_envelope(envelope)
    data = packed(envelope)
    assert read_line(json.dumps(envelope)) == expected
    assert read_line(json.dumps({"awslogs": {"data": data}})) == expected
    assert read_line(data) == expected
    assert read_line(f"{data}\n") == expected
    assert read_line(data.encode()) == expected


def test_a_line_can_hold_one_log() -> None:
    assert read_line(call("1")) == [read_record(invocation_log(requestId="1"))]
    assert read_line(call("1").encode()) == read_line(call("1"))


def test_a_line_can_hold_the_notice_that_logging_was_switched_on() -> None:
    assert read_line(NOTICE) == [Ignored.PERMISSION_NOTICE]
    assert read_line(NOTICE.encode()) == [Ignored.PERMISSION_NOTICE]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param("nonsense", RejectionReason.NOT_JSON, id="nonsense"),
        pytest.param(call("1")[:50], RejectionReason.TRUNCATED, id="cut_off_log"),
        pytest.param("[1]", RejectionReason.NOT_AN_OBJECT, id="list"),
        pytest.param("H4sI nonsense", RejectionReason.NOT_JSON, id="damaged_base64"),
        pytest.param(
            packed(make_envelope(call("1")))[:200], RejectionReason.TRUNCATED, id="cut_off_base64"
        ),
        pytest.param(packed([1]), RejectionReason.NOT_AN_OBJECT, id="base64_of_a_list"),
        pytest.param('{"awslogs":{}}', RejectionReason.NO_REQUEST_ID, id="delivery_without_data"),
        pytest.param(
            '{"awslogs":{"data":5}}', RejectionReason.NO_REQUEST_ID, id="data_is_a_number"
        ),
        pytest.param(
            '{"awslogs":{"data":"nonsense"}}', RejectionReason.NOT_JSON, id="delivery_of_nonsense"
        ),
        pytest.param('{"awslogs":5}', RejectionReason.NO_REQUEST_ID, id="no_delivery"),
    ],
)
def test_an_unreadable_line_is_one_rejection(line: str, reason: RejectionReason) -> None:
    assert read_line(line) == [reason]


@given(st.binary() | any_text | json_values().map(json.dumps))
def test_reading_a_line_never_raises(line: bytes | str) -> None:
    read_line(line)


def test_blank_messages_are_skipped() -> None:
    assert len(read_envelope(make_envelope(call("1"), "", " \n", call("2")))) == 2


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(call("1"), id="invocation_log"),
        pytest.param(json.dumps(call("1")), id="message_as_json_text"),
        pytest.param(json.dumps({"eventId": "1", "message": call("1")}), id="log_event"),
        pytest.param(json.dumps({"events": [{"message": call("1")}]}), id="filter_log_events"),
    ],
)
def test_an_exported_value_is_read_in_any_wrapping(value: str) -> None:
    assert request_ids(read_value(value)) == ["1"]


def test_a_record_with_envelope_keys_is_a_record() -> None:
    record = invocation_log(requestId="1", message="x", events=[], logEvents=[], awslogs={})
    assert request_ids(read_value(json.dumps(record))) == ["1"]
