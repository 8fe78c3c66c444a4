"""Reads API keys from the table `Governance`, by the hashes of their texts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.dynamodb.brake_items import (
    UNREADABLE,
    make_item_key,
    query_partition,
    write_time,
)
from lambdas.domain.api_keys import ApiKey, InvalidProjectError, NoSessionNameError, Scope
from lambdas.domain.governance_keys import API_KEYS, PARTITION_KEY, SORT_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.adapters.dynamodb.brake_items import Item

_TEXTS = ("prefix", "owner", "tenant", "tier", "project", "replaces")
_TIMES = ("created_at", "expires_at", "revoked_at", "last_used_at")
_SCOPES = "scopes"


class DynamoDbApiKeys:
    """Reads keys, each from an item. One takes half a unit, since a key may be a moment old."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Read keys of a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name

    def get(self, digest: str) -> ApiKey | None:
        """Get a key by the hash of its text; `None` also for an item that cannot be read."""
        answer = self._client.get_item(
            TableName=self._table_name, Key=make_item_key(API_KEYS, digest)
        )
        return _try_to_read(answer["Item"]) if "Item" in answer else None

    def list_keys(self) -> Sequence[ApiKey]:
        """List the keys that can be read, with consistent reads."""
        items = query_partition(self._client, self._table_name, API_KEYS)
        return [key for item in items if (key := _try_to_read(item)) is not None]

    def mark_used(self, digest: str, at: datetime) -> None:
        """Store that a key was used, if it is stored. No call fails because of it."""
        with suppress(BotoCoreError, ClientError):
            self._client.update_item(
                TableName=self._table_name,
                Key=make_item_key(API_KEYS, digest),
                UpdateExpression="SET last_used_at = :at",
                ConditionExpression=(
                    f"attribute_exists({PARTITION_KEY})"
                    " AND (attribute_not_exists(last_used_at) OR last_used_at < :at)"
                ),
                ExpressionAttributeValues={":at": {"S": write_time(at)}},
            )


def write_key(key: ApiKey) -> Item:
    """Write the item of a key."""
    texts = {name: getattr(key, name) for name in _TEXTS}
    times = {name: getattr(key, name) for name in _TIMES}
    texts |= {name: write_time(moment) for name, moment in times.items() if moment is not None}
    scopes: Item = {_SCOPES: {"SS": sorted(key.scopes)}} if key.scopes else {}
    return {
        **make_item_key(API_KEYS, key.digest),
        **scopes,
        **{name: {"S": text} for name, text in texts.items() if text is not None},
    }


def _try_to_read(item: Item) -> ApiKey | None:
    try:
        return _read_key(item)
    except (*UNREADABLE, NoSessionNameError, InvalidProjectError):
        return None


def _read_key(item: Item) -> ApiKey:
    texts = {name: item[name]["S"] for name in _TEXTS if name in item}
    times = {name: datetime.fromisoformat(item[name]["S"]) for name in _TIMES if name in item}
    known = {scope.value for scope in Scope}
    scopes = item.get(_SCOPES, {}).get("SS", ())
    return ApiKey(
        digest=item[SORT_KEY]["S"],
        scopes=frozenset(Scope(name) for name in scopes if name in known),
        prefix=texts.pop("prefix"),
        owner=texts.pop("owner"),
        created_at=times.pop("created_at"),
        **texts,  # type: ignore[arg-type]  # named above
        **times,  # type: ignore[arg-type]
    )
