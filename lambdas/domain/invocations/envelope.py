"""Opens deliveries of CloudWatch Logs: log events in an envelope, gzipped and base64-encoded."""

from __future__ import annotations

import binascii
import gzip
import json
import zlib
from collections.abc import Iterator

from lambdas.domain.invocations.decoding import (
    JsonObject,
    JsonValue,
    Undecodable,
    decode_json,
    starts_with,
)
from lambdas.domain.invocations.large_delivery import (
    MAX_HELD_BYTES,
    split_envelope,
    unpacks_to_more,
)
from lambdas.domain.invocations.usage_record import (
    PERMISSION_NOTICE,
    Ignored,
    Reading,
    ReadInvocation,
    RejectionReason,
    read_invocation,
    read_message,
    read_plain_text,
)

_GZIP_OR_ZLIB = 47  # zlib finds out which of the two it is
_BASE64_OF_GZIP = "H4sI"
_KEYS_OF_ENVELOPES = ("messageType", "logEvents", "events")
_TEXT_OF_A_MESSAGE = ("{", PERMISSION_NOTICE)


def unpack(data: bytes | str) -> JsonValue | Undecodable:
    """Unpack the `awslogs.data` of a delivery: base64 of gzip of JSON; never raises.

    One that unpacks to more than `MAX_HELD_BYTES` is refused: see `unpack_parts`.
    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-cloudwatchlogs.html
    """
    stream = zlib.decompressobj(wbits=_GZIP_OR_ZLIB)
    try:
        unpacked = stream.decompress(binascii.a2b_base64(data), MAX_HELD_BYTES)
    except (ValueError, zlib.error):
        return Undecodable.NOT_JSON
    if stream.unconsumed_tail or stream.unused_data:
        return Undecodable.NOT_JSON
    return decode_json(unpacked) if stream.eof else Undecodable.TRUNCATED


def unpack_parts(data: bytes | str) -> Iterator[JsonValue | Undecodable]:
    """Unpack a delivery of any size into envelopes that fit into memory; never raises."""
    envelope = unpack(data)
    if isinstance(envelope, Undecodable) and unpacks_to_more(data, MAX_HELD_BYTES):
        yield from split_envelope(data)
    else:
        yield envelope


def pack(envelope: JsonObject) -> str:
    """Pack an envelope as CloudWatch Logs does; `unpack` gives it back."""
    packed = gzip.compress(json.dumps(envelope).encode(), mtime=0)
    return binascii.b2a_base64(packed, newline=False).decode()


def read_envelope(envelope: JsonObject, read: ReadInvocation = read_invocation) -> list[Reading]:
    """Read every log event of an unpacked envelope, in order; never raises.

    A control message, with which CloudWatch Logs probes its destination, is one thing ignored.
    So that exports can be read as well, `events` (what `aws logs filter-log-events` prints) are
    as good as `logEvents`. Blank messages are nothing.

    Args:
        envelope: The result of `unpack`.
        read: Reads each invocation log, here and below.
    """
    if envelope.get("messageType") == "CONTROL_MESSAGE":
        return [Ignored.CONTROL_MESSAGE]
    events = log_events(envelope)
    return (
        [RejectionReason.WRONG_SCHEMA]
        if events is None
        else [_read_event(event, read) for event in events]
    )


def log_events(envelope: JsonObject) -> list[JsonValue] | None:
    """The log events of an unpacked envelope that `read_envelope` reads, or `None`."""
    events = envelope.get("logEvents", envelope.get("events"))
    if not isinstance(events, list):
        return None
    return [event for event in events if not _is_blank(event)]


def read_value(text: bytes | str, read: ReadInvocation = read_invocation) -> list[Reading]:
    """Read one JSON value of an export, whatever is wrapped around its invocation logs.

    It is an invocation log, an envelope of several (unpacked, or as the event that Lambda gets),
    a log event, a row of CloudWatch Logs Insights, or a message as JSON text.
    """
    match decode_json(text):
        case Undecodable() as why:
            return [read_plain_text(text, why)]
        case str(message) if message.lstrip().startswith(_TEXT_OF_A_MESSAGE):
            return [read_message(message, read)]
        case dict(wrapped) if "requestId" not in wrapped:
            return _read_wrapped(wrapped, read)
        case [{"field": str()}, *_] as row:
            return _read_row(list(row), read)
        case log:
            return [read(log)]


def read_line(line: bytes | str, read: ReadInvocation = read_invocation) -> list[Reading]:
    """Read a line of an export: a JSON value, or the bare `awslogs.data` of a delivery."""
    return (
        _read_packed(line, read) if starts_with(line, _BASE64_OF_GZIP) else read_value(line, read)
    )


def _read_wrapped(wrapped: JsonObject, read: ReadInvocation) -> list[Reading]:
    if not wrapped.keys().isdisjoint(_KEYS_OF_ENVELOPES):
        return read_envelope(wrapped, read)
    match wrapped:
        case {"awslogs": {"data": str(data)}}:
            return _read_packed(data, read)
        case {"message": str()}:
            return [] if _is_blank(wrapped) else [_read_event(wrapped, read)]
        case {"@message": message}:
            return _read_insights_message(message, read)
    return [read(wrapped)]


def _read_row(row: list[JsonValue], read: ReadInvocation) -> list[Reading]:
    """Read a row of `aws logs get-query-results`.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ResultField.html
    """
    for field in row:
        match field:
            case {"field": "@message", "value": message}:
                return _read_insights_message(message, read)
    return [RejectionReason.WRONG_SCHEMA]


def _read_insights_message(message: JsonValue, read: ReadInvocation) -> list[Reading]:
    """Read `@message`: text, or in the console's JSON export an object."""
    return [read_message(message, read) if isinstance(message, str) else read(message)]


def _read_packed(data: bytes | str, read: ReadInvocation) -> list[Reading]:
    return [reading for part in unpack_parts(data) for reading in _read_unpacked(part, read)]


def _read_unpacked(envelope: JsonValue | Undecodable, read: ReadInvocation) -> list[Reading]:
    if isinstance(envelope, Undecodable):
        return [RejectionReason(envelope.value)]
    return read_envelope(envelope, read) if isinstance(envelope, dict) else [read(envelope)]


def _is_blank(event: JsonValue) -> bool:
    message = event.get("message") if isinstance(event, dict) else None
    return isinstance(message, str) and (not message or message.isspace())


def _read_event(event: JsonValue, read: ReadInvocation) -> Reading:
    message = event.get("message") if isinstance(event, dict) else None
    return (
        read_message(message, read) if isinstance(message, str) else RejectionReason.NOT_AN_OBJECT
    )
