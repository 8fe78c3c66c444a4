"""The operations of DynamoDB that the meter's adapters call, with the faults that each can have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from lambdas.domain.ledger.table import PARTITION_KEY
from tests.simulation.cloud.errors import (
    CONFLICT,
    THROTTLED,
    UNAVAILABLE,
    ConditionalCheckFailedError,
    ResourceNotFoundError,
    TransactionCanceledError,
    TransactionConflictError,
    canceled,
    condition_failed,
    lost_answer,
    refused,
)
from tests.simulation.cloud.expressions import Item, holds, updated
from tests.simulation.cloud.table import Table
from tests.simulation.faults import Fault
from tests.simulation.world import START, World

_INSERT = re.compile(r'INSERT INTO "(?P<table>[^"]+)" VALUE \{(?P<pairs>.*)\}')
_NAME = re.compile(r"'([^']+)': \?")
_PAGE = 25
_THROTTLED_SHARE = 0.03
_LOST_SHARE = 0.08
_CONFLICT_SHARE = 0.1
_LEFT_SHARE = 0.3
_SDK_RETRY_SHARE = 0.5


class SimulatedDynamoDb:
    """A client of DynamoDB over tables in memory.

    Attributes:
        tables: The tables by name.
        exceptions: The errors of the client, as boto3 has them.
    """

    exceptions = SimpleNamespace(
        ConditionalCheckFailedException=ConditionalCheckFailedError,
        TransactionCanceledException=TransactionCanceledError,
        TransactionConflictException=TransactionConflictError,
        ResourceNotFoundException=ResourceNotFoundError,
    )

    def __init__(self, world: World, tables: Mapping[str, Table]) -> None:
        self._world, self.tables = world, tables

    # reads

    def describe_table(self, *, TableName: str) -> Any:
        assert TableName in self.tables
        return self._request("DescribeTable", lambda: {"Table": {"CreationDateTime": START}})

    def get_item(self, *, TableName: str, Key: Item, **_options: Any) -> Any:
        item = self._request("GetItem", lambda: self.tables[TableName].get(Key))
        return {} if item is None else {"Item": item}

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> Any:
        ((name, request),) = RequestItems.items()
        table, keys = self.tables[name], list(request["Keys"])

        def read() -> Any:
            left = self._left_over(len(keys))
            found = [table.get(key) for key in keys[left:]]
            unread = {name: {"Keys": keys[:left]}} if left else {}
            items = [item for item in found if item is not None]
            return {"Responses": {name: items}, "UnprocessedKeys": unread}

        return self._request("BatchGetItem", read)

    def scan(self, *, TableName: str, ExclusiveStartKey: Item | None = None, **request: Any) -> Any:
        def read() -> Any:
            table, page = self.tables[TableName], list[Item]()
            for item in table.scan(ExclusiveStartKey):
                if len(page) == _PAGE:
                    return {"Items": self._filter(page, request), "LastEvaluatedKey": page[-1]}
                page.append(item)
            return {"Items": self._filter(page, request)}

        return self._request("Scan", read)

    def query(self, *, TableName: str, KeyConditionExpression: str, **request: Any) -> Any:
        def read() -> Any:
            names, values = _names_and_values(request)
            found = [
                item
                for item in self._list_items(TableName, KeyConditionExpression, names, values)
                if holds(KeyConditionExpression, item, names, values)
            ]
            if not request.get("ScanIndexForward", True):
                found.reverse()
            found = found[: request.get("Limit")]
            return {"Items": self._filter(found, request), "Count": len(found)}

        return self._request("Query", read)

    def _list_items(
        self, table_name: str, condition: str, names: Mapping[str, str], values: Mapping[str, Any]
    ) -> Iterable[Item]:
        """List items that a condition may choose: those of its partition, or for an index all."""
        name, _, operand = condition.split(" AND ", maxsplit=1)[0].partition(" = ")
        if names.get(name, name) != PARTITION_KEY:
            return self.tables[table_name].scan(None)
        (partition,) = values[operand].values()
        return self.tables[table_name].list_partition(partition)

    def get_paginator(self, operation: str) -> Any:
        """Make a paginator. Only a scan has several pages."""

        def paginate(**request: Any) -> Iterator[Any]:
            page = getattr(self, operation)(**request)
            yield page
            while last := page.get("LastEvaluatedKey"):
                page = getattr(self, operation)(**request, ExclusiveStartKey=last)
                yield page

        return SimpleNamespace(paginate=paginate)

    # writes

    def put_item(self, *, TableName: str, Item: Item, **request: Any) -> Any:
        return self._write_one("PutItem", TableName, Item, lambda _: Item, request)

    def delete_item(self, *, TableName: str, Key: Item, **request: Any) -> Any:
        return self._write_one("DeleteItem", TableName, Key, lambda _: None, request)

    def update_item(
        self,
        *,
        TableName: str,
        Key: Item,
        UpdateExpression: str,
        **request: Any,
    ) -> Any:
        def change(item: Item | None) -> Item:
            return updated(UpdateExpression, item or Key, *_names_and_values(request))

        return self._write_one("UpdateItem", TableName, Key, change, request)

    def batch_write_item(self, *, RequestItems: Mapping[str, Any]) -> Any:
        ((name, requests),) = RequestItems.items()

        def write() -> Any:
            left = self._left_over(len(requests))
            for request in requests[left:]:
                if "PutRequest" in request:
                    item = request["PutRequest"]["Item"]
                    self.tables[name].write(item, item)
                else:
                    self.tables[name].write(request["DeleteRequest"]["Key"], None)
            return {"UnprocessedItems": {name: list(requests[:left])} if left else {}}

        return self._request("BatchWriteItem", write)

    def batch_execute_statement(self, *, Statements: Sequence[Any]) -> Any:
        """Insert items; each succeeds or fails by itself."""
        return self._request(
            "BatchExecuteStatement",
            lambda: {"Responses": [self._insert(statement) for statement in Statements]},
        )

    def transact_write_items(self, *, TransactItems: Sequence[Any], **_options: Any) -> Any:
        """Carry out all actions, or none. The SDK repeats a request with its token: once in all."""
        return self._request(
            "TransactWriteItems", lambda: self._transact(TransactItems), has_token=True
        )

    # parts

    def _write_one(
        self,
        operation: str,
        table_name: str,
        key: Item,
        change: Callable[[Item | None], Item | None],
        request: Mapping[str, Any],
    ) -> Any:
        table = self.tables[table_name]

        def write() -> Any:
            item = table.get(key)
            if table.has_conflicts and "ConditionExpression" in request and self._conflicts():
                raise refused(CONFLICT, operation)
            condition = request.get("ConditionExpression")
            if not holds(condition, item, *_names_and_values(request)):
                is_wanted = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
                raise condition_failed(operation, item if is_wanted else None)
            changed = change(item)
            table.write(key, changed)
            return {"Attributes": changed} if request.get("ReturnValues") == "ALL_NEW" else {}

        return self._request(operation, write)

    def _insert(self, statement: Any) -> Any:
        if self._world.strikes(Fault.THROTTLES, _THROTTLED_SHARE):
            return {"Error": {"Code": "ThrottlingError", "Message": "simulated"}}
        if self._conflicts():
            return {"Error": {"Code": "TransactionConflict", "Message": "simulated"}}
        parsed = _INSERT.fullmatch(statement["Statement"])
        if parsed is None:
            message = f"the simulation does not know the statement {statement['Statement']!r}"
            raise ValueError(message)
        names = _NAME.findall(parsed["pairs"])
        item = dict(zip(names, statement["Parameters"], strict=True))
        table = self.tables[parsed["table"]]
        if table.get(item) is not None:
            return {"Error": {"Code": "DuplicateItem", "Message": "simulated"}}
        table.write(item, item)
        return {}

    def _transact(self, actions: Sequence[Any]) -> Any:
        codes = ["None"] * len(actions)
        if self._conflicts():
            codes[self._world.random.randrange(len(actions))] = "TransactionConflict"
            raise canceled(codes)
        if self._world.strikes(Fault.THROTTLES, _THROTTLED_SHARE):
            codes[self._world.random.randrange(len(actions))] = "ThrottlingError"
            raise canceled(codes)
        changes: list[tuple[Table, Item, Item | None]] = []
        for place, action in enumerate(actions):
            ((kind, request),) = action.items()
            key = request["Item"] if kind == "Put" else request["Key"]
            table, context = self.tables[request["TableName"]], _names_and_values(request)
            item = table.get(key)
            if not holds(request.get("ConditionExpression"), item, *context):
                codes[place] = "ConditionalCheckFailed"
            elif kind == "Update":
                after = updated(request["UpdateExpression"], item or key, *context)
                changes.append((table, key, after))
            elif kind != "ConditionCheck":
                changes.append((table, key, key if kind == "Put" else None))
        if set(codes) != {"None"}:
            raise canceled(codes)
        for table, key, changed in changes:
            table.write(key, changed)
        return {}

    def _filter(self, items: Sequence[Item], request: Mapping[str, Any]) -> list[Item]:
        context = _names_and_values(request)
        return [item for item in items if holds(request.get("FilterExpression"), item, *context)]

    def _conflicts(self) -> bool:
        return self._world.strikes(Fault.TRANSACTION_CONFLICTS, _CONFLICT_SHARE)

    def _left_over(self, size: int) -> int:
        """The number of entries of a batch that DynamoDB leaves."""
        if not self._world.strikes(Fault.UNPROCESSED_ITEMS, _LEFT_SHARE):
            return 0
        return self._world.random.randint(1, size)

    def _request(
        self, operation: str, action: Callable[[], Any], *, has_token: bool = False
    ) -> Any:
        """Carry out a request: an effect, before and after which the process may die."""
        world = self._world
        world.effect()
        if world.is_outage:
            raise refused(UNAVAILABLE, operation)
        if world.strikes(Fault.THROTTLES, _THROTTLED_SHARE):
            raise refused(THROTTLED, operation)
        answer = action()
        if world.strikes(Fault.LOST_ANSWERS, _LOST_SHARE):
            if world.random.random() >= _SDK_RETRY_SHARE:
                raise lost_answer()
            answer = answer if has_token else action()
        world.effect()
        return answer


def _names_and_values(request: Mapping[str, Any]) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    return (
        request.get("ExpressionAttributeNames", {}),
        request.get("ExpressionAttributeValues", {}),
    )
