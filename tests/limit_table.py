"""A table of limits in memory, for many requests of many gateways.

It knows the expressions of `lambdas.adapters.dynamodb.limit_writes` and no others. The contract of
stores (`tests/adapters/dynamodb/test_limits_store.py`) runs on it and on moto.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ReadTimeoutError

_CLAUSE = re.compile(r"\b(SET|ADD|REMOVE) ")
_FUNCTION = re.compile(r"(attribute_exists|attribute_not_exists)\((.+)\)")
_COMPARISON = re.compile(r"(size\()?([^ ()]+)\)? (=|<=|>=|<) (\S+)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
}


@cache
def _get_exceptions() -> Any:
    """The classes of DynamoDB's errors, from a client that sends nothing."""
    return boto3.client("dynamodb", "us-east-1").exceptions


class LimitTable:
    """A client of DynamoDB with one table, whose requests are atomic.

    Attributes:
        items: The items, by their sort keys, as DynamoDB has them.
        writes: The number of updates, with those that fail, by thread.
        failed: The number of updates whose condition failed.
        reads: The number of reads.
        before_update: Called before each update.
        loses_answer: Says if the answer to an update is lost.
    """

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.writes: Counter[int] = Counter()
        self.failed = self.reads = 0
        self.before_update: Callable[[], None] = lambda: None
        self.loses_answer: Callable[[], bool] = lambda: False
        self.exceptions = _get_exceptions()
        self._lock = threading.Lock()

    def get_item(self, **request: Any) -> dict[str, Any]:
        with self._lock:
            self.reads += 1
            item = self.items.get(request["Key"]["sk"]["S"])
            return {} if item is None else {"Item": _copy(item)}

    def update_item(self, **request: Any) -> dict[str, Any]:
        self.before_update()
        with self._lock:
            self.writes[threading.get_ident()] += 1
            name, names = request["Key"]["sk"]["S"], request["ExpressionAttributeNames"]
            update = _Update(
                _copy(self.items.get(name, {})),
                names,
                request.get("ExpressionAttributeValues", {}),
            )
            if not update.meets(request["ConditionExpression"]):
                self.failed += 1
                answer: Any = {"Error": {"Code": "ConditionalCheckFailedException"}}
                if name in self.items:
                    answer["Item"] = _copy(self.items[name])
                raise self.exceptions.ConditionalCheckFailedException(answer, "UpdateItem")
            update.apply(request["UpdateExpression"])
            self.items[name] = {**update.item, **request["Key"]}
            written = _copy(self.items[name])
        if self.loses_answer():
            raise ReadTimeoutError(endpoint_url="dynamodb")
        return {"Attributes": written}

    def get_paginator(self, _operation: str) -> LimitTable:
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        partition = request["ExpressionAttributeValues"][":partition"]
        with self._lock:
            found = [
                _copy(item)
                for item in self.items.values()
                if item["pk"] == partition and (item["open"]["M"] or item["late"]["M"])
            ]
        yield {"Items": found}


def _copy(item: Mapping[str, Any]) -> dict[str, Any]:
    """Copy an item and its maps; other values never change."""
    return {name: {"M": {**value["M"]}} if "M" in value else value for name, value in item.items()}


class _Update:
    """An update of an item."""

    def __init__(
        self, item: dict[str, Any], names: Mapping[str, str], values: Mapping[str, Any]
    ) -> None:
        self.item, self._names, self._values = item, names, values

    def meets(self, condition: str) -> bool:
        return all(self._holds(part) for part in condition.split(" AND "))

    def apply(self, expression: str) -> None:
        _, *parts = _CLAUSE.split(expression.strip())
        before = dict(self.item)
        paths = list[str]()
        for verb, actions in zip(parts[::2], parts[1::2], strict=True):
            for action in actions.strip().split(", "):
                path, *_ = action.split(" ")
                paths.append(path)
                owner, name = self._find(path, self.item)
                if verb == "REMOVE":
                    owner.pop(name, None)
                elif verb == "SET":
                    owner[name] = self._values[action.split(" = ")[1]]
                else:
                    added = int(self._values[action.split(" ")[1]]["N"])
                    stored = before.get(name, {"N": "0"})
                    owner[name] = {"N": str(int(stored["N"]) + added)}
        assert len(paths) == len({*paths}), "two document paths overlap"

    def _holds(self, condition: str) -> bool:
        if function := _FUNCTION.fullmatch(condition):
            owner, name = self._find(function[2], self.item)
            return (name in owner) is (function[1] == "attribute_exists")
        found = _COMPARISON.fullmatch(condition)
        assert found is not None, condition
        is_size, path, operator, value = found.groups()
        owner, name = self._find(path, self.item)
        if name not in owner:
            return False
        stored, wanted = owner[name], self._values[value]
        if is_size:
            return _COMPARE[operator](len(stored["M"]), int(wanted["N"]))
        if "S" in wanted:
            return bool(stored == wanted)
        return _COMPARE[operator](int(stored["N"]), int(wanted["N"]))

    def _find(self, path: str, item: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """Find the map that has the last name of a path."""
        *outer, last = (self._names[part] for part in path.split("."))
        for name in outer:
            if name not in item:
                return {}, last
            item = item[name]["M"]
        return item, last


def measure_item(item: Mapping[str, Any]) -> int:
    """Measure an item in bytes, as DynamoDB counts them for its units.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _measure(value) for name, value in item.items())


def _measure(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "N":  # about one byte for two digits, and one more
        return -(-len(content.strip("-").strip("0") or "0") // 2) + 1
    if kind == "S":
        return len(content.encode())
    assert kind == "M", kind
    return 3 + sum(1 + len(name.encode()) + _measure(each) for name, each in content.items())
