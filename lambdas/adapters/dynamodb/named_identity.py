"""Replaces the name of an identity in the ledger and in the state table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdas.domain.ledger.named_items import NamedItems
from lambdas.domain.ledger.table import PARTITION_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class _Place:
    """A place of an identity in items, and the update that removes it.

    Attributes:
        items: The items, as the command prints them.
        condition: True for the items that have the identity `:old`.
        update: The update that removes it, or replaces it by the pseudonym `:new`.
    """

    items: str
    condition: str
    update: str


def _list_places(items: str, call: str = "") -> tuple[_Place, ...]:
    """List the places of an identity in a call, which an item is or holds under a name."""
    return (
        _Place(items, f"{call}identity_arn = :old", f"SET {call}identity_arn = :new"),
        _Place(
            f"{items} whose records name several callers",
            f"contains({call}conflicts.identity_arns, :old)",
            f"REMOVE {call}conflicts.identity_arns",
        ),
    )


_SAMPLE = "sample"
_CALLS = _list_places("calls")
_SAMPLES = _list_places("samples of calls without a price", "#sample.")
_NAMES: dict[str, str] = {"#sample": _SAMPLE}  # a reserved word of DynamoDB


class DynamoDbNamedIdentity:
    """An identity in the ledger and in the state table; to replace it keeps counts and costs."""

    def __init__(self, client: DynamoDBClient, ledger: str, state: str, identity_arn: str) -> None:
        """Find an identity in two tables.

        Args:
            client: A DynamoDB client.
            ledger: The table of calls.
            state: The state table.
            identity_arn: The identity.
        """
        self._client = client
        self._ledger = ledger
        self._state = state
        self._old = {":old": {"S": identity_arn}}
        self._key_endings = (f"#{identity_arn}", f"/{identity_arn}")

    def find(self) -> NamedItems:
        """Find the items that have the identity; reads each table once."""
        calls = [
            (item[PARTITION_KEY]["S"], item.get("timestamp", {}).get("S", ""))
            for item in self._scan(self._ledger, [place.condition for place in _CALLS], {})
        ]
        conditions = [*(place.condition for place in _SAMPLES), f"contains({PARTITION_KEY}, :old)"]
        items = {
            item[PARTITION_KEY]["S"]: item for item in self._scan(self._state, conditions, _NAMES)
        }
        entries = tuple(key for key in items if key.endswith(self._key_endings))
        return NamedItems(
            calls=tuple(key for key, _ in calls),
            samples=tuple(
                key for key, item in items.items() if _SAMPLE in item and key not in entries
            ),
            entries=entries,
            last_call_at=max((called_at for _, called_at in calls), default=""),
        )

    def erase(self, found: NamedItems, pseudonym: str) -> Iterator[tuple[str, int]]:
        """Replace the identity; yields what was changed, and the number."""
        for place in _CALLS:
            yield place.items, self._update_all(self._ledger, found.calls, place, pseudonym, {})
        for place in _SAMPLES:
            changed = self._update_all(self._state, found.samples, place, pseudonym, _NAMES)
            yield place.items, changed
        for key in found.entries:
            self._client.delete_item(TableName=self._state, Key={PARTITION_KEY: {"S": key}})
        yield "items of the state table", len(found.entries)

    def _update_all(
        self,
        table: str,
        keys: Iterable[str],
        place: _Place,
        pseudonym: str,
        names: Mapping[str, str],
    ) -> int:
        new = {":new": {"S": pseudonym}} if place.update.endswith(" :new") else {}
        request: dict[str, Any] = {
            "TableName": table,
            "UpdateExpression": place.update,
            "ConditionExpression": place.condition,
            "ExpressionAttributeValues": self._old | new,
        }
        if names:
            request["ExpressionAttributeNames"] = names
        return sum(self._update(request, key) for key in keys)

    def _update(self, request: Mapping[str, Any], key: str) -> bool:
        """Update an item; False if it has no such place, or expired or changed meanwhile."""
        try:
            self._client.update_item(Key={PARTITION_KEY: {"S": key}}, **request)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _scan(
        self, table: str, conditions: Sequence[str], names: Mapping[str, str]
    ) -> Iterator[dict[str, Any]]:
        options: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
        pages = self._client.get_paginator("scan").paginate(
            TableName=table,
            FilterExpression=" OR ".join(conditions),
            ExpressionAttributeValues=self._old,
            ConsistentRead=True,
            **options,
        )
        return (item for page in pages for item in page["Items"])
