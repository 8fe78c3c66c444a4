"""Checks rows against FOCUS 1.2: its validator's rules and its column tables."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO, TypeAlias

_FIXTURES = Path(__file__).parent / "fixtures"
PUBLISHED = json.loads((_FIXTURES / "focus-1.2-rules.json").read_text())
COLUMN_TABLES = json.loads((_FIXTURES / "focus-1.2-columns.json").read_text())["columns"]

NOT_MET = frozenset(
    {
        "AVAILABILITY_ZONE_SUPPORTED",
        "MULTIPLE_BILLING_ACCOUNT_TYPES_SUPPORTED",
        "MULTIPLE_SUB_ACCOUNT_TYPES_SUPPORTED",
        "PRICING_BILLING_CURRENCY_DIFFERENCES_SUPPORTED",
        "VIRTUAL_CURRENCY_SUPPORTED",
    }
)
"""The specification's conditions that do not apply to Amazon Bedrock."""

_WHOLE = "CostAndUsage-D-000-M"  # names all others, or names what does

MISTAKEN = frozenset(
    {
        "CommitmentDiscountStatus-C-003-C",  # the reverse of the text: null where there is no id
        "CommitmentDiscountStatus-C-004-C",  # not null where there is one
        "CommitmentDiscountStatus-C-005-M",  # values of something else
    }
)
"""Published rules that differ from the specification's text."""

TextRow: TypeAlias = Mapping[str, "str | None"]
Expression: TypeAlias = "str | list[Any]"

_NUMBER = re.compile(r"-?\d+(\.\d+)?(E-?\d+)?", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_UNIT = re.compile(r"(\d+ )?(Tokens|Units|Images|Seconds)", re.ASCII)


def read_rows(text: TextIO) -> list[TextRow]:
    """Rows as read from CSV; an empty cell is no value."""
    reader = csv.DictReader(text, strict=True)
    return [{name: value or None for name, value in row.items()} for row in reader]


def violations(rows: Sequence[TextRow]) -> Iterator[str]:
    """Yield the ids of the rules that rows break, and the columns that differ from their tables."""
    yield from _table_violations(rows)
    for row in rows:
        yield from _broken(_WHOLE, row, rows)


def _broken(name: str, row: TextRow, rows: Sequence[TextRow]) -> Iterator[str]:
    """The rules that a row breaks, of one and those that it names."""
    rule = PUBLISHED["rules"].get(name)  # one without a requirement is for people to check
    if rule is None or name in MISTAKEN or NOT_MET.intersection(rule.get("applies_if", ())):
        return
    if "condition" in rule and not _holds(rule["condition"], row, rows):
        return
    function, *items = rule["requirement"]
    if function == "AND" and isinstance(items[0], str):
        for item in items:
            yield from _broken(item, row, rows)
    elif not _holds(rule["requirement"], row, rows):
        yield name


def _holds(expression: Expression, row: TextRow, rows: Sequence[TextRow]) -> bool:
    if isinstance(expression, str):
        return not list(_broken(expression, row, rows))
    function, *arguments = expression
    if function == "AND":
        return all(_holds(argument, row, rows) for argument in arguments)
    if function == "OR":
        return _has_no_value(arguments, row) or any(
            _holds(argument, row, rows) for argument in arguments
        )
    if function == "CheckDistinctCount":
        one, other, count = arguments
        found = {each[other] for each in rows if each[one] == row[one]}
        return len(found) == int(count)
    if function == "ColumnPresent":
        return str(arguments[0]) in row
    return _CHECKS[function](row, *arguments)


def _has_no_value(items: Sequence[Expression], row: TextRow) -> bool:
    """Check if the items list the values of an empty column, which other rules cover."""
    columns = {item[1] if item[0] == "CheckValue" else None for item in items}
    return len(columns) == 1 and row.get(str(*columns), "") is None


def _is(row: TextRow, column: str, value: str | int | None) -> bool:
    text = row.get(column)
    return Decimal(text or "NaN") == value if isinstance(value, int) else text == value


def _is_product(row: TextRow, one: str, other: str, product: str) -> bool:
    a, b, c = row.get(one), row.get(other), row.get(product)
    return a is None or b is None or (c is not None and Decimal(a) * Decimal(b) == Decimal(c))


def _unless_empty(is_so: Callable[[str], bool]) -> Callable[..., bool]:
    def check(row: TextRow, column: str, *_: str) -> bool:
        text = row.get(column)
        return text is None or is_so(text)

    return check


def _is_key_value(text: str) -> bool:
    pairs = json.loads(text, object_pairs_hook=list)
    names = [name for name, _ in pairs]
    return len(set(names)) == len(names) and not any(
        isinstance(value, dict | list) for _, value in pairs
    )


_is_number = _unless_empty(lambda text: _NUMBER.fullmatch(text) is not None)
_is_time = _unless_empty(lambda text: _TIME.fullmatch(text) is not None)
_is_text = _unless_empty(lambda text: not text.isspace())
_is_currency = _unless_empty(lambda text: text == "USD")
_CHECKS: Mapping[str, Callable[..., bool]] = {
    "CheckValue": _is,
    "CheckNotValue": lambda row, column, value: not _is(row, column, value),
    "CheckSameValue": lambda row, one, other: row.get(one) == row.get(other),
    "CheckNotSameValue": lambda row, one, other: row.get(one) != row.get(other),
    "CheckDecimalValue": _is_number,
    "CheckNationalCurrency": _is_currency,
    "CheckGreaterOrEqualThanValue": lambda row, column, value: (
        Decimal(row.get(column) or 0) >= value
    ),
    "ColumnByColumnEqualsColumnValue": _is_product,
    "TypeDecimal": _is_number,
    "TypeString": _is_text,
    "TypeDateTime": _is_time,
    "FormatNumeric": _is_number,
    "FormatString": _is_text,
    "FormatDateTime": _is_time,
    "FormatUnit": _unless_empty(lambda text: _UNIT.fullmatch(text) is not None),
    "FormatCurrency": _is_currency,
    "FormatKeyValue": _unless_empty(_is_key_value),
}
_OF_TYPES = {
    "String": _is_text,
    "Decimal": _is_number,
    "Date/Time": _is_time,
    "JSON": _CHECKS["FormatKeyValue"],
}


def _table_violations(rows: Sequence[TextRow]) -> Iterator[str]:
    """Rows beside the tables that the specification has for each column."""
    seen: defaultdict[str, set[str | None]] = defaultdict(set)
    for row in rows:
        for name, value in row.items():
            seen[name].add(value)
    for name, table in COLUMN_TABLES.items():
        if table["feature_level"] == "Mandatory" and rows and name not in seen:
            yield f"{name} is missing"
        for value in seen[name]:
            is_of_type = _OF_TYPES[table["data_type"]]({name: value}, name)
            is_null = value is None
            is_allowed = is_null or not table["allowed_values"] or value in table["allowed_values"]
            if not (is_of_type and is_allowed) or (is_null and not table["allows_nulls"]):
                yield f"{name} is {value!r}"
