"""Notes in the ledger table of calls that were published without their cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from lambdas.adapters.backoff import back_off
from lambdas.adapters.dynamodb_usage_item import call_key, from_item
from lambdas.adapters.dynamodb_usage_ledger import write_items
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.metering.ledger_table import (
    CALL_PREFIX,
    EXPIRES_AT,
    PARTITION_KEY,
    TURN_PREFIX,
    UNPRICED_INDEX,
    UNPRICED_MODEL,
    UNPRICED_PREFIX,
)
from lambdas.domain.metering.unpriced_calls import CallKey

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.adapters.dynamodb_usage_item import Item

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_LARGEST_READ = 100
_TRIES = 6
_TURN = f"{TURN_PREFIX}unpriced"
_UNTIL = "until"
_LONGEST_TURN = timedelta(minutes=15)  # as long as a function can run
_LONGEST_MODEL = 512  # an index's key holds 2,048 bytes
_KEPT = timedelta(days=16)  # after two weeks CloudWatch takes no metric of a call any more


class NotesUnavailableError(Exception):
    """DynamoDB did not give all notes, however often it was asked. Asking again is safe."""


class DynamoDbUnpricedCalls:
    """A note is an item beside the call's; while it waits for a price, an index has it."""

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Keep the notes in a table.

        Args:
            client: A DynamoDB client.
            table_name: The ledger table.
            pause: Waits some seconds before what was left over is asked for again.
        """
        self._client = client
        self._table_name = table_name
        self._pause = pause

    def begin(self, now: datetime) -> bool:
        """Begin to publish what is waiting; `False` while somebody else is at it.

        Whoever began and never ended is waited for as long as a function can run.
        """
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item={
                    PARTITION_KEY: {"S": _TURN},
                    _UNTIL: {"N": str(int((now + _LONGEST_TURN).timestamp()))},
                },
                ConditionExpression=f"attribute_not_exists({PARTITION_KEY}) OR #until <= :now",
                ExpressionAttributeNames={"#until": _UNTIL},
                ExpressionAttributeValues={":now": {"N": str(int(now.timestamp()))}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def end(self) -> None:
        """Let others begin."""
        self._client.delete_item(TableName=self._table_name, Key={PARTITION_KEY: {"S": _TURN}})

    def remember(self, records: Sequence[UsageRecord]) -> None:
        """Note calls, which wait for a price from then on.

        Raises:
            LedgerUnavailableError: Some notes were not written.
        """
        self._write([_note(it, is_waiting=True) for it in records])

    def remembered(self, records: Sequence[UsageRecord]) -> frozenset[CallKey]:
        """Which of some calls were noted, whether or not their cost was published since.

        Raises:
            NotesUnavailableError: DynamoDB was too busy every time.
        """
        by_note = {_note_key(it): it.key for it in records}
        return frozenset(by_note[item[PARTITION_KEY]["S"]] for item in self._read(list(by_note)))

    def waiting(
        self, is_wanted: Callable[[str], bool] = lambda _: True
    ) -> Iterator[Sequence[UsageRecord]]:
        """The calls whose cost was not published yet, as the ledger has them, batch by batch.

        The index follows its table a moment later, so the notes themselves decide.
        Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html

        Args:
            is_wanted: Asked for each call, by its model; the others are not read.

        Raises:
            NotesUnavailableError: DynamoDB was too busy every time.
        """
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table_name, IndexName=UNPRICED_INDEX
        )
        keys = (
            item[PARTITION_KEY]["S"]
            for page in pages
            for item in page["Items"]
            if is_wanted(item[UNPRICED_MODEL]["S"])
        )
        while batch := list(islice(keys, _LARGEST_READ)):
            notes = [it for it in self._read(batch) if UNPRICED_MODEL in it]
            calls = [
                CALL_PREFIX + it[PARTITION_KEY]["S"].removeprefix(UNPRICED_PREFIX) for it in notes
            ]
            yield [from_item(it) for it in self._read(calls)]

    def settle(self, records: Sequence[UsageRecord]) -> None:
        """Let calls wait no longer: their cost was published, or cannot be any more.

        Raises:
            LedgerUnavailableError: Some notes were not written.
        """
        self._write([_note(it, is_waiting=False) for it in records])

    def _write(self, items: Sequence[Item]) -> None:
        write_items(self._client, self._table_name, items, self._pause)

    def _read(self, keys: Sequence[str]) -> Iterator[Item]:
        remaining = iter(keys)
        while batch := list(islice(remaining, _LARGEST_READ)):
            asked = [{PARTITION_KEY: {"S": key}} for key in batch]
            for attempt in range(_TRIES):
                back_off(attempt, self._pause)
                answer = self._client.batch_get_item(
                    RequestItems={self._table_name: {"Keys": asked, "ConsistentRead": True}}
                )
                yield from answer["Responses"].get(self._table_name, [])
                left = answer["UnprocessedKeys"].get(self._table_name)
                if left is None:
                    break
                asked = [{PARTITION_KEY: {"S": it[PARTITION_KEY]["S"]}} for it in left["Keys"]]
            else:
                message = f"{len(asked)} items were not read from {self._table_name}"
                raise NotesUnavailableError(message)


def _note(record: UsageRecord, *, is_waiting: bool) -> Item:
    expires_at = int((record.timestamp + _KEPT).timestamp())
    note: Item = {PARTITION_KEY: {"S": _note_key(record)}, EXPIRES_AT: {"N": str(expires_at)}}
    if is_waiting:
        note[UNPRICED_MODEL] = {"S": record.model_id[:_LONGEST_MODEL]}
    return note


def _note_key(record: UsageRecord) -> str:
    return UNPRICED_PREFIX + call_key(record)
