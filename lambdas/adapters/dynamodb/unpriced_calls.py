"""Notes in the ledger table of calls that were published without their cost."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING
from zlib import crc32

from lambdas.adapters.backoff import back_off
from lambdas.adapters.dynamodb.usage_item import call_key, from_item, to_item
from lambdas.adapters.dynamodb.usage_ledger import write_items
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger.table import (
    CALL_PREFIX,
    EXPIRES_AT,
    PARTITION_KEY,
    TURN_PREFIX,
    UNPRICED_INDEX,
    UNPRICED_KEY,
    UNPRICED_PREFIX,
    WAITING_PREFIX,
)
from lambdas.domain.ledger.unpriced_calls import (
    GROUP_RENEWAL,
    CallKey,
    PriceNeed,
    WaitingGroup,
    price_need,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from lambdas.adapters.dynamodb.usage_item import Item

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_MAX_READ_ITEMS = 100
_MAX_ATTEMPTS = 6
_LOCK = f"{TURN_PREFIX}unpriced"
_UNTIL = "until"
_LOCK_TIMEOUT = timedelta(minutes=15)  # as long as a function can run
_NOTE_RETENTION = timedelta(days=16)  # CloudWatch takes metrics of the last two weeks
_GROUP_RETENTION = _NOTE_RETENTION + timedelta(days=1)  # its calls are of one day
_GROUPS = "groups"
_SAMPLE = "sample"
_WRITTEN_AT = "written_at"
# One partition of an index takes 1,000 writes a second:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
_SHARDS = 16
_MAX_RENEWED_GROUPS = 10_000  # in the memory of one process


class NotesUnavailableError(Exception):
    """DynamoDB did not return all notes after several attempts. Asking again is safe."""


class DynamoDbUnpricedCalls:
    """A note is an item beside the call's; while the call waits, the index lists the note.

    The index spreads the notes of a group over several partitions, and lists the groups in one
    of their own, which is written to about once an hour by each process.
    """

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
            pause: Waits some seconds before unprocessed items are requested again.
        """
        self._client = client
        self._table_name = table_name
        self._pause = pause
        self._renewed: dict[str, datetime] = {}

    def acquire_lock(self, now: datetime) -> bool:
        """Acquire the lock of whoever publishes missing cost; `False` while another run has it.

        The lock of a run that was cut off holds for as long as a function can run.
        """
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item={
                    PARTITION_KEY: {"S": _LOCK},
                    _UNTIL: _seconds(now + _LOCK_TIMEOUT),
                },
                ConditionExpression=f"attribute_not_exists({PARTITION_KEY}) OR #until <= :now",
                ExpressionAttributeNames={"#until": _UNTIL},
                ExpressionAttributeValues={":now": _seconds(now)},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def release_lock(self) -> None:
        """Release the lock."""
        self._client.delete_item(TableName=self._table_name, Key={PARTITION_KEY: {"S": _LOCK}})

    def write(self, records: Sequence[UsageRecord], now: datetime) -> None:
        """Note calls, which wait for a price from then on.

        A group that this process wrote a moment ago is not written again.

        Raises:
            LedgerUnavailableError: Some groups or notes were not written.
        """
        groups = [WaitingGroup(_group_name(price_need(record)), record) for record in records]
        old = {group.name: group for group in groups if not self._is_renewed(group.name, now)}
        self._write([_group(group, now) for group in old.values()])
        if len(self._renewed) >= _MAX_RENEWED_GROUPS:
            self._renewed.clear()
        self._renewed.update(dict.fromkeys(old, now))
        self._write([_note(group.sample, waiting_in=group.name) for group in groups])

    def get_noted(self, records: Sequence[UsageRecord]) -> frozenset[CallKey]:
        """Get the keys of those calls that were noted, whether or not they are priced by now.

        Raises:
            NotesUnavailableError: DynamoDB was too busy at every attempt.
        """
        return frozenset(key for key, _ in self._read_notes(records))

    def get_waiting(self, records: Sequence[UsageRecord]) -> frozenset[CallKey]:
        """Get the keys of those calls that were noted and still wait for a price.

        Raises:
            NotesUnavailableError: DynamoDB was too busy at every attempt.
        """
        return frozenset(key for key, note in self._read_notes(records) if UNPRICED_KEY in note)

    def get_groups(self) -> Sequence[WaitingGroup]:
        """Get the groups that calls may wait in.

        Raises:
            NotesUnavailableError: DynamoDB was too busy at every attempt.
        """
        return [
            WaitingGroup(
                item[PARTITION_KEY]["S"].removeprefix(WAITING_PREFIX),
                from_item(dict(item[_SAMPLE]["M"])),
            )
            for item in self._read(list(self._list_keys(_GROUPS)))
        ]

    def scan_group(self, group: WaitingGroup) -> Iterator[Sequence[UsageRecord]]:
        """Read the calls of a group that still wait, as the ledger has them, batch by batch.

        The index follows its table a moment later, so that the notes themselves decide.
        Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html

        Raises:
            NotesUnavailableError: DynamoDB was too busy at every attempt.
        """
        keys = (
            key
            for shard in range(_SHARDS)
            for key in self._list_keys(_shard_key(group.name, shard))
        )
        while batch := list(islice(keys, _MAX_READ_ITEMS)):
            calls = [
                CALL_PREFIX + note[PARTITION_KEY]["S"].removeprefix(UNPRICED_PREFIX)
                for note in self._read(batch)
                if UNPRICED_KEY in note
            ]
            yield [from_item(item) for item in self._read(calls)]

    def mark_priced(self, records: Sequence[UsageRecord]) -> None:
        """Let calls wait no longer: their cost was published, or cannot be any more.

        Raises:
            LedgerUnavailableError: Some notes were not written.
        """
        self._write([_note(record) for record in records])

    def delete_group(self, group: WaitingGroup, written_before: datetime) -> None:
        """Delete a group in which no call waits, unless a writer renewed it since a time."""
        try:
            self._client.delete_item(
                TableName=self._table_name,
                Key={PARTITION_KEY: {"S": WAITING_PREFIX + group.name}},
                ConditionExpression="#written < :before",
                ExpressionAttributeNames={"#written": _WRITTEN_AT},
                ExpressionAttributeValues={":before": _seconds(written_before)},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def _is_renewed(self, group_name: str, now: datetime) -> bool:
        renewed_at = self._renewed.get(group_name)
        return renewed_at is not None and now - renewed_at < GROUP_RENEWAL

    def _list_keys(self, index_key: str) -> Iterator[str]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            IndexName=UNPRICED_INDEX,
            KeyConditionExpression=f"{UNPRICED_KEY} = :key",
            ExpressionAttributeValues={":key": {"S": index_key}},
        )
        return (item[PARTITION_KEY]["S"] for page in pages for item in page["Items"])

    def _read_notes(self, records: Sequence[UsageRecord]) -> Iterator[tuple[CallKey, Item]]:
        keys = {_note_key(record): record.key for record in records}
        return ((keys[note[PARTITION_KEY]["S"]], note) for note in self._read(list(keys)))

    def _write(self, items: Sequence[Item]) -> None:
        write_items(self._client, self._table_name, items, self._pause)

    def _read(self, keys: Sequence[str]) -> Iterator[Item]:
        remaining = iter(keys)
        while batch := list(islice(remaining, _MAX_READ_ITEMS)):
            asked = [{PARTITION_KEY: {"S": key}} for key in batch]
            for attempt in range(_MAX_ATTEMPTS):
                back_off(attempt, self._pause)
                answer = self._client.batch_get_item(
                    RequestItems={self._table_name: {"Keys": asked, "ConsistentRead": True}}
                )
                yield from answer["Responses"].get(self._table_name, [])
                left = answer["UnprocessedKeys"].get(self._table_name)
                if left is None:
                    break
                asked = [{PARTITION_KEY: {"S": key[PARTITION_KEY]["S"]}} for key in left["Keys"]]
            else:
                message = f"{len(asked)} items were not read from {self._table_name}"
                raise NotesUnavailableError(message)


def _group(group: WaitingGroup, now: datetime) -> Item:
    return {
        PARTITION_KEY: {"S": WAITING_PREFIX + group.name},
        UNPRICED_KEY: {"S": _GROUPS},
        EXPIRES_AT: _seconds(group.sample.timestamp + _GROUP_RETENTION),
        _WRITTEN_AT: _seconds(now),
        _SAMPLE: {"M": to_item(group.sample, _GROUP_RETENTION)},
    }


def _note(record: UsageRecord, *, waiting_in: str | None = None) -> Item:
    note: Item = {
        PARTITION_KEY: {"S": _note_key(record)},
        EXPIRES_AT: _seconds(record.timestamp + _NOTE_RETENTION),
    }
    if waiting_in is not None:
        shard = crc32(call_key(record).encode()) % _SHARDS
        note[UNPRICED_KEY] = {"S": _shard_key(waiting_in, shard)}
    return note


def _note_key(record: UsageRecord) -> str:
    return UNPRICED_PREFIX + call_key(record)


def _group_name(need: PriceNeed) -> str:
    """A name of bounded length that differs for every other need."""
    return hashlib.sha256(json.dumps(need, default=str).encode()).hexdigest()


def _shard_key(group_name: str, shard: int) -> str:
    return f"{group_name}#{shard}"


def _seconds(moment: datetime) -> AttributeValueTypeDef:
    return {"N": str(int(moment.timestamp()))}
