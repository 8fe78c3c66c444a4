"""Notes in the state table of calls that were published without their cost."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zlib import crc32

from lambdas.adapters.bounded_entries import add_bounded
from lambdas.adapters.dynamodb.items import MAX_READS, TableItems, batches, make_key, read_key
from lambdas.adapters.dynamodb.usage_item import call_key, from_item, to_item
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import (
    GROUP_RENEWAL,
    NOTHING_PAID,
    CallKey,
    PriceNeed,
    WaitingGroup,
    price_need,
)
from lambdas.domain.ledger.state_table import (
    TURN_PREFIX,
    UNPRICED_INDEX,
    UNPRICED_KEY,
    UNPRICED_PREFIX,
    WAITING_PREFIX,
)
from lambdas.domain.ledger.table import EXPIRES_AT, PARTITION_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from lambdas.adapters.dynamodb.items import Item

_LOCK = f"{TURN_PREFIX}unpriced"
_UNTIL = "until"
_LOCK_TIMEOUT = timedelta(minutes=15)  # as long as a function can run
_NOTE_RETENTION = timedelta(days=16)  # CloudWatch takes metrics of the last two weeks
_GROUP_RETENTION = _NOTE_RETENTION + timedelta(days=1)  # its calls are of one day
_GROUPS = "groups"
_SAMPLE = "sample"
_WRITTEN_AT = "written_at"
_PAID = "paid_usd"
# One partition of an index takes 1,000 writes a second:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
_SHARDS = 16
_MAX_RENEWED_GROUPS = 10_000  # in the memory of one process


class DynamoDbUnpricedNotes:
    """A note is an item of its own; while its call waits, the index lists it.

    The index spreads the notes of a group over several partitions, and lists the groups in one
    of their own, which is written to about once an hour by each process.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Store the notes in a table.

        Args:
            client: A DynamoDB client.
            table_name: The state table.
            pause: Waits some seconds before unprocessed items are requested again.
        """
        self._items = TableItems(client, table_name, pause)
        self._renewed: dict[str, datetime] = {}

    def write(self, records: Sequence[UsageRecord], now: datetime) -> None:
        """Note calls, which wait for a price from then on.

        A group that this process wrote a moment ago is not written again.

        Raises:
            TableUnavailableError: Some groups or notes were not written.
        """
        groups = [WaitingGroup(_group_name(price_need(record)), record) for record in records]
        old = {group.name: group for group in groups if not self._is_renewed(group.name, now)}
        self._items.put_all(_group(group, now) for group in old.values())
        for name in old:
            add_bounded(self._renewed, name, now, _MAX_RENEWED_GROUPS)
        self._items.put_all(_note(group.sample, waiting_in=group.name) for group in groups)

    def get_noted(self, records: Sequence[UsageRecord]) -> frozenset[CallKey]:
        """Get the keys of the calls that were noted, even if they are priced by now.

        Raises:
            TableUnavailableError: DynamoDB was too busy at every attempt.
        """
        return frozenset(key for key, _ in self._read_notes(records))

    def get_waiting(self, records: Sequence[UsageRecord]) -> frozenset[CallKey]:
        """Get the keys of those calls that were noted and still wait for a price.

        Raises:
            TableUnavailableError: DynamoDB was too busy at every attempt.
        """
        return frozenset(key for key, note in self._read_notes(records) if UNPRICED_KEY in note)

    def get_paid(self, records: Sequence[UsageRecord]) -> Mapping[CallKey, Decimal]:
        """Get the cost, in US dollars, with which noted calls were marked as priced.

        Raises:
            TableUnavailableError: DynamoDB was too busy at every attempt.
        """
        notes = self._read_notes(records)
        return {key: Decimal(note[_PAID]["S"]) for key, note in notes if _PAID in note}

    def _is_renewed(self, group_name: str, now: datetime) -> bool:
        renewed_at = self._renewed.get(group_name)
        return renewed_at is not None and now - renewed_at < GROUP_RENEWAL

    def _read_notes(self, records: Sequence[UsageRecord]) -> Iterator[tuple[CallKey, Item]]:
        keys = {_note_key(record): record.key for record in records}
        return ((keys[read_key(note)], note) for note in self._items.get_all(keys))


class DynamoDbUnpricedCalls(DynamoDbUnpricedNotes):
    """Notes, the groups that their calls wait in, and the calls themselves."""

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        ledger_table: str,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Store the notes in one table, and read their calls from another.

        Args:
            client: A DynamoDB client.
            table_name: The state table.
            ledger_table: The ledger table.
            pause: Waits some seconds before unprocessed items are requested again.
        """
        super().__init__(client, table_name, pause)
        self._calls = TableItems(client, ledger_table, pause)

    def acquire_lock(self, now: datetime) -> bool:
        """Acquire the lock for publishing missing cost; `False` while another run has it.

        The lock of a run that was cut off holds for as long as a function can run.
        """
        return self._items.put_if(
            f"attribute_not_exists({PARTITION_KEY}) OR #until <= :now",
            make_key(_LOCK) | {_UNTIL: _seconds(now + _LOCK_TIMEOUT)},
            names={"#until": _UNTIL},
            values={":now": _seconds(now)},
        )

    def release_lock(self) -> None:
        """Release the lock."""
        self._items.delete(_LOCK)

    def get_groups(self) -> Sequence[WaitingGroup]:
        """Get the groups that calls may wait in.

        Raises:
            TableUnavailableError: DynamoDB was too busy at every attempt.
        """
        return [
            WaitingGroup(
                read_key(item).removeprefix(WAITING_PREFIX), from_item(dict(item[_SAMPLE]["M"]))
            )
            for item in self._items.get_all(self._list_keys(_GROUPS))
        ]

    def scan_group(self, group: WaitingGroup) -> Iterator[Sequence[UsageRecord]]:
        """Read the calls of a group that still wait, as the ledger has them, batch by batch.

        The index follows its table a moment later, so that the notes themselves decide.

        Raises:
            TableUnavailableError: DynamoDB was too busy at every attempt.
        """
        keys = (
            key
            for shard in range(_SHARDS)
            for key in self._list_keys(_shard_key(group.name, shard))
        )
        for batch in batches(keys, MAX_READS):
            calls = [
                read_key(note).removeprefix(UNPRICED_PREFIX)
                for note in self._items.get_all(batch)
                if UNPRICED_KEY in note
            ]
            yield [from_item(item) for item in self._calls.get_all(calls)]

    def mark_priced(
        self, records: Sequence[UsageRecord], paid: Mapping[CallKey, Decimal] = NOTHING_PAID
    ) -> None:
        """Mark calls as priced: their cost was published, or can no longer be.

        Args:
            records: The calls.
            paid: The published cost of each, in US dollars.

        Raises:
            TableUnavailableError: Some notes were not written.
        """
        self._items.put_all(_note(record, paid_usd=paid.get(record.key)) for record in records)

    def delete_group(self, group: WaitingGroup, written_before: datetime) -> None:
        """Delete a group in which no call waits, unless a writer renewed it since a time."""
        self._items.delete_if(
            f"{_WRITTEN_AT} < :before",
            WAITING_PREFIX + group.name,
            values={":before": _seconds(written_before)},
        )

    def _list_keys(self, index_key: str) -> Iterator[str]:
        return self._items.list_keys(UNPRICED_INDEX, UNPRICED_KEY, index_key)


def _group(group: WaitingGroup, now: datetime) -> Item:
    return {
        **make_key(WAITING_PREFIX + group.name),
        UNPRICED_KEY: {"S": _GROUPS},
        EXPIRES_AT: _seconds(group.sample.timestamp + _GROUP_RETENTION),
        _WRITTEN_AT: _seconds(now),
        _SAMPLE: {"M": to_item(group.sample, _GROUP_RETENTION)},
    }


def _note(
    record: UsageRecord, *, waiting_in: str | None = None, paid_usd: Decimal | None = None
) -> Item:
    note: Item = {
        **make_key(_note_key(record)),
        EXPIRES_AT: _seconds(record.timestamp + _NOTE_RETENTION),
    }
    if waiting_in is not None:
        shard = crc32(call_key(record).encode()) % _SHARDS
        note[UNPRICED_KEY] = {"S": _shard_key(waiting_in, shard)}
    if paid_usd is not None:
        note[_PAID] = {"S": f"{paid_usd:f}"}
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
