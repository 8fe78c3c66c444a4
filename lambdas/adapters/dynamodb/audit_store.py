"""Stores the chain of the audit trail in the table `Audit`; `audit.table` has its keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.transactions import LOST_RACES, read_cancellation_codes
from lambdas.domain.audit import (
    AppendOutcome,
    AuditEntry,
    ChainHead,
    InvalidEntryError,
    Mark,
    PastVerification,
    StoredEntry,
    limit_subject,
    read_entry,
)
from lambdas.domain.audit.table import (
    CHAIN,
    HASH,
    ONLY,
    PARTITION_KEY,
    SORT_KEY,
    SOURCE_PREFIX,
    SUBJECT_PREFIX,
    TEXT,
    VERIFICATIONS,
    write_place,
)
from lambdas.domain.times import read_time, write_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        TransactWriteItemTypeDef,
    )

    Item = dict[str, AttributeValueTypeDef]
    StoredItem = Mapping[str, Any]

_IS_NEW = f"attribute_not_exists({PARTITION_KEY})"
_LOST = "ConditionalCheckFailed"
_PLACE, _PROBLEMS = "place", "problems"
_AFTER_PLACES = ":"  # the letter after the digits: a sort key of letters is no place
_NO_MARKS = frozenset({CHAIN, VERIFICATIONS})


class DynamoDbAuditStore:
    """Puts each entry once in the chain, with marks of its source and its subject."""

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
        item = next(self._read_backward(CHAIN), None)
        if item is None:
            return ChainHead()
        last = _read_item(item)
        return ChainHead(last.place, last.hash)

    def append(self, entry: AuditEntry) -> AppendOutcome:
        """Append an entry in one transaction, if its place is free and its source is new."""
        change, place = entry.change, write_place(entry.sequence)
        stored = StoredEntry.from_entry(entry)
        content: Item = {TEXT: {"S": stored.text}, HASH: {"S": stored.hash}}
        items: Sequence[Item] = (
            _make_key(f"{SOURCE_PREFIX}{change.source}", ONLY) | {_PLACE: {"S": place}},
            _make_key(CHAIN, place) | content,
            _make_key(f"{SUBJECT_PREFIX}{limit_subject(change.subject)}", place),
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
        """Read the last entry about a subject, from the chain itself.

        A mark that names no entry about the subject is passed over: the verification reports it.
        """
        limited = limit_subject(subject)
        for mark in self._read_backward(f"{SUBJECT_PREFIX}{limited}"):
            answer = self._client.get_item(
                TableName=self._table_name,
                Key=_make_key(CHAIN, mark[SORT_KEY]["S"]),
                ConsistentRead=True,
            )
            if "Item" in answer:
                entry = _read_item(answer["Item"])
                if _is_about(entry, limited):
                    return entry
        return None

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

    def read_marks(self) -> Iterator[Mark]:
        """Read all marks, and whatever else is in the table."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table_name,
            ProjectionExpression=f"{PARTITION_KEY}, {SORT_KEY}, #place",
            ExpressionAttributeNames={"#place": _PLACE},
            ConsistentRead=True,
        )
        return (
            _read_mark(item)
            for page in pages
            for item in page["Items"]
            if item[PARTITION_KEY]["S"] not in _NO_MARKS
        )

    def add_verification(self, verification: PastVerification) -> None:
        """Note a verification of the whole."""
        item = _make_key(VERIFICATIONS, write_time(verification.at))
        count: Item = {_PROBLEMS: {"N": str(verification.problem_count)}}
        self._client.put_item(TableName=self._table_name, Item=item | count)

    def read_last_verification(self, now: datetime) -> PastVerification | None:
        """Read the last verification of the whole, up to a time."""
        item = next(self._read_backward(VERIFICATIONS, write_time(now)), None)
        if item is None:
            return None
        try:
            return PastVerification(read_time(item[SORT_KEY]["S"]), int(item[_PROBLEMS]["N"]))
        except (KeyError, ValueError):
            return None

    def _read_backward(self, partition: str, last: str = _AFTER_PLACES) -> Iterator[StoredItem]:
        """Read items of a partition, the last one first, from a sort key on."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression=f"{PARTITION_KEY} = :partition AND {SORT_KEY} <= :last",
            ExpressionAttributeValues={":partition": {"S": partition}, ":last": {"S": last}},
            ConsistentRead=True,
            ScanIndexForward=False,
            PaginationConfig={"PageSize": 1},  # almost always, the first one is enough
        )
        return (item for page in pages for item in page["Items"])


def _make_key(partition: str, sort_key: str) -> Item:
    return {PARTITION_KEY: {"S": partition}, SORT_KEY: {"S": sort_key}}


def _read_item(item: StoredItem) -> StoredEntry:
    """Read what is stored. What is no entry stays so: the verification finds it."""
    return StoredEntry(
        _read_place(item[SORT_KEY]["S"]) or 0,
        _read_text(item, TEXT),
        _read_text(item, HASH),
    )


def _read_text(item: StoredItem, name: str) -> str:
    text = item.get(name, {}).get("S", "")
    return text if isinstance(text, str) else ""


def _read_place(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _read_mark(item: StoredItem) -> Mark:
    partition, key = item[PARTITION_KEY]["S"], item[SORT_KEY]["S"]
    place = _read_text(item, _PLACE) if partition.startswith(SOURCE_PREFIX) else key
    return Mark(partition, _read_place(place))


def _is_about(entry: StoredEntry, subject: str) -> bool:
    """Say if an entry is about a subject, or is damaged, which no other one could replace."""
    try:
        return read_entry(entry.text).change.subject == subject
    except InvalidEntryError:
        return True
