"""Events as JSON, in which functions pass them on to webhooks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn, TypeAlias

from lambdas.domain.events.event import MAX_ID_LETTERS, EventScope, MeterEvent
from lambdas.domain.events.types import EventType
from lambdas.domain.times import read_time, write_time

EventDocument: TypeAlias = dict[str, Any]
EVENT_VERSION: Final = "1"
"""The version of the form. A new field keeps it; a field that changes its meaning does not."""
MAX_EVENT_DEPTH: Final = 20
"""The deepest nesting of the JSON of events: deeper JSON cannot be written again."""
_ID = re.compile(rf"[A-Za-z0-9_.-]{{1,{MAX_ID_LETTERS}}}")


class InvalidEventError(ValueError):
    """A document is no event. The text says why, without its content."""


def write_event(event: MeterEvent) -> EventDocument:
    """Write an event as an object of JSON, which `read_event` reads."""
    return {
        "version": EVENT_VERSION,
        "id": event.id,
        "type": event.type.value,
        "at": write_time(event.at),
        "title": event.title,
        "text": event.text,
        "scope": {label: list(names) for label, names in event.scope.items()},
        "detail": dict(event.detail),
        "link": event.link,
    }


def write_events(events: Iterable[MeterEvent]) -> str:
    """Write events as an array of JSON, in ASCII."""
    return json.dumps([write_event(event) for event in events], separators=(",", ":"))


def read_event(document: object) -> MeterEvent:
    """Read an event. Fields that this version does not know are left out.

    Raises:
        InvalidEventError: The document is no event, or has another version.
    """
    found = _read_object(document, "an event")
    if found.get("version") != EVENT_VERSION:
        message = f"version: expected {EVENT_VERSION}. A newer version of the meter wrote it."
        raise InvalidEventError(message)
    event_id = _read_text(found, "id")
    if not _ID.fullmatch(event_id):
        message = f"id: expected up to {MAX_ID_LETTERS} letters, digits, dots, dashes, underscores"
        raise InvalidEventError(message)
    try:
        event_type = EventType(_read_text(found, "type"))
    except ValueError:
        message = f"type: expected one of {', '.join(EventType)}"
        raise InvalidEventError(message) from None
    try:
        at = read_time(_read_text(found, "at"))
    except ValueError:
        message = "at: expected a time in ISO 8601 with its offset from UTC"
        raise InvalidEventError(message) from None
    link = found.get("link")
    return MeterEvent(
        id=event_id,
        type=event_type,
        at=at,
        title=_read_text(found, "title"),
        text=_read_text(found, "text"),
        scope=_read_scope(found.get("scope", {})),
        detail=_read_object(found.get("detail", {}), "detail"),
        link=None if link is None else _read_text(found, "link"),
    )


def read_events(text: str) -> list[MeterEvent]:
    """Read the events of an array of JSON.

    Raises:
        InvalidEventError: The text is no such array, or one of its items is no event.
    """
    documents = read_json(text)
    if not isinstance(documents, list):
        message = "events: expected an array"
        raise InvalidEventError(message)
    return [read_event(document) for document in documents]


def read_json(text: str | bytes) -> object:
    """Read JSON that can be written again: without `NaN`, half letters or deep nesting.

    Raises:
        InvalidEventError: The text is no such JSON.
    """
    try:
        document: object = json.loads(text, parse_constant=_refuse_constant)
        is_too_deep = _is_too_deep(document)
        if not is_too_deep:
            json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        message = f"it is no valid JSON ({type(error).__name__})"
        raise InvalidEventError(message) from None
    if is_too_deep:
        message = f"it is nested more than {MAX_EVENT_DEPTH} levels deep"
        raise InvalidEventError(message)
    return document


def _refuse_constant(_: str) -> NoReturn:
    message = "NaN and Infinity are not JSON"
    raise ValueError(message)


def _is_too_deep(document: object) -> bool:
    level: list[object] = [document]
    for _ in range(MAX_EVENT_DEPTH):
        level = [part for value in level for part in _list_parts(value)]
    return bool(level)


def _list_parts(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _read_text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        message = f"{name}: expected text"
        raise InvalidEventError(message)
    return value


def _read_object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        message = f"{name}: expected an object"
        raise InvalidEventError(message)
    return value


def _read_scope(value: object) -> EventScope:
    scope = _read_object(value, "scope")
    for names in scope.values():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            message = "scope: expected lists of names by label"
            raise InvalidEventError(message)
    return {label: tuple(names) for label, names in scope.items()}
