"""Items of the books of credits in the table `Governance`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from lambdas.adapters.dynamodb.brake_items import UNREADABLE, make_item_key, write_json, write_time
from lambdas.adapters.dynamodb.counter_items import digest_labels
from lambdas.domain.budgets.governance_table import (
    CLOSED_KEY,
    CLOSED_UNTIL,
    CONTENT,
    CREDIT_CELLS_PREFIX,
    CREDIT_ENTRIES,
    CREDIT_GRANTS,
    CREDIT_SNAPSHOTS,
    GRANT_PREFIX,
)
from lambdas.domain.counters import CellSpan
from lambdas.domain.credits import BookedCell, CreditEntry, CreditSnapshot, GrantBalance
from lambdas.domain.credits.documents import (
    write_balance,
    write_cell,
    write_entry,
    write_snapshot,
)
from lambdas.domain.governance_keys import EXPIRES_AT
from lambdas.domain.times import write_sortable_seconds

if TYPE_CHECKING:
    from lambdas.adapters.dynamodb.brake_items import Item

VERSION = "version"
"""The attribute of a grant or a cell with the number of its changes."""
KIND = "kind"
"""The attribute of an entry with its cause, by which the audit trail chooses entries."""
MAX_ITEM_BYTES = 380_000
"""A little less than an item may have:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
_Content = TypeVar("_Content")


def grant_key(grant_id: str) -> Item:
    """The key of a grant."""
    return make_item_key(CREDIT_GRANTS, GRANT_PREFIX + grant_id)


def grant_item(balance: GrantBalance) -> Item:
    """The item of a grant with what is left of it."""
    return {
        **grant_key(balance.grant.id),
        CONTENT: write_json(write_balance(balance)),
        VERSION: {"N": str(balance.version)},
    }


def entry_item(entry: CreditEntry) -> Item:
    """The item of an entry. Time to Live never deletes it."""
    return {
        **make_item_key(CREDIT_ENTRIES, f"{write_time(entry.booked_at)}#{entry.id}"),
        CONTENT: write_json(write_entry(entry)),
        KIND: {"S": entry.kind.value},
    }


def cells_partition(hour: datetime) -> str:
    """The partition of what is booked of an hour."""
    return f"{CREDIT_CELLS_PREFIX}{write_sortable_seconds(hour)}"


def cell_item(cell: BookedCell) -> Item:
    """The item of what is booked of a cell, which is kept as long as the cell itself."""
    expires_at = int((cell.id.hour + CellSpan.HOUR.retention).timestamp())
    return {
        **make_item_key(cells_partition(cell.id.hour), digest_labels(cell.id.labels)),
        CONTENT: write_json(write_cell(cell)),
        VERSION: {"N": str(cell.version)},
        EXPIRES_AT: {"N": str(expires_at)},
    }


def snapshot_item(snapshot: CreditSnapshot) -> Item:
    """The item of a snapshot."""
    return {
        **make_item_key(CREDIT_SNAPSHOTS, write_time(snapshot.at)),
        CONTENT: write_json(write_snapshot(snapshot)),
    }


def closed_key() -> Item:
    """The key of the item with the time until which the books are closed."""
    return make_item_key(CREDIT_SNAPSHOTS, CLOSED_KEY)


def closed_item(at: datetime) -> Item:
    """The item with the time until which the books are closed."""
    return {**closed_key(), CLOSED_UNTIL: {"S": write_time(at)}}


def read_content(item: Item, read: Callable[[Mapping[str, Any]], _Content]) -> _Content:
    """Read the content of an item.

    Raises:
        ArithmeticError, AttributeError, KeyError, TypeError, ValueError: It cannot be read.
    """
    return read(json.loads(item[CONTENT]["S"]))


def try_to_read(item: Item, read: Callable[[Mapping[str, Any]], _Content]) -> _Content | None:
    """Read the content of an item; `None` if it cannot be read."""
    try:
        return read_content(item, read)
    except UNREADABLE:
        return None
