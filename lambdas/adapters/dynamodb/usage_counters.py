"""Stores counters in a table: cells and accumulators are added to, all of a chunk or nothing."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from lambdas.adapters.dynamodb.counter_items import (
    NUMBER,
    REVISION,
    cell_update,
    changed_hour_item,
    checkpoint_item,
    mark_item,
    mark_key,
    missed_item,
    read_checkpoint,
    read_mark,
    single_key,
    state_item,
    sum_update,
    write_number,
)
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.adapters.dynamodb.items import TableItems, read_key
from lambdas.adapters.dynamodb.usage_item import call_key, from_item
from lambdas.adapters.dynamodb.usage_ledger import unchanged_condition
from lambdas.domain.counters import (
    AlreadyCountedError,
    Checkpoint,
    Chunk,
    CountingState,
    Mark,
    MarkedMeanwhileError,
    StateChangedError,
    Sums,
)
from lambdas.domain.counters.table import CHECKPOINT_PREFIX, RECOUNT_WRITER
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import CallKey
from lambdas.domain.ledger.table import PARTITION_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from lambdas.adapters.dynamodb.items import Item

_Condition: TypeAlias = dict[str, Any]
_ABSENT = f"attribute_not_exists({PARTITION_KEY})"


class DynamoDbUsageCounters(DynamoDbCounters):
    """Counters in one table, and marks of calls that another one holds."""

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        ledger_table: str,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Store counters in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table of counters.
            ledger_table: The table of calls.
            pause: Waits some seconds before a transaction is tried again.
        """
        super().__init__(client, table_name, pause)
        self._ledger_table = ledger_table
        self._ledger = TableItems(client, ledger_table, pause)

    def write_state(self, state: CountingState) -> None:
        """Write the state, whose revision is that of the one it replaces and one more.

        Raises:
            StateChangedError: The stored state has another revision.
        """
        is_first = state.revision == 1
        try:
            if is_first:
                self._client.put_item(
                    TableName=self._table_name, Item=state_item(state), ConditionExpression=_ABSENT
                )
            else:
                self._client.put_item(
                    TableName=self._table_name,
                    Item=state_item(state),
                    ConditionExpression=f"{REVISION} = :before",
                    ExpressionAttributeValues={":before": {"N": str(state.revision - 1)}},
                )
        except self._client.exceptions.ConditionalCheckFailedException:
            raise StateChangedError(state.revision) from None

    def read_checkpoint(self, shard: str) -> Checkpoint:
        """Read the place up to which a shard is counted."""
        item = self._get(CHECKPOINT_PREFIX + shard)
        return Checkpoint() if item is None else read_checkpoint(item)

    def read_marks(
        self, records: Sequence[UsageRecord], recounts: Collection[int]
    ) -> Mapping[CallKey, Mapping[int, Mark]]:
        """Read the marks of calls by the numbers of recounts; a call without one is left out.

        Raises:
            CountersUnavailableError: DynamoDB was too busy at every attempt.
        """
        wanted = {
            mark_key(recount, record): (record.key, recount)
            for record in records
            for recount in recounts
        }
        found: defaultdict[CallKey, dict[int, Mark]] = defaultdict(dict)
        for item in self._get_each(map(single_key, wanted)):
            call, recount = wanted[read_key(item)]
            found[call][recount] = read_mark(item)
        return dict(found)

    def commit(self, chunk: Chunk) -> None:
        """Add a chunk, with its checkpoint and marks: all of it or nothing.

        Raises:
            AlreadyCountedError: The checkpoint is not below the chunk, or not the one it replaces.
            MarkedMeanwhileError: One of its calls has a mark.
            CountersUnavailableError: Others were in the way every time.
        """
        item = checkpoint_item(chunk.shard, chunk.reached, chunk.counted_at)
        condition = _expect_checkpoint(chunk.first, chunk.replaces)
        put: Any = {"TableName": self._table_name, "Item": item} | condition
        self._add({"Put": put}, chunk)

    def commit_missed(self, chunk: Chunk) -> None:
        """Add a chunk of one change that lies in a gap, once; the checkpoint stays.

        Raises:
            AlreadyCountedError: It was added before.
            MarkedMeanwhileError: The call has a mark.
            CountersUnavailableError: Others were in the way every time.
        """
        self._add(self._new_mark(missed_item(chunk.shard, chunk.first, chunk.counted_at)), chunk)

    def _add(self, checkpoint: TransactWriteItemTypeDef, chunk: Chunk) -> None:
        """Add a chunk, unless its checkpoint is refused or one of its calls has a mark."""
        marks = [
            self._new_mark(mark_item(mark.recount, mark.record, Mark(None), chunk.counted_at))
            for mark in chunk.marks
        ]
        additions = self._additions(chunk.generation, chunk.sums, chunk.shard, chunk.counted_at)
        refused = self._write([checkpoint, *marks, *additions])
        if refused and refused[0]:
            raise AlreadyCountedError(chunk.shard)
        if any(refused):
            raise MarkedMeanwhileError(chunk.shard)

    def commit_recount(
        self,
        generation: int,
        recount: int,
        records: Sequence[UsageRecord],
        sums: Sums,
        now: datetime,
    ) -> None:
        """Mark calls as they stand, and add sums: all of it or nothing.

        Raises:
            MarkedMeanwhileError: A call has a mark, or the ledger has it in another state.
            CountersUnavailableError: Others were in the way every time.
        """
        stored = self._read_ledger(records)
        for record in records:
            if _read_call(stored.get(call_key(record))) != record:
                raise MarkedMeanwhileError(record.request_id)
        checks = [self._unchanged(stored[call_key(record)]) for record in records]
        marks = [
            self._new_mark(mark_item(recount, record, Mark(record), now)) for record in records
        ]
        additions = self._additions(generation, sums, RECOUNT_WRITER, now)
        if any(self._write([*checks, *marks, *additions])):
            raise MarkedMeanwhileError(recount)

    def read_calls(self, records: Sequence[UsageRecord]) -> Sequence[UsageRecord]:
        """Read calls as the ledger has them now; those that it has no more are left out."""
        calls = map(_read_call, self._read_ledger(records).values())
        return [call for call in calls if call is not None]

    def _additions(
        self, generation: int, sums: Sums, writer: str, now: datetime
    ) -> list[TransactWriteItemTypeDef]:
        cells: list[TransactWriteItemTypeDef] = [
            {"Update": cell_update(self._table_name, generation, cell, noted)}
            for cell, noted in sums.list_cells()
        ]
        accumulators: list[TransactWriteItemTypeDef] = [
            {"Update": sum_update(self._table_name, generation, key, totals)}
            for key, totals in sums.accumulators.items()
        ]
        notes: list[TransactWriteItemTypeDef] = [
            {"Put": {"TableName": self._table_name, "Item": changed_hour_item(hour, writer, now)}}
            for hour in sorted(sums.hours)
        ]
        return cells + accumulators + notes

    def _new_mark(self, item: Item) -> TransactWriteItemTypeDef:
        return {
            "Put": {"TableName": self._table_name, "Item": item, "ConditionExpression": _ABSENT},
        }

    def _unchanged(self, item: Item) -> TransactWriteItemTypeDef:
        condition = unchanged_condition(item)
        return {
            "ConditionCheck": {
                "TableName": self._ledger_table,
                "Key": {PARTITION_KEY: item[PARTITION_KEY]},
                "ConditionExpression": condition["condition"],
                "ExpressionAttributeNames": condition["names"],
                "ExpressionAttributeValues": condition["values"],
            }
        }

    def _read_ledger(self, records: Sequence[UsageRecord]) -> dict[str, Item]:
        return {read_key(item): item for item in self._ledger.get_all(map(call_key, records))}


def _expect_checkpoint(first: int, known: int | None) -> _Condition:
    """The condition that a shard has the known checkpoint, or any below a change."""
    if known is not None and known < 0:
        return {"ConditionExpression": _ABSENT}
    condition = f"{_ABSENT} OR #number < :number" if known is None else "#number = :number"
    number = write_number(first if known is None else known)
    return {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#number": NUMBER},
        "ExpressionAttributeValues": {":number": {"S": number}},
    }


def _read_call(item: Item | None) -> UsageRecord | None:
    """Read a call; `None` where no item exists, or the item holds no call."""
    try:
        return None if item is None else from_item(item)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
