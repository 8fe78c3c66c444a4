"""Says if an IAM policy allows a request, by the operators that the project's policies use.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda value, expected: value == expected,
    "StringLike": fnmatchcase,
    "ArnLike": fnmatchcase,
    "ArnEquals": fnmatchcase,  # the same as ArnLike, as IAM's documentation says
    "Bool": lambda value, expected: value == str(expected).lower(),
    "NumericLessThan": lambda value, expected: Decimal(value) < Decimal(str(expected)),
    "DateLessThan": lambda value, expected: (
        datetime.fromisoformat(value) < datetime.fromisoformat(expected)
    ),
}
_IF_EXISTS = "IfExists"
"""The ending of operators that hold where the key is absent, and else as without it."""
_NEGATIONS = {"ArnNotLike": "ArnLike", "ArnNotEquals": "ArnEquals"}
"""Operators that hold where none of the values matches, also where the key is absent."""


def is_allowed(
    policy: Mapping[str, Any], action: str, resource: str, context: Mapping[str, str] | None = None
) -> bool:
    """Say if a policy allows an action on a resource: one statement does, and none denies it."""
    found = {
        statement["Effect"]
        for statement in policy["Statement"]
        if _applies(statement, action, resource, context)
    }
    return found == {"Allow"}


def is_denied(
    policy: Mapping[str, Any], action: str, resource: str, context: Mapping[str, str] | None = None
) -> bool:
    """Say if a policy that allows nothing denies an action on a resource."""
    assert {statement["Effect"] for statement in policy["Statement"]} == {"Deny"}
    return any(_applies(statement, action, resource, context) for statement in policy["Statement"])


def _applies(
    statement: Mapping[str, Any], action: str, resource: str, context: Mapping[str, str] | None
) -> bool:
    return (
        _matches(statement["Action"], action)
        and _matches(statement["Resource"], resource)
        and _is_met(statement.get("Condition", {}), context or {})
    )


def denies_everyone(
    policy: Mapping[str, Any], action: str, resource: str, context: Mapping[str, str] | None = None
) -> bool:
    """Say if a resource policy denies everyone, but for its conditions, an action."""
    return any(
        statement["Effect"] == "Deny"
        and statement["Principal"] == {"AWS": "*"}
        and _matches(statement["Action"], action)
        and _matches(statement["Resource"], resource)
        and _is_met(statement.get("Condition", {}), context or {})
        for statement in policy["Statement"]
    )


def _matches(patterns: str | list[str], text: str) -> bool:
    listed = [patterns] if isinstance(patterns, str) else patterns
    return any(fnmatchcase(text, pattern) for pattern in listed)


def _is_met(condition: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    return all(
        (operator.endswith(_IF_EXISTS) and key not in context)
        or _holds(operator.removesuffix(_IF_EXISTS), key, values, context)
        for operator, keys in condition.items()
        for key, values in keys.items()
    )


def _holds(
    operator: str, key: str, values: str | float | list[str], context: Mapping[str, str]
) -> bool:
    if operator == "Null":  # true for keys that are absent
        return (key not in context) is (str(values).lower() == "true")
    if operator in _NEGATIONS:
        return not _has_value(_NEGATIONS[operator], key, values, context)
    return _has_value(operator, key, values, context)


def _has_value(
    operator: str, key: str, values: str | float | list[str], context: Mapping[str, str]
) -> bool:
    """Say if a key has one of the values."""
    return key in context and any(
        _OPERATORS[operator](context[key], value) for value in _list(values)
    )


def _list(values: str | float | list[str]) -> list[str]:
    return values if isinstance(values, list) else [str(values)]
