"""Moves booked cells of credits to a pseudonym, each with the counted cells that it is about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lambdas.adapters.dynamodb.counter_items import move_cell, read_cell
from lambdas.adapters.dynamodb.credit_items import (
    VERSION,
    cell_item,
    read_content,
    try_to_read,
)
from lambdas.domain.budgets.governance_table import CREDIT_CELLS_PREFIX, CREDIT_GRANTS, GRANT_PREFIX
from lambdas.domain.counters import CellSpan
from lambdas.domain.credits import CellId
from lambdas.domain.credits import documents as credit_documents
from lambdas.domain.governance_keys import PARTITION_KEY, SORT_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from lambdas.adapters.dynamodb.items import Item


class Move(NamedTuple):
    """Items that are moved together.

    Attributes:
        counted: Cells of counters.
        booked: What is booked of them; `None` if nothing is.
    """

    counted: tuple[Item, ...]
    booked: Item | None = None


def group_cells(counted: Iterable[Item], booked: Iterable[Item]) -> Iterator[Move]:
    """Group the cells of an hour with what is booked of them.

    They are moved in one transaction, so that no run of `credit_booker` sees the one without the
    other, and takes payments back.
    """
    by_cell: defaultdict[CellId, list[Item]] = defaultdict(list)
    for item in counted:
        key = read_cell(item).key
        if key.span is CellSpan.DAY:
            yield Move((item,))
        else:
            by_cell[CellId(CellSpan.HOUR.get_start(key.start), key.labels)].append(item)
    of_cell = {read_content(item, credit_documents.read_cell).id: item for item in booked}
    for cell in sorted({*by_cell, *of_cell}):
        yield Move(tuple(by_cell[cell]), of_cell.get(cell))


def move_cells(
    counters: str, governance: str, move: Move, identity_arn: str
) -> list[TransactWriteItemTypeDef]:
    """The actions that move cells, unless one has changed meanwhile."""
    actions = [
        action for item in move.counted for action in move_cell(counters, item, identity_arn)
    ]
    if move.booked is not None:
        actions += _move_booked(governance, move.booked, identity_arn)
    return actions


def find_booked(items: Iterable[Item], identity_arn: str) -> list[Item]:
    """Find the booked cells of an identity among items."""
    return [
        item
        for item in items
        if item[PARTITION_KEY]["S"].startswith(CREDIT_CELLS_PREFIX)
        and (cell := try_to_read(item, credit_documents.read_cell)) is not None
        and cell.id.labels.identity_arn == identity_arn
    ]


def list_grants(items: Iterable[Item]) -> list[str]:
    """List the ids of grants among items."""
    return sorted(
        item[SORT_KEY]["S"].removeprefix(GRANT_PREFIX)
        for item in items
        if item[PARTITION_KEY]["S"] == CREDIT_GRANTS
    )


def _move_booked(table: str, item: Item, identity_arn: str) -> list[TransactWriteItemTypeDef]:
    cell = read_content(item, credit_documents.read_cell)
    labels = cell.id.labels._replace(identity_arn=identity_arn)
    moved = replace(cell, id=cell.id._replace(labels=labels))
    key = {name: item[name] for name in (PARTITION_KEY, SORT_KEY)}
    return [
        {
            "Delete": {
                "TableName": table,
                "Key": key,
                "ConditionExpression": "#version = :version",
                "ExpressionAttributeNames": {"#version": VERSION},
                "ExpressionAttributeValues": {":version": item[VERSION]},
            }
        },
        {
            "Put": {
                "TableName": table,
                "Item": cell_item(moved),
                "ConditionExpression": f"attribute_not_exists({PARTITION_KEY})",
            }
        },
    ]
