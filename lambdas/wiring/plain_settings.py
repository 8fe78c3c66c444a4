"""Settings that a function reads without pydantic, which would take a quarter of a start.

Each field has a rule: `seconds: int = field(default=1, metadata=whole_number(1, 9))`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, Self, TypeAlias

_RULE = "rule"
Metadata: TypeAlias = Mapping[str, "_Rule"]


class InvalidSettingsError(ValueError):
    """Variables are missing, or their values are not allowed. The text names all, and no value."""


class _Rule(NamedTuple):
    allowed: str
    read: Callable[[str], object]
    is_allowed: Callable[[Any], bool]


@dataclass(frozen=True, kw_only=True)
class PlainSettings:
    """Settings that are environment variables, named as the fields in capitals."""

    def __post_init__(self) -> None:
        """Check all values.

        Raises:
            InvalidSettingsError: A value is not allowed.
        """
        _refuse(_check({each.name: getattr(self, each.name) for each in fields(self)}, type(self)))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InvalidSettingsError: A variable is missing or its value is not allowed.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for each in fields(cls):
            text, rule = environ.get(each.name.upper()), _get_rule(each.metadata)
            if text is not None:
                try:
                    values[each.name] = rule.read(text)
                except (ValueError, InvalidOperation, RecursionError):
                    problems.append(_explain(each.name, rule))
            elif each.default is MISSING and each.default_factory is MISSING:
                problems.append(f"{each.name.upper()}: missing")
        _refuse([*problems, *_check(values, cls)])
        return cls(**values)

    def to_environment(self) -> dict[str, str]:
        """The variables that `from_environment` reads back, in ASCII, see `EnvironmentSettings`."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name.upper(): _write(value) for name, value in values.items() if value is not None}

    @classmethod
    def list_variables(cls) -> frozenset[str]:
        """List the names of all variables."""
        return frozenset(each.name.upper() for each in fields(cls))


def text(min_length: int = 0, max_length: int | None = None) -> Metadata:
    """Allow a text of so many letters."""
    most = "" if max_length is None else f" and at most {max_length}"
    return _allow(
        f"a text of at least {min_length}{most} letters",
        str,
        lambda value: (
            isinstance(value, str)
            and min_length <= len(value)
            and (max_length is None or len(value) <= max_length)
        ),
    )


def matching(pattern: str, what: str) -> Metadata:
    """Allow a text of a form. The expression is compiled once it is needed."""
    return _allow(
        what, str, lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value))
    )


def whole_number(least: int, most: int) -> Metadata:
    """Allow a whole number between two others."""
    return _allow(
        f"a whole number from {least:,} to {most:,}",
        json.loads,
        lambda value: _is_whole(value, least, most),
    )


def whole_numbers(least: int, most: int) -> Metadata:
    """Allow a JSON object of whole numbers between two others."""
    return _allow(
        f"a JSON object of whole numbers from {least:,} to {most:,}",
        json.loads,
        lambda value: (
            isinstance(value, dict)
            and all(_is_whole(number, least, most) for number in value.values())
        ),
    )


def share() -> Metadata:
    """Allow a decimal number from 0 to 1."""
    return _allow(
        "a number from 0 to 1",
        Decimal,
        lambda value: isinstance(value, Decimal) and value.is_finite() and 0 <= value <= 1,
    )


def flag() -> Metadata:
    """Allow true and false."""
    return _allow("true or false", json.loads, lambda value: isinstance(value, bool))


def json_object() -> Metadata:
    """Allow a JSON object, whose fields are read elsewhere."""
    return _allow("a JSON object", json.loads, lambda value: isinstance(value, dict))


def _allow(
    allowed: str, read: Callable[[str], object], is_allowed: Callable[[Any], bool]
) -> Metadata:
    return {_RULE: _Rule(allowed, read, is_allowed)}


def _get_rule(metadata: Mapping[str, Any]) -> _Rule:
    rule: _Rule = metadata[_RULE]
    return rule


def _check(values: Mapping[str, Any], settings: type[PlainSettings]) -> Iterator[str]:
    for each in fields(settings):
        rule = _get_rule(each.metadata)
        is_left_out = each.name not in values or (
            values[each.name] is None and each.default is None
        )
        if not is_left_out and not rule.is_allowed(values[each.name]):
            yield _explain(each.name, rule)


def _explain(name: str, rule: _Rule) -> str:
    return f"{name.upper()}: allowed: {rule.allowed}"


def _refuse(problems: Iterator[str] | list[str]) -> None:
    if found := [*problems]:
        raise InvalidSettingsError("; ".join(found))


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _write(value: object) -> str:
    if isinstance(value, str | Decimal):
        return str(value)
    return json.dumps(value, separators=(",", ":"))
