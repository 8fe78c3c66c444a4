"""Stores the books of credits in the table `Governance`: each entry with all that it changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.brake_items import (
    UNREADABLE,
    query_partition,
    write_time,
)
from lambdas.adapters.dynamodb.change_marks import make_mark, write_mark
from lambdas.adapters.dynamodb.credit_items import (
    MAX_ITEM_BYTES,
    VERSION,
    cell_item,
    cells_partition,
    closed_item,
    closed_key,
    entry_item,
    grant_item,
    grant_key,
    read_content,
    snapshot_item,
    try_to_read,
)
from lambdas.adapters.dynamodb.items import DynamoDbTable, TableUnavailableError
from lambdas.domain.budgets.governance_table import (
    CLOSED_UNTIL,
    CONTENT,
    CREDIT_ENTRIES,
    CREDIT_GRANTS,
    CREDIT_SNAPSHOTS,
    GRANT_PREFIX,
    PARTITION_KEY,
    SORT_KEY,
)
from lambdas.domain.counters import MAX_ACTIONS
from lambdas.domain.credits import (
    BookedCell,
    BooksClosedError,
    CellId,
    CreditBook,
    CreditEntry,
    CreditsChangedError,
    CreditSnapshot,
    CreditsUnavailableError,
    GrantBalance,
    GrantExistsError,
)
from lambdas.domain.credits.documents import (
    read_balance,
    read_cell,
    read_entry,
    read_snapshot,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from lambdas.adapters.dynamodb.items import Item

_ABSENT = f"attribute_not_exists({PARTITION_KEY})"
_FIRST, _LAST = "0", "~"  # all sort keys begin with a digit


class DynamoDbCreditStore(DynamoDbTable):
    """Grants, entries and booked cells, each in an item whose version decides who is first."""

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        pause: Callable[[float], None] = time.sleep,
        *,
        changed_by: str | None = None,
    ) -> None:
        """Store the books in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
            pause: Waits some seconds before a transaction is tried again.
            changed_by: The actor that entries have in the audit trail; `None` for readers.
        """
        super().__init__(client, table_name, pause)
        self._changed_by = changed_by

    def read_book(self) -> CreditBook:
        """Read all grants, closed ones too. Those that cannot be read are named.

        A grant may have changed while others were read; a commit compares its version.
        """
        grants, unreadable = dict[str, GrantBalance](), list[str]()
        for item in query_partition(self._client, self._table_name, CREDIT_GRANTS):
            name = item[SORT_KEY]["S"].removeprefix(GRANT_PREFIX)
            try:
                grants[name] = _read_grant(item, name)
            except UNREADABLE:
                unreadable.append(name)
        return CreditBook(grants, tuple(unreadable))

    def add_grant(self, balance: GrantBalance, entry: CreditEntry) -> None:
        """Add a grant with its entry. Repeating the same changes nothing.

        Raises:
            GrantExistsError: Another grant has its id.
            BooksClosedError: The books are closed for the time of the entry.
            CreditsUnavailableError: Others were in the way every time.
        """
        if self._is_refused(entry, [self._put_new(grant_item(balance))]):
            stored = self._get_item(grant_key(balance.grant.id))
            known = None if stored is None else try_to_read(stored, read_balance)
            if known is None or known.grant != balance.grant:
                raise GrantExistsError(balance.grant.id)

    def read_booked(self, hour: datetime) -> Mapping[CellId, BookedCell]:
        """Read what is booked of the cells of an hour.

        A cell that cannot be read is left out, and a commit of it is refused.
        """
        items = query_partition(self._client, self._table_name, cells_partition(hour))
        cells = (try_to_read(item, read_cell) for item in items)
        return {cell.id: cell for cell in cells if cell is not None}

    def commit(
        self,
        entry: CreditEntry,
        grants: Sequence[GrantBalance],
        cells: Sequence[BookedCell] = (),
    ) -> None:
        """Write an entry with the grants and the cells that it changes.

        Raises:
            CreditsChangedError: One of them has another version by now, or the entry exists.
            BooksClosedError: The books are closed for the time of the entry.
            CreditsUnavailableError: Others were in the way every time.
            ValueError: They are more than one transaction takes.
        """
        actions = [
            *(self._replace(grant_item(grant), grant.version) for grant in grants),
            *(self._replace(cell_item(cell), cell.version) for cell in cells),
        ]
        if self._is_refused(entry, actions):
            raise CreditsChangedError(entry.id)

    def list_entries(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> Iterator[CreditEntry]:
        """List entries that were booked from a time until before another, in order of booking.

        Raises:
            ValueError: One of them cannot be read: without it, no balance is right.
        """
        first = _FIRST if start is None else write_time(start)
        last = _LAST if end is None else write_time(end)
        if first >= last:
            return
        for item in self._query_range(CREDIT_ENTRIES, first, last):
            try:
                yield read_content(item, read_entry)
            except UNREADABLE as error:
                message = f"the entry {item[SORT_KEY]['S']} of credits cannot be read: {error}"
                raise ValueError(message) from error

    def read_snapshot(self, until: datetime) -> CreditSnapshot | None:
        """Read the latest snapshot that is not later than a time; `None` before the first.

        One that cannot be read is passed over.
        """
        items = self._query_range(CREDIT_SNAPSHOTS, _FIRST, write_time(until), is_reversed=True)
        snapshots = (try_to_read(item, read_snapshot) for item in items)
        return next((snapshot for snapshot in snapshots if snapshot is not None), None)

    def write_snapshot(self, snapshot: CreditSnapshot) -> None:
        """Write a snapshot, over one of the same time. One that is too large is left out."""
        item = snapshot_item(snapshot)
        if len(item[CONTENT]["S"].encode()) <= MAX_ITEM_BYTES:
            self._client.put_item(TableName=self._table_name, Item=item)

    def close_until(self, at: datetime) -> None:
        """Take no entry any more that is booked before a time. An earlier time changes nothing."""
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.put_item(
                TableName=self._table_name,
                Item=closed_item(at),
                ConditionExpression=f"{_ABSENT} OR {CLOSED_UNTIL} < :at",
                ExpressionAttributeValues={":at": {"S": write_time(at)}},
            )

    def _query_range(
        self, partition: str, first: str, last: str, *, is_reversed: bool = False
    ) -> Iterator[Item]:
        """Query the items of a partition between two sort keys."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression=(
                f"{PARTITION_KEY} = :partition AND {SORT_KEY} BETWEEN :first AND :last"
            ),
            ExpressionAttributeValues={
                ":partition": {"S": partition},
                ":first": {"S": first},
                ":last": {"S": last},
            },
            ConsistentRead=True,
            ScanIndexForward=not is_reversed,
        )
        return (item for page in pages for item in page["Items"])

    def _put_entry(self, entry: CreditEntry) -> TransactWriteItemTypeDef:
        mark = {} if self._changed_by is None else write_mark(make_mark(self._changed_by))
        return self._put_new(entry_item(entry) | mark)

    def _put_new(self, item: Item) -> TransactWriteItemTypeDef:
        return {
            "Put": {"TableName": self._table_name, "Item": item, "ConditionExpression": _ABSENT}
        }

    def _replace(self, item: Item, version: int) -> TransactWriteItemTypeDef:
        """Put an item in place of the one with the version before it."""
        if version <= 1:
            return self._put_new(item)
        return {
            "Put": {
                "TableName": self._table_name,
                "Item": item,
                "ConditionExpression": "#version = :before",
                "ExpressionAttributeNames": {"#version": VERSION},
                "ExpressionAttributeValues": {":before": {"N": str(version - 1)}},
            }
        }

    def _is_refused(self, entry: CreditEntry, changes: Sequence[TransactWriteItemTypeDef]) -> bool:
        """Write an entry with what it changes; `True` if one of them is not as it was read."""
        is_bookable: TransactWriteItemTypeDef = {
            "ConditionCheck": {
                "TableName": self._table_name,
                "Key": closed_key(),
                "ConditionExpression": f"{_ABSENT} OR {CLOSED_UNTIL} <= :booked_at",
                "ExpressionAttributeValues": {":booked_at": {"S": write_time(entry.booked_at)}},
            }
        }
        actions = [is_bookable, self._put_entry(entry), *changes]
        if len(actions) > MAX_ACTIONS:
            message = f"entry {entry.id} changes more than {MAX_ACTIONS} items"
            raise ValueError(message)
        try:
            is_closed, *refused = self._write_all(actions) or [False]
        except TableUnavailableError as error:
            raise CreditsUnavailableError(str(error)) from None
        if is_closed and not any(refused):
            raise BooksClosedError(entry.booked_at)
        return any(refused)


def _read_grant(item: Item, name: str) -> GrantBalance:
    """Read a grant, whose version is that of its item.

    Raises:
        ArithmeticError, AttributeError, KeyError, TypeError, ValueError: It cannot be read.
    """
    balance = read_content(item, read_balance)
    if (balance.grant.id, balance.version) != (name, int(item[VERSION]["N"])):
        message = f"another grant, or another version, in the item of grant {name}"
        raise ValueError(message)
    return balance
