"""Types of settings that are lists or objects, which `-c` passes as text."""

from __future__ import annotations

from pydantic import BeforeValidator

from lambdas.wiring.allowed_values import allowed
from lambdas.wiring.environment import from_json_text


def _from_text(value: object) -> object:
    """Read JSON, or words between commas."""
    if not isinstance(value, str) or value.lstrip().startswith("["):
        return from_json_text(value)
    return [word.strip() for word in value.split(",") if word.strip()]


def _has_each_once(values: tuple[str, ...]) -> bool:
    return len(set(values)) == len(values)


EachOnce = allowed("each value once", _has_each_once)
Json = BeforeValidator(from_json_text)
Words = BeforeValidator(_from_text)
