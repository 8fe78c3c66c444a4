"""Stores API keys in the table `Governance`, by the hashes of their texts."""

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
from lambdas.domain.api_keys import ApiKey, KeyExistsError, NoSessionNameError, Scope
from lambdas.domain.governance_keys import API_KEYS, PARTITION_KEY, SORT_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.adapters.dynamodb.brake_items import Item

_TEXTS = ("prefix", "owner", "tenant", "tier", "project", "replaces")
_TIMES = ("created_at", "expires_at", "revoked_at", "last_used_at")
_SCOPES = "scopes"


class DynamoDbApiKeys:
    """Stores a key in an item. Reading one takes half a unit, since a key may be a moment old."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store keys in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Governance`.
        """
        self._client = client
        self._table_name = table_name

    def create(self, key: ApiKey) -> None:
        """Store a new key.

        Raises:
            KeyExistsError: It is stored already.
        """
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item=_write_key(key),
                ConditionExpression=f"attribute_not_exists({PARTITION_KEY})",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise KeyExistsError(key.prefix) from error

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

    def end(self, digest: str, at: datetime) -> bool:
        """Let a key expire at a time, if it would not do so before; `False` if it is not stored."""
        is_later = "(attribute_not_exists(expires_at) OR expires_at > :at)"
        return self._set("expires_at", digest, at, is_later) or self.get(digest) is not None

    def revoke(self, digest: str, at: datetime) -> bool:
        """Revoke a key, once and for good; `False` if it is not stored."""
        is_first = "attribute_not_exists(revoked_at)"
        return self._set("revoked_at", digest, at, is_first) or self.get(digest) is not None

    def mark_used(self, digest: str, at: datetime) -> None:
        """Store that a key was used, if it is stored. No call fails because of it."""
        is_later = "(attribute_not_exists(last_used_at) OR last_used_at < :at)"
        with suppress(BotoCoreError, ClientError):
            self._set("last_used_at", digest, at, is_later)

    def _set(self, name: str, digest: str, at: datetime, condition: str) -> bool:
        """Set a time of a stored key on a condition; `False` if it does not hold."""
        try:
            self._client.update_item(
                TableName=self._table_name,
                Key=make_item_key(API_KEYS, digest),
                UpdateExpression=f"SET {name} = :at",
                ConditionExpression=f"attribute_exists({PARTITION_KEY}) AND {condition}",
                ExpressionAttributeValues={":at": {"S": write_time(at)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _write_key(key: ApiKey) -> Item:
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
    except (*UNREADABLE, NoSessionNameError):
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
