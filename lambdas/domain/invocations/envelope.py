"""Opens what CloudWatch Logs delivers: log events in an envelope, gzipped and base64-encoded."""

from __future__ import annotations

import binascii
import zlib

from lambdas.domain.invocations.decoding import (
    JsonObject,
    JsonValue,
    Undecodable,
    decode_json,
    starts_with,
)
from lambdas.domain.invocations.usage_record import (
    Ignored,
    Reading,
    RejectionReason,
    read_invocation,
    read_message,
    read_plain_text,
)

LARGEST_ENVELOPE_BYTES = 256 * 2**20
"""An envelope that unpacks to more is refused; what CloudWatch Logs sends is far smaller."""

_GZIP_OR_ZLIB = 47  # zlib finds out which of the two it is
_BASE64_OF_GZIP = "H4sI"


def unpack(data: bytes | str) -> JsonValue | Undecodable:
    """Unpack the `awslogs.data` of a delivery: base64 of gzip of JSON; never raises.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-cloudwatchlogs.html
    """
    stream = zlib.decompressobj(wbits=_GZIP_OR_ZLIB)
    try:
        unpacked = stream.decompress(
            binascii.a2b_base64(data), LARGEST_ENVELOPE_BYTES
        )
    except (ValueError, zlib.error):
        return Undecodable.NOT_JSON
    if stream.unconsumed_tail or stream.unused_data:
        return Undecodable.NOT_JSON
    return decode_json(unpacked) if stream.eof else Undecodable.TRUNCATED


def read_envelope(envelope: JsonObject) -> list[Reading]:
    """Read every log event of an unpacked envelope, in order; never raises.

    A control message, with which CloudWatch Logs probes its destination, is one thing ignored.
    """
    if envelope.get("messageType") == "CONTROL_MESSAGE":
        return [Ignored.CONTROL_MESSAGE]
    events = envelope.get("logEvents")
    if not isinstance(events, list):
        return [RejectionReason.WRONG_SCHEMA]
    return [_read_event(event) for event in events]


def read_line(line: bytes | str) -> list[Reading]:
    """Read whatever a line of a log file holds: one invocation log, or an envelope of several.

    Envelopes are read unpacked, as the event that Lambda gets, and as its bare data.
    """
    decoded = decode_json(line)
    if isinstance(decoded, Undecodable):
        if not starts_with(line, _BASE64_OF_GZIP):
            return [read_plain_text(line, decoded)]
        decoded = unpack(line)
    elif isinstance(decoded, dict) and isinstance(decoded.get("awslogs"), dict):
        data = decoded["awslogs"].get("data")
        decoded = unpack(data) if isinstance(data, str) else Undecodable.NOT_JSON
    if isinstance(decoded, Undecodable):
        return [RejectionReason(decoded.value)]
    if isinstance(decoded, dict) and not decoded.keys().isdisjoint(("messageType", "logEvents")):
        return read_envelope(decoded)
    return [read_invocation(decoded)]


def _read_event(event: JsonValue) -> Reading:
    message = event.get("message") if isinstance(event, dict) else None
    return read_message(message) if isinstance(message, str) else RejectionReason.NOT_AN_OBJECT
