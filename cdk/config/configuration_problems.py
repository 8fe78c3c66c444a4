"""The lines of a message about wrong settings: the setting, its value and what is allowed."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from lambdas.domain.words import plural

_SHAPES = {
    "tuple_type": "a list",
    "dict_type": "an object",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text",
    "model_type": "an object",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
}
"""JSON's names of shapes that pydantic names differently, by the type of its error."""
_LENGTHS = {
    "string_too_short": ("min_length", "character", "at least"),
    "string_too_long": ("max_length", "character", "at most"),
    "too_short": ("min_length", "item", "at least"),
    "too_long": ("max_length", "item", "at most"),
}
"""The words for lengths, by the type of pydantic's error."""
_THRESHOLDS_EXAMPLE = 'such as {"warning": 1000000, "critical": 5000000}'
_MAX_VALUE_LETTERS = 80
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_PART = re.compile(r"(\w+): (allowed: .*)", re.ASCII | re.DOTALL)
_KEY = "[key]"  # ends the place of a key, in pydantic's errors


def explain(problem: ErrorDetails, settings: type[BaseModel]) -> str:
    """Explain a problem that pydantic found in settings, in a line.

    Args:
        problem: One of the errors of a `ValidationError`.
        settings: The model that was validated, whose fields are suggested for misspelt ones.
    """
    place = [part for part in problem["loc"] if part != _KEY]
    field = ".".join(map(str, place))
    reason = problem["msg"].removeprefix("Value error, ").replace("Input should be", "allowed:")
    value = problem["input"]
    if not field:
        return reason
    match problem["type"]:
        case "extra_forbidden":
            return f"{field}: unknown setting{_suggest(str(place[-1]), settings, place[:-1])}"
        case "missing":
            return f"{field} is missing"
        case kind if kind in _SHAPES:
            reason = f"allowed: {_SHAPES[kind]}"
            if kind == "model_type" and "thresholds" in field:
                reason = f"{reason}, {_THRESHOLDS_EXAMPLE}"
        case kind if kind in _LENGTHS:
            bound, noun, words = _LENGTHS[kind]
            reason = f"allowed: {words} {plural(problem['ctx'][bound], noun)}"
    if isinstance(value, Mapping) and (part := _PART.fullmatch(reason)):
        name, reason = part.groups()
        if name not in value:
            is_field = name in _fields(settings, place)
            return f"{field}.{name} is missing: {reason}" if is_field else f"{field}: {reason}"
        field, value = f"{field}.{name}", value[name]
    return f"{field} = {_printed(value)}: {reason}"


def _suggest(name: str, settings: type[BaseModel], parent: Sequence[int | str]) -> str:
    """Suggest the field that was meant, or else list those of an object in a setting."""
    names = _fields(settings, parent)
    if near := difflib.get_close_matches(name, names, n=1):
        return f"; did you mean {near[0]}?"
    return f"; allowed: {', '.join(names)}" if parent and names else ""


def _printed(value: object) -> str:
    """Print a value as in cdk.json or on a command line, whose numbers are text without quotes."""
    if isinstance(value, str):
        text = value if _NUMBER.fullmatch(value) else repr(value)
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MAX_VALUE_LETTERS else f"{text[:_MAX_VALUE_LETTERS]}..."


def _fields(settings: type[BaseModel], place: Iterable[int | str]) -> list[str]:
    """Return the names of the fields of the object at a place."""
    model = settings
    for name in place:
        if isinstance(name, str) and name in model.model_fields:
            inner = next(_models(model.model_fields[name].annotation), None)
            if inner is None:
                return []
            model = inner
    return list(model.model_fields)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """Find the models in the type of a field, such as that of a list's items."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
