"""The expressions of DynamoDB that the meter uses, evaluated on items."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any, TypeAlias

Item: TypeAlias = dict[str, Any]
Names: TypeAlias = Mapping[str, str]
Values: TypeAlias = Mapping[str, Any]
_Check: TypeAlias = Callable[[Mapping[str, Any], Names, Values], bool]

_FUNCTION = re.compile(
    r"(attribute_exists|attribute_not_exists|begins_with)\(\s*([^,)]+)(?:,\s*([^)]+))?\)"
)
_OPERAND = r"(size\([#\w.]+\)|[#:\w.]+)"
_COMPARISON = re.compile(rf"{_OPERAND}\s*(=|<>|<=|>=|<|>)\s*{_OPERAND}")
_BETWEEN_BOUNDS = re.compile(r"(BETWEEN \S+) AND ")
_BETWEEN = re.compile(r"(\S+)\s+BETWEEN\s+(\S+)\s+&&\s+(\S+)")
_SECTION = re.compile(r"\b(SET|ADD|REMOVE|DELETE)\b")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def plain(value: Any) -> Any:
    """The value of an attribute, as it is compared."""
    if value is None:
        return None
    ((kind, content),) = value.items()
    return Decimal(content) if kind == "N" else content


def holds(
    condition: str | None, item: Mapping[str, Any] | None, names: Names, values: Values
) -> bool:
    """Say if a condition holds for an item; `None` stands for an item that does not exist."""
    return condition is None or _parse(condition)(item or {}, names, values)


@lru_cache(maxsize=500)
def _parse(condition: str) -> _Check:
    """Parse alternatives of conditions that are joined by AND; parentheses only around all of it.

    Raises:
        ValueError: The expression uses more of DynamoDB's language.
    """
    text = _BETWEEN_BOUNDS.sub(r"\1 && ", condition.strip())
    for separator, joined in ((" OR ", any), (" AND ", all)):
        if parts := [_parse(part) for part in _split(text, separator)]:
            return partial(_check_all, joined, parts)
    if text.startswith("(") and text.endswith(")"):
        return _parse(text[1:-1])
    if (function := _FUNCTION.fullmatch(text)) is not None:
        return _function(*function.groups())
    if (between := _BETWEEN.fullmatch(text)) is not None:
        name, low, high = between.groups()
        return lambda item, names, values: (
            _present(_COMPARE["<="], values[low], item.get(names.get(name, name)))
            and _present(_COMPARE["<="], item.get(names.get(name, name)), values[high])
        )
    comparison = _COMPARISON.fullmatch(text)
    if comparison is None:
        message = f"the simulation does not know the expression {text!r}"
        raise ValueError(message)
    left, sign, right = comparison.groups()

    def read(operand: str, item: Mapping[str, Any], names: Names, values: Values) -> Any:
        if operand.startswith("size("):
            return _measure(_get(item, operand[len("size(") : -1], names))
        return values[operand] if operand.startswith(":") else _get(item, operand, names)

    return lambda item, names, values: _present(
        _COMPARE[sign], read(left, item, names, values), read(right, item, names, values)
    )


def _check_all(
    joined: Callable[[Iterable[bool]], bool],
    parts: Sequence[_Check],
    item: Mapping[str, Any],
    names: Names,
    values: Values,
) -> bool:
    return joined(part(item, names, values) for part in parts)


def _function(function: str, name: str, argument: str | None) -> _Check:
    name = name.strip()
    if function == "begins_with":
        return lambda item, names, values: str(
            plain(item.get(names.get(name, name))) or ""
        ).startswith(plain(values[str(argument).strip()]))
    wanted = function == "attribute_exists"
    return lambda item, names, _values: (_get(item, name, names) is not None) is wanted


def _get(item: Mapping[str, Any], path: str, names: Names) -> Any:
    """Get the attribute at a path, such as `#map.#key`; `None` where the item has no such path."""
    *outer, last = (names.get(part, part) for part in path.split("."))
    for part in outer:
        item = item.get(part, {}).get("M", {})
    return item.get(last)


def _measure(value: Any) -> Any:
    """Measure an attribute as `size` does."""
    if value is None:
        return None
    ((_, content),) = value.items()
    return {"N": str(len(content))}


def _present(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    """Compare two attributes; one that is absent compares with nothing."""
    return left is not None and right is not None and compare(plain(left), plain(right))


def _split(text: str, separator: str) -> list[str]:
    """Split at a separator outside of parentheses; an empty list without one."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if not depth and text.startswith(separator, place):
            parts.append(text[start:place])
            start = place + len(separator)
    return [*parts, text[start:]] if parts else []


def updated(expression: str, item: Mapping[str, Any], names: Names, values: Values) -> Item:
    """Make the item that an update expression makes of another one.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
    """
    after = dict(item)
    pieces = _SECTION.split(expression)[1:]
    for section, text in zip(pieces[::2], pieces[1::2], strict=True):
        for action in _arguments(text):
            _act(section, action, item, after, names, values)
    return after


def _arguments(text: str) -> list[str]:
    """Split the actions of a section at commas outside of parentheses."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _act(
    section: str,
    action: str,
    before: Mapping[str, Any],
    after: Item,
    names: Names,
    values: Values,
) -> None:
    if section == "REMOVE":
        parent, name = _enter(after, action, names)
        parent.pop(name, None)
    elif section == "ADD":
        name, _, operand = action.partition(" ")
        name = names.get(name, name)
        total = Decimal(before.get(name, {"N": "0"})["N"]) + Decimal(values[operand.strip()]["N"])
        after[name] = {"N": format(total, "f")}
    elif section == "SET":
        path, _, value = action.partition("=")
        parent, name = _enter(after, path.strip(), names)
        parent[name] = _value(value.strip(), before, names, values)
    else:
        message = f"the simulation does not know {section}"
        raise ValueError(message)


def _enter(after: Item, path: str, names: Names) -> tuple[Item, str]:
    """Copy the maps on the way to a path; return the innermost one, and the last name.

    Raises:
        KeyError: A map does not exist.
    """
    *outer, last = (names.get(part, part) for part in path.split("."))
    for part in outer:
        after[part] = {"M": dict(after[part]["M"])}
        after = after[part]["M"]
    return after, last


def _value(text: str, before: Mapping[str, Any], names: Names, values: Values) -> Any:
    for sign, factor in ((" + ", 1), (" - ", -1)):
        if sign in text:
            left, _, right = text.partition(sign)
            first, second = (
                Decimal(_value(part.strip(), before, names, values)["N"]) for part in (left, right)
            )
            return {"N": format(first + factor * second, "f")}
    if text.startswith("if_not_exists("):
        name, default = text.removeprefix("if_not_exists(").removesuffix(")").split(",")
        return before.get(names.get(name.strip(), name.strip())) or _value(
            default.strip(), before, names, values
        )
    return values[text] if text.startswith(":") else before[names.get(text, text)]
