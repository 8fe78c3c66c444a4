"""Replaces the names of an identity in what the brake stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from lambdas.adapters.dynamodb.brake_items import query_partition
from lambdas.adapters.dynamodb.change_marks import make_mark, write_mark
from lambdas.adapters.dynamodb.transactions import write_unless_changed
from lambdas.domain.budgets.governance_table import (
    BRAKE,
    BRAKE_EVENTS,
    DENIES,
    DUE_BRAKE_EVENTS,
    PARTITION_KEY,
    REACTIONS,
    RELEASES,
    SORT_KEY,
)
from lambdas.domain.change_marks import ERASURE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from lambdas.adapters.dynamodb.brake_items import Item
    from lambdas.adapters.dynamodb.item_names import ItemNames

BRAKE_ITEMS = "items of the brake"
_REVISION = "deny_revision"
_PARTITIONS = (DENIES, RELEASES, REACTIONS, BRAKE_EVENTS, DUE_BRAKE_EVENTS, BRAKE)


class DynamoDbBrakedIdentity:
    """The items of the brake that name an identity. Its own deny does not count."""

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        arns: Sequence[str],
        names: ItemNames,
    ) -> None:
        """Find an identity in the table of denies.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
            arns: The ARNs by which it can be denied.
            names: Its names in items.
        """
        self._client = client
        self._table_name = table_name
        self._arns = arns
        self._names = names

    def is_denied(self) -> bool:
        """Say if a deny of the identity is stored. Only the brake may delete it: it releases."""
        denies = query_partition(self._client, self._table_name, DENIES)
        return any(item[SORT_KEY]["S"] in self._arns for item in denies)

    def list_items(self) -> list[Item]:
        """List the items."""
        return [
            item
            for partition in _PARTITIONS
            for item in query_partition(self._client, self._table_name, partition)
            if self._names.are_in(item)
        ]

    def erase(self, pseudonyms: Mapping[str, str]) -> int:
        """Replace the names; returns the number of items that were changed.

        An event that is about to be sent stays, and so does what changes meanwhile.
        """
        items = self.list_items()
        due = {item[SORT_KEY]["S"] for item in items if _is_in(item, DUE_BRAKE_EVENTS)}
        return sum(
            write_unless_changed(self._client, [*self._replace(item, pseudonyms)])
            for item in items
            if not (_is_in(item, BRAKE_EVENTS, DUE_BRAKE_EVENTS) and item[SORT_KEY]["S"] in due)
        )

    def _replace(
        self, item: Item, pseudonyms: Mapping[str, str]
    ) -> Iterator[TransactWriteItemTypeDef]:
        renamed = self._names.replace(item, pseudonyms)
        if _is_in(item, DENIES):
            yield self._write_deny(item, renamed)
            return
        if _is_in(item, BRAKE, RELEASES):
            renamed = {**renamed, **write_mark(make_mark(ERASURE))}  # the audit trail has it
        if renamed[SORT_KEY] != item[SORT_KEY]:
            key = {name: item[name] for name in (PARTITION_KEY, SORT_KEY)}
            yield {"Delete": {"TableName": self._table_name, "Key": key}}
        yield {"Put": {"TableName": self._table_name, "Item": renamed}}

    def _write_deny(self, item: Item, renamed: Item) -> TransactWriteItemTypeDef:
        """Write the deny of another caller, such as of a role, as the brake would."""
        revision = int(item[_REVISION]["N"])
        return {
            "Put": {
                "TableName": self._table_name,
                "Item": {**renamed, _REVISION: {"N": str(revision + 1)}},
                "ConditionExpression": f"{_REVISION} = :before",
                "ExpressionAttributeValues": {":before": item[_REVISION]},
            }
        }


def _is_in(item: Item, *partitions: str) -> bool:
    return item[PARTITION_KEY]["S"] in partitions
