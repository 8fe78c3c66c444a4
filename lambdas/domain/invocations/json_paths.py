"""Reads values at fixed paths of JSON that models and containers wrote."""

from __future__ import annotations

from lambdas.domain.invocations.decoding import JsonObject, JsonValue
from lambdas.domain.invocations.token_counts import read_count

_EMPTY: JsonObject = {}


def get_object(parent: JsonObject, key: str) -> JsonObject:
    """The object under a key; an empty one where the key has no object."""
    child = parent.get(key)
    return child if isinstance(child, dict) else _EMPTY


def list_objects(value: JsonValue) -> list[JsonObject]:
    """The objects of a list; empty where anything else is in it."""
    if isinstance(value, list) and all(isinstance(element, dict) for element in value):
        return value
    return []


def first_count(parent: JsonObject, *names: str) -> int | None:
    """The first readable count under one of several names."""
    for name in names:
        if name in parent:
            count = read_count(parent[name])
            if count is not None:
                return count
    return None
