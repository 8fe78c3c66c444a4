"""Types of settings that are lists or objects, which `-c` passes as text."""

from __future__ import annotations

from collections import Counter

from pydantic import AfterValidator, BeforeValidator

from lambdas.wiring.environment import from_json_text


def _from_text(value: object) -> object:
    """Read JSON, or words between commas."""
    if not isinstance(value, str) or value.lstrip().startswith("["):
        return from_json_text(value)
    return [word.strip() for word in value.split(",") if word.strip()]


def _check_each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    repeated = [value for value, count in Counter(values).items() if count > 1]
    if repeated:
        message = f"allowed: each value once; repeated: {', '.join(repeated)}"
        raise ValueError(message)
    return values


EachOnce = AfterValidator(_check_each_once)
Json = BeforeValidator(from_json_text)
Words = BeforeValidator(_from_text)
