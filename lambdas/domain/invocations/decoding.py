"""Decodes JSON that callers and models write parts of, so that they cannot hide a record."""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Any, TypeAlias

JsonValue: TypeAlias = object
"""Any JSON value; its type is checked before each use."""
JsonObject: TypeAlias = dict[str, Any]

STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\],]', re.DOTALL)
"""A whole string, or one piece of structure; a lone quote opens a string that does not end."""

_CLOSERS = {b"{": b"}", b"[": b"]"}
# What strict parsers refuse: numbers of many digits, escapes of half a surrogate pair ...
_REFUSED = re.compile(r"\d{21,}|(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F][0-9a-fA-F]{2}", re.ASCII)
# A mask of CloudWatch Logs that begins within an escape: `\n1234` becomes `\*****`.
_MASKED_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?(?=\*)", re.ASCII)
_CONTROL_CHARACTERS_AS_BLANKS = dict.fromkeys(range(32), " ")  # ... and these within strings
_RECORD_DEPTH = 2  # a record's fields and the fields of its `identity`, `input` and `output`
_MAX_INTEGER_DIGITS = 20  # digits; Python refuses to read thousands of them


class Undecodable(Enum):
    """The reason why a text is not a JSON value."""

    NOT_JSON = "not_json"
    TRUNCATED = "truncated"
    """The text ends before its first object does."""


def decode_json(text: bytes | str) -> JsonValue | Undecodable:
    """Decode a JSON value; never raises.

    What the fast parser refuses (lone surrogates, numbers of thousands of digits, nesting of
    any depth, bytes that are no UTF-8) is decoded again by ever more patient readers. The last
    one leaves out everything nested deeper than a record's own fields, so that nothing that a
    caller or a model writes into a body costs a record its top-level counts.
    """
    # Takes long to import, and the gateway decodes without this parser.
    from pydantic_core import from_json  # noqa: PLC0415

    try:
        fast: JsonValue = from_json(text)
    except (ValueError, TypeError):  # TypeError: a `str` that holds half of a surrogate pair
        return _decode_carefully(text)
    return fast


def decode_small_json(text: bytes) -> JsonValue | Undecodable:
    """Decode as `decode_json` does, by the standard library alone; never raises.

    It takes longer for large texts, and a function that decodes small ones alone starts sooner.
    """
    try:
        plain: JsonValue = json.loads(text.decode(), parse_int=_read_integer)
    except (ValueError, RecursionError):
        return _decode_carefully(text)
    return plain


def starts_with(text: bytes | str, prefix: str) -> bool:
    """Return true when a text, decoded or not, starts with an ASCII prefix."""
    return text.startswith(prefix) if isinstance(text, str) else text.startswith(prefix.encode())


def _decode_carefully(text: bytes | str) -> JsonValue | Undecodable:
    """Decode text that the fast parser refuses."""
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if b'"' not in raw and raw.startswith((b"{", b"[")):  # without a name there is no record
        return Undecodable.NOT_JSON if raw[1:].strip() or raw[:1] == b"[" else Undecodable.TRUNCATED
    is_object_left_open = raw.lstrip().startswith(b"{") and b"}" not in raw
    decoded = Undecodable.NOT_JSON if is_object_left_open else _decode_patiently(raw)
    return _decode_outline(raw) if isinstance(decoded, Undecodable) else decoded


def _decode_patiently(raw: bytes) -> JsonValue | Undecodable:
    """Decode text that strict parsers refuse, except for nesting too deep for Python."""
    try:
        text = _MASKED_ESCAPE.sub(r"\1", raw.decode("utf-8-sig", "replace"))
        value: JsonValue = json.loads(text, strict=False, parse_int=_read_integer)
    except (ValueError, RecursionError):
        return Undecodable.NOT_JSON
    return value


def _read_integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MAX_INTEGER_DIGITS else None


def _decode_outline(raw: bytes) -> JsonValue | Undecodable:
    """Decode with every value below a record's own fields replaced by null."""
    kept: list[bytes] = []
    keep_from = 0
    open_brackets: list[bytes] = []
    for token in STRUCTURE.finditer(raw):
        mark = token[0]
        if mark == b'"':
            break
        if mark in _CLOSERS:
            if len(open_brackets) == _RECORD_DEPTH:
                kept.append(raw[keep_from : token.start()])
            open_brackets.append(_CLOSERS[mark])
        elif mark in (b"}", b"]"):
            if not open_brackets or open_brackets.pop() != mark:
                return Undecodable.NOT_JSON
            if len(open_brackets) == _RECORD_DEPTH:
                kept.append(b"null")
                keep_from = token.end()
    if len(open_brackets) <= _RECORD_DEPTH:
        kept.append(raw[keep_from:])
    outline = b"".join(kept)
    return _classify_undecodable(outline) if open_brackets else _decode_patiently(outline)


def _classify_undecodable(outline: bytes) -> Undecodable:
    """Distinguish an object that was cut off from text that never was one."""
    text = outline.decode("utf-8-sig", "replace").translate(_CONTROL_CHARACTERS_AS_BLANKS).lstrip()
    if not text.startswith("{"):
        return Undecodable.NOT_JSON
    from pydantic_core import from_json  # noqa: PLC0415  # late, as above

    try:
        from_json(_REFUSED.sub("0", text), allow_partial="trailing-strings")
    except ValueError:
        return Undecodable.NOT_JSON
    return Undecodable.TRUNCATED
