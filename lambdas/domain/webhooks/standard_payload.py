"""The body by Standard Webhooks: JSON with `type`, `timestamp` and `data`, for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from lambdas.domain.events import MeterEvent
from lambdas.domain.times import write_seconds
from lambdas.domain.webhooks.body_text import MAX_BODY_BYTES, Origin, shorten

PAYLOAD_VERSION: Final = "1"
"""The version of `data`. New fields keep it; a field that changes its meaning does not."""
_MAX_DEPTH = 20


class _Limits(NamedTuple):
    """The letters of each text, and the items of each list, that stay."""

    letters: int
    items: int


_CUTS = (_Limits(2000, 100), _Limits(500, 30), _Limits(250, 10))
"""Tried in turn until the body is small enough."""
_UNLIMITED = _Limits(MAX_BODY_BYTES * 100, MAX_BODY_BYTES * 100)
_LAST_TITLE_LETTERS, _LAST_TEXT_LETTERS, _LAST_LINK_BYTES = 250, 1500, 2048  # of 6 bytes at most


def write_standard_payload(event: MeterEvent, origin: Origin) -> bytes:
    """Write an event as JSON in UTF-8, of at most `MAX_BODY_BYTES`.

    Of an event that is larger, texts are cut and lists are shortened. If that is not enough, its
    scope and its detail are left out. `truncated` says so.
    """
    whole = _encode(_write(event, origin, _UNLIMITED, is_truncated=False))
    if len(whole) <= MAX_BODY_BYTES:
        return whole
    for limits in _CUTS:
        body = _encode(_write(event, origin, limits, is_truncated=True))
        if len(body) <= MAX_BODY_BYTES:
            return body
    return _encode(_write_outline(event, origin))


def _write(
    event: MeterEvent, origin: Origin, limits: _Limits, *, is_truncated: bool
) -> dict[str, Any]:
    return {
        "type": event.type.value,
        "timestamp": write_seconds(event.at),
        "data": {
            "version": PAYLOAD_VERSION,
            "account": origin.account_id,
            "region": origin.region,
            "title": shorten(event.title, limits.letters),
            "text": shorten(event.text, limits.letters),
            "scope": _limit(event.scope, limits),
            "detail": _limit(event.detail, limits),
            "link": event.link if _has_short_link(event) or not is_truncated else None,
            "truncated": is_truncated,
        },
    }


def _write_outline(event: MeterEvent, origin: Origin) -> dict[str, Any]:
    """Write the title and the beginning of the text alone."""
    document = _write(event, origin, _Limits(0, 0), is_truncated=True)
    document["data"] |= {
        "title": shorten(event.title, _LAST_TITLE_LETTERS),
        "text": shorten(event.text, _LAST_TEXT_LETTERS),
        "scope": {},
        "detail": {},
    }
    return document


def _has_short_link(event: MeterEvent) -> bool:
    return event.link is not None and len(json.dumps(event.link)) <= _LAST_LINK_BYTES


def _limit(value: object, limits: _Limits, depth: int = 0) -> object:
    """Write a value as JSON has it, within limits. Objects keep all their fields."""
    limited: object
    match value:
        case str():
            limited = shorten(value, limits.letters)
        case None | bool() | int():
            limited = value
        case float():
            limited = value if math.isfinite(value) else None
        case Mapping() | list() | tuple() if depth >= _MAX_DEPTH:
            limited = None
        case Mapping():
            limited = {str(key): _limit(part, limits, depth + 1) for key, part in value.items()}
        case list() | tuple():
            limited = [_limit(part, limits, depth + 1) for part in value[: limits.items]]
        case _:
            limited = str(value)
    return limited


def _encode(document: Mapping[str, Any]) -> bytes:
    # A half of a pair of surrogates, which JSON can hold and UTF-8 cannot, becomes a question mark.
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")
