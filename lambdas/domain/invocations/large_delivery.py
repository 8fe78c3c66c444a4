"""Splits a delivery that unpacks to a lot, so that memory does not grow with it.

Python's objects take up to thirty times the bytes of their JSON text. So a large delivery is parsed
as it is unpacked, and its log events are held a part at a time. Callers write the messages of log
events; everything around them CloudWatch Logs writes. So no caller can make a delivery that is not
read to its end.
"""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import ijson

from lambdas.domain.invocations.decoding import JsonObject, Undecodable

MAX_HELD_BYTES = 4 * 2**20
"""A delivery that unpacks to more is split."""
MAX_MESSAGE_LENGTH = 4 * 2**20
"""Characters of a message that are read. CloudWatch Logs takes messages of up to 1 MB.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
"""

_MAX_STRING_BYTES = 8 * 2**20
"""The longest JSON string: a message of 1 MB whose every character is escaped takes 6 MB."""
_MAX_SKIPPED = 100_000
"""The number of unknown pieces of JSON to accept. CloudWatch Logs writes no such pieces today."""
_MAX_EVENTS = 1000
_MAX_CHARACTERS = 4 * 2**20
"""The log events of a part, and the characters of their messages, but for its last event."""

_CHUNK_BYTES = 256 * 2**10
_GZIP_OR_ZLIB = 47  # zlib finds out which of the two it is
_HEAD = frozenset({"messageType", "logGroup", "logStream"})
_EVENT_FIELDS = frozenset({"id", "timestamp", "message"})
_EVENTS = "logEvents"
_DEPTHS = {"start_map": 1, "start_array": 1, "end_map": -1, "end_array": -1}

_Field: TypeAlias = tuple[str, Any]
"""A name and a text of the envelope, or `logEvents` and one log event."""


def unpacks_to_more(data: bytes | str, size: int) -> bool:
    """Say if a delivery unpacks to more than so many bytes; never raises."""
    stream = zlib.decompressobj(wbits=_GZIP_OR_ZLIB)
    try:
        unpacked = stream.decompress(binascii.a2b_base64(data), size)
    except (ValueError, zlib.error):
        return False
    return len(unpacked) == size and not stream.eof


def split_envelope(data: bytes | str) -> Iterator[JsonObject | Undecodable]:
    """Split a delivery into envelopes of bounded size, in order; never raises.

    Each has the names of the log group and the log stream, and some of the log events. Where the
    rest cannot be read, the reason comes last.
    """
    head: JsonObject = {}
    for field in _read(data):  # up to the first log event, unless a name comes after it
        if isinstance(field, Undecodable):
            if _EVENTS in head:
                break  # the log events before are read all the same
            yield field
            return
        name, value = field
        head[name] = [] if name == _EVENTS else value
        if len(head) > len(_HEAD):
            break
    if _EVENTS not in head or head.get("messageType") == "CONTROL_MESSAGE":
        yield head
    else:
        yield from _cut(head, _read(data))


def _cut(
    head: JsonObject, fields: Iterable[_Field | Undecodable]
) -> Iterator[JsonObject | Undecodable]:
    events: list[JsonObject] = []
    characters = 0
    for field in fields:
        if isinstance(field, Undecodable):
            if events:
                yield {**head, _EVENTS: events}
            yield field
            return
        name, event = field
        if name == _EVENTS:
            events.append(event)
            characters += len(event.get("message", ""))
        if len(events) == _MAX_EVENTS or characters >= _MAX_CHARACTERS:
            yield {**head, _EVENTS: events}
            events, characters = [], 0
    if events:
        yield {**head, _EVENTS: events}


def _read(data: bytes | str) -> Iterator[_Field | Undecodable]:
    """Read the fields of an envelope; where it is damaged, the reason comes last."""
    try:
        text = _Unpacking(data)
        try:
            yield from _walk(_Parser(text))
        except ijson.JSONError:
            yield Undecodable.TRUNCATED if text.is_over else Undecodable.NOT_JSON
    except (OverflowError, ValueError, zlib.error):
        yield Undecodable.NOT_JSON


def _walk(parser: _Parser) -> Iterator[_Field]:
    kind, _ = next(parser)
    if kind != "start_map":
        raise ValueError(kind)
    for kind, name in parser:
        if kind == "end_map":
            continue
        kind, value = next(parser)  # noqa: PLW2901  # a name is followed by its value
        if name == _EVENTS and kind == "start_array":
            for start, _ in parser:
                if start == "end_array":
                    break
                yield _EVENTS, _read_event(parser, start)
        elif name in _HEAD and kind == "string":
            yield name, value
        else:
            parser.skip(kind)


def _read_event(parser: _Parser, start: str) -> JsonObject:
    """Read one log event; empty where the value is not one."""
    event: JsonObject = {}
    if start != "start_map":
        parser.skip(start)
        return event
    while (field := next(parser))[0] != "end_map":
        name = field[1]
        kind, value = next(parser)
        if name in _EVENT_FIELDS and kind == "string":
            event[name] = value[:MAX_MESSAGE_LENGTH]
        elif name == "timestamp" and kind == "number":
            event[name] = value
        else:
            parser.skip(kind)
    if "message" not in event:
        parser.skip("no message")
    return event


class _Parser:
    """The pieces of a delivery's JSON, each a kind and a value, as `ijson.basic_parse` names them.

    Raises:
        ijson.JSONError, OverflowError, ValueError, zlib.error: The delivery is damaged, or nothing
            that CloudWatch Logs writes.
    """

    def __init__(self, text: _Unpacking) -> None:
        self._text = text
        self._pieces = ijson.basic_parse(self._text, buf_size=_CHUNK_BYTES)
        self._skipped = 0

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return self

    def __next__(self) -> tuple[str, Any]:
        piece: tuple[str, Any] = next(self._pieces)
        self._text.bytes_without_a_piece = 0
        return piece

    def skip(self, kind: str) -> None:
        """Skip the rest of a value after its first piece."""
        depth = _DEPTHS.get(kind, 0)
        self._count_skipped()
        while depth:
            kind, _ = next(self)
            depth += _DEPTHS.get(kind, 0)
            self._count_skipped()

    def _count_skipped(self) -> None:
        self._skipped += 1
        if self._skipped > _MAX_SKIPPED:
            message = "CloudWatch Logs writes no such delivery"
            raise ValueError(message)


class _Unpacking:
    """A delivery as a file that is unpacked as it is read."""

    def __init__(self, data: bytes | str) -> None:
        self._packed = binascii.a2b_base64(data)
        self._stream = zlib.decompressobj(wbits=_GZIP_OR_ZLIB)
        self.bytes_without_a_piece = 0
        self.is_over = False

    def read(self, size: int) -> bytes:
        """Read the next bytes; empty at the end, or where the delivery is cut off."""
        if not size:  # the parser first asks for 0 bytes, to see their type
            return b""
        part = b""
        while not (part or self.is_over):
            if self._stream.unused_data:
                message = "more after the end"
                raise ValueError(message)
            # Where all is taken in, some output may have been held back.
            self.is_over = self._stream.eof or not self._packed
            part = b"" if self._stream.eof else self._stream.decompress(self._packed, size)
            self._packed = self._stream.unconsumed_tail
        self.bytes_without_a_piece += len(part)
        if self.bytes_without_a_piece > _MAX_STRING_BYTES:
            message = "a string that is too long"
            raise ValueError(message)
        return part
