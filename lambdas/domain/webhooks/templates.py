"""The body by a template of the user: JSON with names in braces, for other chat systems.

Names are replaced inside strings of the parsed JSON, so that no value can add to its structure.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from lambdas.domain.events import MeterEvent
from lambdas.domain.scope_field import ScopeField
from lambdas.domain.times import write_seconds
from lambdas.domain.webhooks.body_text import (
    MAX_BODY_BYTES,
    Origin,
    describe_names,
    describe_scope,
    make_readable,
    shorten,
)

MAX_TEMPLATE_BYTES: Final = 8_000
MAX_TEMPLATE_DEPTH: Final = 50
_LABELS = tuple(field for field in ScopeField if field is not ScopeField.REGION)
"""`{region}` is the Region of the meter. Those of the usage stand in `{scope}`."""
TEMPLATE_NAMES: Final = (
    "title",
    "text",
    "link",
    "type",
    "time",
    "id",
    "account",
    "region",
    "scope",
    *(field.value for field in _LABELS),
)
"""The names that a template can have in braces."""
_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_LITERALS = {"{{": "{", "}}": "}"}
_LETTERS = (4000, 1000, 250, 60, 0)
"""The letters of each value, tried in turn until the body is small enough."""


class InvalidTemplateError(ValueError):
    """A template cannot be used. The text says what to change."""


def check_template(template: str) -> None:
    """Check that a template is JSON, and has only known names in braces.

    Raises:
        InvalidTemplateError: It is not.
    """
    document = _parse(template)
    # Numbers can be longer when they are written again.
    if max(len(template.encode("utf-8", "replace")), len(_encode(document))) > MAX_TEMPLATE_BYTES:
        _refuse(f"it has more than {MAX_TEMPLATE_BYTES:,} bytes: shorten it")
    names = {name for text in _list_strings(document) for name in _list_names(text)}
    unknown = sorted(names - set(TEMPLATE_NAMES))
    if unknown:
        known = ", ".join(TEMPLATE_NAMES)
        _refuse(
            f"it has unknown names in braces: {', '.join(unknown)}. Use {known},"
            " and write {{ and }} for braces themselves"
        )
    if not names & {"title", "text", "type"}:
        _refuse("it does not say what has happened: add {title}, {text} or {type}")


def render_template(template: str, event: MeterEvent, origin: Origin) -> bytes:
    """Write an event by a template that was checked, as at most `MAX_BODY_BYTES` of JSON in UTF-8.

    Values of an event that is larger are cut.
    """
    document, values = _parse(template), _read_values(event, origin)
    bodies = (
        _encode(_fill(document, {name: shorten(value, letters) for name, value in values.items()}))
        for letters in _LETTERS
    )
    # Without values, a template is small enough.
    return next(body for body in bodies if len(body) <= MAX_BODY_BYTES)


def _read_values(event: MeterEvent, origin: Origin) -> dict[str, str]:
    names = {field.value: event.scope.get(field.value, ()) for field in _LABELS}
    return {
        "title": make_readable(event.title),
        "text": make_readable(event.text),
        "link": make_readable(event.link or ""),
        "type": event.type.value,
        "time": write_seconds(event.at),
        "id": event.id,
        "account": origin.account_id,
        "region": origin.region,
        "scope": "; ".join(describe_scope(event.scope)),
        **{label: describe_names(found) for label, found in names.items()},
    }


def _parse(template: str) -> dict[str, Any]:
    try:
        document = json.loads(template, parse_constant=_refuse_constant, parse_float=_read_float)
        # The deepest nesting is checked here, so that filling it in never fails.
        if _measure_depth(document) > MAX_TEMPLATE_DEPTH:
            _refuse(f"it is nested more than {MAX_TEMPLATE_DEPTH} levels deep")
    except InvalidTemplateError:
        raise
    except (ValueError, RecursionError) as error:
        place = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        message = f"it is no valid JSON{place}: write a JSON object whose strings have the names"
        raise InvalidTemplateError(message) from None
    if not isinstance(document, dict):
        _refuse("it is no JSON object: write { ... }")
    return document


def _measure_depth(document: object) -> int:
    depth, level = 0, [document]
    while level:
        depth, level = depth + 1, [part for value in level for part in _list_parts(value)]
    return depth


def _list_parts(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _list_strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in _list_parts(value):
        yield from _list_strings(part)


def _list_names(text: str) -> Iterator[str]:
    for part in _PART.finditer(text):
        if part[0] in {"{", "}"}:
            _refuse("it has a brace without its other one: write {{ and }} for braces themselves")
        if part[0] not in _LITERALS:
            yield part[1]


def _fill(value: object, values: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return _PART.sub(lambda part: _LITERALS.get(part[0]) or values[part[1]], value)
    if isinstance(value, dict):
        return {key: _fill(part, values) for key, part in value.items()}
    if isinstance(value, list):
        return [_fill(part, values) for part in value]
    return value


def _encode(document: object) -> bytes:
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _read_float(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_constant(text)


def _refuse_constant(_: str) -> NoReturn:
    message = "NaN and Infinity are not JSON"
    raise ValueError(message)


def _refuse(reason: str) -> NoReturn:
    message = f"the template cannot be used: {reason}"
    raise InvalidTemplateError(message)
