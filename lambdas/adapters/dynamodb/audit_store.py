"""Stores the chain of the audit trail in the table `Audit`; `audit.table` has its keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.transactions import LOST_RACES, read_cancellation_codes
from lambdas.domain.audit import AppendOutcome, AuditEntry, ChainHead, StoredEntry, limit_subject
from lambdas.domain.audit.table import (
    CHAIN,
    HASH,
    ONLY,
    PARTITION_KEY,
    SORT_KEY,
    SOURCE_PREFIX,
    SUBJECT_PREFIX,
    TEXT,
    write_place,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        TransactWriteItemTypeDef,
    )

    Item = dict[str, AttributeValueTypeDef]

_IS_NEW = f"attribute_not_exists({PARTITION_KEY})"
_LOST = "ConditionalCheckFailed"
_PLACE = "place"


class DynamoDbAuditStore:
    """Puts each entry once: in the chain, by its source, and by its subject."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        """Store the chain in a table.

        Args:
            client: A DynamoDB client.
            table_name: The table `Audit`.
        """
        self._client = client
        self._table_name = table_name

    def read_head(self) -> ChainHead:
        """Read the head of the chain."""
        last = self._read_last(CHAIN)
        return ChainHead() if last is None else ChainHead(last.place, last.hash)

    def append(self, entry: AuditEntry) -> AppendOutcome:
        """Append an entry in one transaction, if its place is free and its source is new."""
        change, place = entry.change, write_place(entry.sequence)
        stored = StoredEntry.from_entry(entry)
        content: Item = {TEXT: {"S": stored.text}, HASH: {"S": stored.hash}}
        items: Sequence[Item] = (
            _make_key(f"{SOURCE_PREFIX}{change.source}", ONLY) | {_PLACE: {"S": place}},
            _make_key(CHAIN, place) | content,
            _make_key(f"{SUBJECT_PREFIX}{limit_subject(change.subject)}", place) | content,
        )
        actions: list[TransactWriteItemTypeDef] = [
            {
                "Put": {
                    "TableName": self._table_name,
                    "Item": item,
                    "ConditionExpression": _IS_NEW,
                }
            }
            for item in items
        ]
        try:
            self._client.transact_write_items(TransactItems=actions)
        except ClientError as error:
            codes = read_cancellation_codes(error)
            if not codes or not codes <= LOST_RACES:
                raise
            reasons = cast(
                "Sequence[Mapping[str, str]]", error.response.get("CancellationReasons", ())
            )
            is_known = reasons[0].get("Code") == _LOST
            return AppendOutcome.ALREADY_THERE if is_known else AppendOutcome.HEAD_MOVED
        return AppendOutcome.APPENDED

    def has_source(self, source: str) -> bool:
        """Say if a source is in the chain, or was marked."""
        answer = self._client.get_item(
            TableName=self._table_name,
            Key=_make_key(f"{SOURCE_PREFIX}{source}", ONLY),
            ConsistentRead=True,
        )
        return "Item" in answer

    def mark_source(self, source: str) -> None:
        """Note that a source has nothing to record, unless it is known."""
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item=_make_key(f"{SOURCE_PREFIX}{source}", ONLY),
                ConditionExpression=_IS_NEW,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def read_last(self, subject: str) -> StoredEntry | None:
        """Read the last entry about a subject."""
        return self._read_last(f"{SUBJECT_PREFIX}{limit_subject(subject)}")

    def read_entries(self, after: int = 0) -> Iterator[StoredEntry]:
        """Read all entries after a place, in their order."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression=f"{PARTITION_KEY} = :chain AND {SORT_KEY} > :after",
            ExpressionAttributeValues={
                ":chain": {"S": CHAIN},
                ":after": {"S": write_place(after)},
            },
            ConsistentRead=True,
        )
        return (_read_item(item) for page in pages for item in page["Items"])

    def _read_last(self, partition: str) -> StoredEntry | None:
        answer = self._client.query(
            TableName=self._table_name,
            KeyConditionExpression=f"{PARTITION_KEY} = :partition",
            ExpressionAttributeValues={":partition": {"S": partition}},
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=1,
        )
        return _read_item(answer["Items"][0]) if answer["Items"] else None


def _make_key(partition: str, sort_key: str) -> Item:
    return {PARTITION_KEY: {"S": partition}, SORT_KEY: {"S": sort_key}}


def _read_item(item: Mapping[str, Any]) -> StoredEntry:
    """Read what is stored. What is no entry stays so: the verification finds it."""
    place = item[SORT_KEY]["S"]
    return StoredEntry(
        int(place) if place.isascii() and place.isdigit() else 0,
        _read_text(item, TEXT),
        _read_text(item, HASH),
    )


def _read_text(item: Mapping[str, Any], name: str) -> str:
    text = item.get(name, {}).get("S", "")
    return text if isinstance(text, str) else ""
