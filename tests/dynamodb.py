"""DynamoDB for the usage ledger: an in-memory table, and PartiQL that moto lacks."""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import ceil
from typing import Any

from botocore.exceptions import ClientError
from moto.dynamodb.exceptions import ConditionalCheckFailed, ResourceNotFoundException
from moto.dynamodb.models import DynamoDBBackend

from lambdas.adapters.dynamodb.usage_stream import read_change
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.ledger.stream import StreamRecord
from lambdas.domain.ledger.tampering import TamperedCall

_INSERTION = re.compile(r'INSERT INTO "([\w.-]{3,255})" VALUE \{(\'\w+\': \?(?:, \'\w+\': \?)*)\}')
_KEY = "pk"
BYTES_OF_A_WRITE_UNIT = 1024
BYTES_OF_A_READ_UNIT = 4096


def read_insertion(statement: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Read the table and the item of an INSERT whose values are parameters."""
    match = _INSERTION.fullmatch(statement["Statement"])
    assert match is not None, statement["Statement"]
    table, pairs = match.groups()
    names = re.findall(r"'(\w+)'", pairs)
    return table, dict(zip(names, statement["Parameters"], strict=True))


def insert_by_partiql(
    backend: DynamoDBBackend, statements: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Insert items into moto's tables, which knows no INSERT with parameters.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html
    """
    responses: list[dict[str, Any]] = []
    for statement in statements:
        table, item = read_insertion(statement)
        try:
            backend.put_item(table, item, condition_expression=f"attribute_not_exists({_KEY})")
            responses.append({"TableName": table})
        except ConditionalCheckFailed:
            responses.append({"TableName": table, "Error": {"Code": "DuplicateItem"}})
        except ResourceNotFoundException:
            responses.append({"Error": {"Code": "ResourceNotFound"}})
    return responses


class InMemoryDynamoDb:
    """One table with its stream, for the requests that the ledger makes.

    Attributes:
        items: By their keys.
        stream: The changes, as `metric_publisher` reads them.
        requests: The number of requests, by operation.
        write_units: The units that they consumed, failed conditions included.
        read_units: The units that consistent reads consumed.
        errors: Codes that the next statements get instead of being run.
        unread: The number of next keys that are left over, each once.
    """

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.stream: list[LedgerChange] = []
        self.errors: list[str | None] = []
        self.unread = 0
        self.reset_consumption()

    def reset_consumption(self) -> None:
        """Count requests and units from zero."""
        self.requests: Counter[str] = Counter()
        self.write_units = 0
        self.read_units = 0

    def batch_execute_statement(self, *, Statements: Sequence[Any]) -> dict[str, Any]:  # noqa: N803  # boto3's name
        assert 1 <= len(Statements) <= 25
        self.requests["BatchExecuteStatement"] += 1
        return {
            "Responses": [self._insert(read_insertion(statement)[1]) for statement in Statements]
        }

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803  # boto3's name
        self.requests["BatchGetItem"] += 1
        ((table, request),) = RequestItems.items()
        assert request["ConsistentRead"]
        assert 1 <= len(request["Keys"]) <= 100
        left, self.unread = request["Keys"][: self.unread], 0
        keys = [key[_KEY]["S"] for key in request["Keys"][len(left) :]]
        found = [copy.deepcopy(self.items[key]) for key in keys if key in self.items]
        self.read_units += sum(
            max(1, ceil(estimate_size(item) / BYTES_OF_A_READ_UNIT)) for item in found
        )
        unprocessed = {table: {"Keys": left}} if left else {}
        return {"Responses": {table: found}, "UnprocessedKeys": unprocessed}

    def put_item(self, **request: Any) -> None:
        self.requests["PutItem"] += 1
        item = request["Item"]
        before = self.items.get(item[_KEY]["S"])
        self.write_units += _write_units(
            item if before is None else max(item, before, key=estimate_size)
        )
        if not _holds(request, before or {}):
            error: Any = {"Error": {"Code": "ConditionalCheckFailedException"}}
            raise ClientError(error, "PutItem")
        self._store(item, before)

    def _insert(self, item: dict[str, Any]) -> dict[str, Any]:
        code = self.errors.pop(0) if self.errors else None
        if code is not None:
            return {"Error": {"Code": code}}
        self.write_units += _write_units(item)
        if item[_KEY]["S"] in self.items:
            return {"Error": {"Code": "DuplicateItem"}}
        self._store(item, None)
        return {"TableName": "ledger"}

    def _store(self, item: dict[str, Any], before: dict[str, Any] | None) -> None:
        assert estimate_size(item) <= 400 * 1024
        self.items[item[_KEY]["S"]] = copy.deepcopy(item)
        if item != before:
            images = {"NewImage": item, **({} if before is None else {"OldImage": before})}
            name = "INSERT" if before is None else "MODIFY"
            self.stream.append(read_own_change({"eventName": name, "dynamodb": images}))


def read_own_change(record: StreamRecord) -> LedgerChange:
    """Read a change by the meter, which is never tampering."""
    change = read_change(record, timedelta(0))
    assert not isinstance(change, TamperedCall)
    assert change.is_possible
    return change


def estimate_size(value: Any) -> int:
    """Estimate the bytes of an item: its names and its nested values.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    match value:
        case {"N": str(digits)} if len(value) == 1:
            return len(digits) // 2 + 2
        case {"S": str(text)} if len(value) == 1:
            return len(text.encode())
        case {"BOOL": bool()} if len(value) == 1:
            return 1
        case {"M": dict(inner)} | {"L": list(inner)} if len(value) == 1:
            return 3 + len(inner) + estimate_size(inner)
        case dict():
            return sum(len(name.encode()) + estimate_size(part) for name, part in value.items())
        case list():
            return sum(map(estimate_size, value))
    raise TypeError(value)


def _write_units(item: dict[str, Any]) -> int:
    return max(1, ceil(estimate_size(item) / BYTES_OF_A_WRITE_UNIT))


def _holds(request: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    """Say if a condition of equal and absent attributes holds."""
    names = request["ExpressionAttributeNames"]
    values = request["ExpressionAttributeValues"]
    for part in request["ConditionExpression"].split(" AND "):
        if match := re.fullmatch(r"attribute_not_exists\((#\w+)\)", part):
            if names[match[1]] in item:
                return False
            continue
        name, value = part.split(" = ")
        if item.get(names[name]) != values[value]:
            return False
    return True
