"""Reads why a model stopped, from answers and events of all providers, at fixed paths."""

from __future__ import annotations

import re

from lambdas.domain.invocations.decoding import JsonObject, JsonValue
from lambdas.domain.invocations.json_paths import get_object, list_objects

# A model writes its body: no other text than a name passes.
_NAME = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}")
# `StreamUsageReader` looks for the end of these names.
# https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
_FIELDS = ("stopReason", "stop_reason", "finish_reason", "completionReason")
_OBJECTS = ("messageStop", "delta")
_LISTS = ("choices", "outputs", "results", "generations")
_ALL = frozenset((*_FIELDS, *_OBJECTS, *_LISTS))
_MAX_REASONS = 16


def read_finish_reasons(content: JsonObject) -> tuple[str, ...]:
    """Read the reasons of an answer, or of one event of a stream; normally there is one at most.

    Example:
        >>> read_finish_reasons({"stopReason": "end_turn"})
        ('end_turn',)
    """
    if _ALL.isdisjoint(content):
        return ()
    places = [content, *(get_object(content, name) for name in _OBJECTS)]
    for name in _LISTS:
        places += list_objects(content.get(name))[:_MAX_REASONS]
    found = (place[name] for place in places for name in _FIELDS if name in place)
    return tuple(reason for reason in found if _is_name(reason))[:_MAX_REASONS]


def _is_name(value: JsonValue) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None
