"""Items of one table: read and written alone, in batches, and on conditions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from botocore.exceptions import ClientError

from lambdas.adapters.backoff import back_off
from lambdas.adapters.refusals import error_code
from lambdas.domain.ledger.table import PARTITION_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        PutItemInputTypeDef,
        TransactWriteItemTypeDef,
        WriteRequestUnionTypeDef,
    )

    Item: TypeAlias = dict[str, AttributeValueTypeDef]

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_MAX_WRITES = 25
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
MAX_READS = 100
MAX_ATTEMPTS = 6
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html
_LOST_RACES = frozenset({"ConditionalCheckFailedException", "TransactionConflictException"})
_REFUSED = "ConditionalCheckFailed"
_BUSY = frozenset(
    {
        *("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"),
        *("RequestLimitExceeded", "None"),
    }
)
"""Reasons that go away, and the reason of an action that was not the cause. Source:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
_Part = TypeVar("_Part")


class TableUnavailableError(Exception):
    """DynamoDB was too busy at every attempt. Asking again is safe."""


class DynamoDbTable:
    """A table. Reads by key are consistent, and what DynamoDB leaves over is requested again."""

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Read and write a table.

        Args:
            client: A DynamoDB client.
            table_name: The table.
            pause: Waits some seconds before a request is tried again.
        """
        self._client = client
        self._table_name = table_name
        self._pause = pause

    def _get_item(self, key: Item) -> Item | None:
        answer = self._client.get_item(TableName=self._table_name, Key=key, ConsistentRead=True)
        return answer.get("Item")

    def _get_batch(self, keys: Sequence[Item]) -> tuple[list[Item], list[Item]]:
        """Get up to `MAX_READS` items in one request, and the keys that DynamoDB left over."""
        answer = self._client.batch_get_item(
            RequestItems={self._table_name: {"Keys": keys, "ConsistentRead": True}}
        )
        left = answer["UnprocessedKeys"].get(self._table_name, {"Keys": []})["Keys"]
        return answer["Responses"].get(self._table_name, []), [dict(key) for key in left]

    def _get_items(self, keys: Iterable[Item]) -> Iterator[Item]:
        """Get those items that exist, batch by batch.

        Raises:
            TableUnavailableError: Some items were not read.
        """
        for batch in batches(keys, MAX_READS):
            left = batch
            for attempt in range(MAX_ATTEMPTS):
                back_off(attempt, self._pause)
                items, left = self._get_batch(left)
                yield from items
                if not left:
                    break
            else:
                message = f"{len(left)} items were not read from {self._table_name}"
                raise TableUnavailableError(message)

    def _write_all(self, actions: Sequence[TransactWriteItemTypeDef]) -> list[bool]:
        """Write all or nothing; returns which actions' conditions failed, nothing if none did.

        A conflict with another transaction, or a throttled one, is tried again.

        Raises:
            TableUnavailableError: It was refused at every attempt.
        """
        codes: Sequence[str] = ()
        for attempt in range(MAX_ATTEMPTS):
            back_off(attempt, self._pause)
            try:
                self._client.transact_write_items(TransactItems=actions)
            except self._client.exceptions.TransactionCanceledException as error:
                reasons = error.response["CancellationReasons"]
                codes = [reason.get("Code", "None") for reason in reasons]
                if _REFUSED in codes:
                    return [code == _REFUSED for code in codes]
                if not _BUSY.issuperset(codes):
                    raise
            else:
                return []
        message = f"{self._table_name}: {', '.join(sorted({*codes} - {'None'}))} at every attempt"
        raise TableUnavailableError(message)


class TableItems(DynamoDbTable):
    """The items of a table whose key is `PARTITION_KEY` alone."""

    def get(self, key: str) -> Item | None:
        """Get an item; `None` if it does not exist."""
        return self._get_item(make_key(key))

    def get_batch(self, keys: Sequence[str]) -> tuple[dict[str, Item], frozenset[str]]:
        """Get up to `MAX_READS` items in one request.

        Returns:
            The items that exist, by their keys, and the keys that DynamoDB left over.
        """
        items, left = self._get_batch([make_key(key) for key in keys])
        return {read_key(item): item for item in items}, frozenset(map(read_key, left))

    def get_all(self, keys: Iterable[str]) -> Iterator[Item]:
        """Get those items that exist, batch by batch.

        Raises:
            TableUnavailableError: Some items were not read.
        """
        return self._get_items(map(make_key, keys))

    def put(self, item: Item) -> None:
        """Put an item, in place of any that is there."""
        self._client.put_item(TableName=self._table_name, Item=item)

    def put_if(
        self,
        condition: str,
        item: Item,
        *,
        values: Item | None = None,
        names: Mapping[str, str] | None = None,
    ) -> bool:
        """Put an item where a condition holds; `False` where it does not.

        Args:
            condition: The condition's expression.
            item: The item.
            values: The values of the placeholders in the expression.
            names: The names of the placeholders in it.
        """
        request: PutItemInputTypeDef = {
            "TableName": self._table_name,
            "Item": item,
            "ConditionExpression": condition,
        }
        if values:
            request["ExpressionAttributeValues"] = values
        if names:
            request["ExpressionAttributeNames"] = names
        return _is_written(lambda: self._client.put_item(**request))

    def delete(self, key: str) -> None:
        """Delete an item, if there is one."""
        self._client.delete_item(TableName=self._table_name, Key=make_key(key))

    def delete_if(self, condition: str, key: str, *, values: Item) -> bool:
        """Delete an item where a condition holds; `False` where it does not."""
        return _is_written(
            lambda: self._client.delete_item(
                TableName=self._table_name,
                Key=make_key(key),
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
        )

    def list_keys(self, index: str, attribute: str, text: str) -> Iterator[str]:
        """List the keys of the items that an index has under a text; it is a moment behind.

        Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
        """
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            IndexName=index,
            KeyConditionExpression=f"{attribute} = :key",
            ExpressionAttributeValues={":key": {"S": text}},
        )
        return (read_key(item) for page in pages for item in page["Items"])

    def put_all(self, items: Iterable[Item]) -> None:
        """Put items of different keys in batches; request unprocessed items again.

        Raises:
            TableUnavailableError: Some items were not written.
        """
        for batch in batches(items, _MAX_WRITES):
            requests: Sequence[WriteRequestUnionTypeDef] = [
                {"PutRequest": {"Item": item}} for item in batch
            ]
            for attempt in range(MAX_ATTEMPTS):
                back_off(attempt, self._pause)
                response = self._client.batch_write_item(RequestItems={self._table_name: requests})
                requests = response["UnprocessedItems"].get(self._table_name, [])
                if not requests:
                    break
            else:
                message = f"{len(requests)} items were not written to {self._table_name}"
                raise TableUnavailableError(message)


def _is_written(write: Callable[[], object]) -> bool:
    """Write; `False` where the condition does not hold, or another writer is in the way."""
    try:
        write()
    except ClientError as error:
        if error_code(error) in _LOST_RACES:
            return False
        raise
    return True


def make_key(key: str) -> Item:
    """The key of an item, as DynamoDB takes it."""
    return {PARTITION_KEY: {"S": key}}


def read_key(item: Mapping[str, AttributeValueTypeDef]) -> str:
    """Read the key of an item."""
    return item[PARTITION_KEY]["S"]


def batches(parts: Iterable[_Part], size: int) -> Iterator[list[_Part]]:
    """Cut parts into lists of one size; the last one may be shorter."""
    remaining = iter(parts)
    while batch := list(islice(remaining, size)):
        yield batch
