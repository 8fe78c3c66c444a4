"""Reads the JSON body of a request, and adds metadata without writing the rest again."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from lambdas.domain.invocations.decoding import JsonObject, JsonValue
from lambdas.domain.invocations.request_metadata import MAX_METADATA_LENGTH, MAX_PAIRS

REQUEST_METADATA = "requestMetadata"
"""The field of a Converse body: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html"""
METADATA_HEADER = "x-amzn-bedrock-request-metadata"
"""The header of InvokeModel with the same as JSON."""
MAX_METADATA_HEADER_LENGTH = 8500

_BLANKS = re.compile(r"[ \t\n\r]*")


def _make_object(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    """Make an object of the pairs that were read.

    Raises:
        ValueError: It has a field twice. Readers differ in which of both they take.
    """
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError
    return fields


_DECODER = json.JSONDecoder(object_pairs_hook=_make_object)


class InvalidRequestError(Exception):
    """A request that is refused before it reaches Bedrock. The text is for the caller."""


class RequestBody(NamedTuple):
    """A body, and where its metadata stands.

    Attributes:
        text: The body as it was sent.
        fields: Its top-level fields.
        metadata_span: The first and the last place of the value of `requestMetadata`.
        fields_at: The place behind the opening brace.
    """

    text: str
    fields: JsonObject
    metadata_span: tuple[int, int] | None
    fields_at: int

    def write(self, metadata: Mapping[str, str]) -> bytes:
        """Write the body with this request metadata; every other byte stays as it was sent."""
        if self.metadata_span is not None:
            start, end = self.metadata_span
            return f"{self.text[:start]}{_write_json(metadata)}{self.text[end:]}".encode()
        if not metadata:
            return self.text.encode()
        comma = "," if self.fields else ""
        field = f'"{REQUEST_METADATA}":{_write_json(metadata)}{comma}'
        return f"{self.text[: self.fields_at]}{field}{self.text[self.fields_at :]}".encode()


def read_request_body(body: bytes) -> RequestBody:
    """Read a body of a request.

    Raises:
        InvalidRequestError: It is no JSON object in UTF-8, or names a field of any of its objects
            twice: two readers could then see two requests.
    """
    try:
        text = body.decode()
        return _read_object(text)
    except (ValueError, IndexError, RecursionError):
        message = "The request body has to be one JSON object in UTF-8, with each field once"
        raise InvalidRequestError(message) from None


def read_metadata_header(header: str) -> JsonValue:
    """Read the metadata header of InvokeModel.

    Raises:
        InvalidRequestError: It is not JSON.
    """
    try:
        value: JsonValue = json.loads(header)
    except (ValueError, RecursionError):
        message = f"The header {METADATA_HEADER} has to be a JSON object of text"
        raise InvalidRequestError(message) from None
    return value


def write_metadata_header(metadata: Mapping[str, str]) -> str:
    """Write the metadata header of InvokeModel.

    Raises:
        InvalidRequestError: It is too long.
    """
    header = _write_json(metadata)
    if len(header) > MAX_METADATA_HEADER_LENGTH:
        message = (
            f"The header {METADATA_HEADER} has {len(header)} letters with what the gateway adds,"
            f" and Bedrock takes {MAX_METADATA_HEADER_LENGTH}"
        )
        raise InvalidRequestError(message)
    return header


def merge_metadata(
    own: JsonValue, pairs: Mapping[str, str], owned_names: Collection[str]
) -> dict[str, str]:
    """Merge a caller's metadata with the gateway's.

    Args:
        own: The caller's metadata; `None` for none.
        pairs: The gateway's. They win.
        owned_names: Names that callers cannot set: theirs are left out.

    Raises:
        InvalidRequestError: There are too many pairs, or the caller's are not text.
    """
    own = {} if own is None else own
    if not isinstance(own, dict) or not all(map(_is_text, (*own, *own.values()))):
        message = f"{REQUEST_METADATA} has to be an object of text of {MAX_METADATA_LENGTH} letters"
        raise InvalidRequestError(message)
    kept = {name: value for name, value in own.items() if name not in owned_names}
    merged = kept | dict(pairs)
    if len(merged) > MAX_PAIRS:
        message = (
            f"{REQUEST_METADATA} has {len(kept)} pairs, and the gateway adds {len(pairs)}:"
            f" Bedrock takes {MAX_PAIRS}. Send at most {MAX_PAIRS - len(pairs)}"
        )
        raise InvalidRequestError(message)
    return merged


def _read_object(text: str) -> RequestBody:
    """Read an object field by field, with the reader of `json` for the values.

    Raises:
        IndexError: It is cut off.
        RecursionError: It is nested too deep.
        ValueError: It is no JSON object, or has a field twice.
    """
    at = _skip_blanks(text, 0)
    _expect(text, at, "{")
    fields_at = at + 1
    fields: JsonObject = {}
    span: tuple[int, int] | None = None
    at = _skip_blanks(text, fields_at)
    while text[at] != "}" or fields:  # a brace after a comma is no end
        _expect(text, at, '"')
        name, at = _DECODER.raw_decode(text, at)
        at = _skip_blanks(text, at)
        _expect(text, at, ":")
        start = _skip_blanks(text, at + 1)
        if name in fields:
            raise ValueError
        fields[name], end = _DECODER.raw_decode(text, start)
        if name == REQUEST_METADATA:
            span = start, end
        at = _skip_blanks(text, end)
        if text[at] == "}":
            break
        _expect(text, at, ",")
        at = _skip_blanks(text, at + 1)
    if _skip_blanks(text, at + 1) != len(text):
        raise ValueError
    return RequestBody(text, fields, span, fields_at)


def _skip_blanks(text: str, at: int) -> int:
    blanks = _BLANKS.match(text, at)
    return at if blanks is None else blanks.end()


def _expect(text: str, at: int, mark: str) -> None:
    if text[at] != mark:
        raise ValueError


def _is_text(value: JsonValue) -> bool:
    return isinstance(value, str) and len(value) <= MAX_METADATA_LENGTH


def _write_json(pairs: Mapping[str, str]) -> str:
    return json.dumps(pairs, separators=(",", ":"))
