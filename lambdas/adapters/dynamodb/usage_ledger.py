"""The usage ledger in DynamoDB: one item per call, into which all of its readings are joined."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from botocore.exceptions import ClientError

from lambdas.adapters.backoff import back_off
from lambdas.adapters.dynamodb.items import MAX_ATTEMPTS, MAX_READS, TableItems, batches
from lambdas.adapters.dynamodb.usage_item import (
    CALL_ATTRIBUTES,
    call_key,
    expiry,
    from_item,
    read_expiry,
    to_item,
)
from lambdas.adapters.refusals import error_code
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import join, join_readings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import BatchStatementRequestTypeDef

    from lambdas.adapters.dynamodb.items import Item

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html
_MAX_STATEMENTS = 25
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementError.html
_DUPLICATES = frozenset({"DuplicateItem", "ConditionalCheckFailed"})
_RETRYABLE = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingError",
        "TransactionConflict",
    }
)
_INVALID = "ValidationException"

Readings: TypeAlias = Mapping[str, UsageRecord]
"""Readings of calls, by the keys of their items."""


class _Condition(TypedDict):
    """The arguments of a conditional write."""

    condition: str
    names: dict[str, str]
    values: Item


class LedgerUnavailableError(Exception):
    """DynamoDB did not take all items. Writing again is safe."""


class DynamoDbUsageLedger:
    """Joins readings of calls into a table, whose stream shows the changes.

    A call that is new is inserted, 25 a request. Where there is an item already, it is read, joined
    with the new reading and written back on condition that it has not changed, so that no
    reading of another writer is lost. An item that a reading does not change is not written,
    unless it would expire too early or holds more than a call.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        retention: timedelta,
        pause: Callable[[float], None] = time.sleep,
        *,
        caller_role: str | None = None,
    ) -> None:
        """Write to a table.

        Args:
            client: A DynamoDB client.
            table_name: The ledger table.
            retention: The time for which the ledger keeps a call after it was made.
            pause: Waits some seconds before unprocessed items are written again.
            caller_role: The name of the role of the gateway's calls; `None` without a gateway.
        """
        self._client = client
        self._table_name = table_name
        self._items = TableItems(client, table_name, pause)
        self._retention = retention
        self._pause = pause
        self._caller_role = caller_role

    def write(self, records: Sequence[UsageRecord]) -> None:
        """Join readings into the ledger.

        Raises:
            LedgerUnavailableError: Some readings were not written.
        """
        refused: Counter[str] = Counter()
        to_insert: Readings = {
            call_key(record): record for record in join_readings(records).values()
        }
        to_join: Readings = {}
        for attempt in range(MAX_ATTEMPTS):
            back_off(attempt, self._pause)
            duplicates, to_insert = self._insert(to_insert, refused)
            missing, to_join = self._join({**to_join, **duplicates})
            to_insert = {**to_insert, **missing}
            if not to_insert and not to_join:
                break
        left = len(to_insert) + len(to_join)
        if left or refused:
            reasons = ", ".join(f"{count} {code}" for code, count in sorted(refused.items()))
            message = f"{left + refused.total()} items were not written to {self._table_name}"
            raise LedgerUnavailableError(f"{message} ({reasons})" if reasons else message)

    def _insert(
        self, readings: Readings, refused: Counter[str]
    ) -> tuple[dict[str, UsageRecord], dict[str, UsageRecord]]:
        """Insert items; returns those that exist already, and those to be tried again."""
        duplicates: dict[str, UsageRecord] = {}
        left: dict[str, UsageRecord] = {}
        for batch in batches(readings, _MAX_STATEMENTS):
            responses = self._client.batch_execute_statement(
                Statements=[self._insertion(self._make_item(readings[key])) for key in batch]
            )["Responses"]
            for key, response in zip(batch, responses, strict=True):
                code = response["Error"].get("Code", "Unknown") if "Error" in response else None
                if code in _DUPLICATES:
                    duplicates[key] = readings[key]
                elif code in _RETRYABLE:
                    left[key] = readings[key]
                elif code is not None:
                    refused[code] += 1
        return duplicates, left

    def _insertion(self, item: Item) -> BatchStatementRequestTypeDef:
        """The statement of an item: its values are parameters, its names are the ledger's own.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html
        """
        pairs = ", ".join(f"'{name}': ?" for name in item)
        return {
            "Statement": f'INSERT INTO "{self._table_name}" VALUE {{{pairs}}}',
            "Parameters": list(item.values()),
        }

    def _join(self, readings: Readings) -> tuple[dict[str, UsageRecord], dict[str, UsageRecord]]:
        """Join readings into items; returns those without an item, and those to be tried again."""
        missing: dict[str, UsageRecord] = {}
        left: dict[str, UsageRecord] = {}
        for batch in batches(readings, MAX_READS):
            items, unread = self._items.get_batch(batch)
            for key in batch:
                if key in unread:
                    left[key] = readings[key]
                elif key not in items:  # it has expired since
                    missing[key] = readings[key]
                elif not self._join_into(items[key], readings[key]):
                    left[key] = readings[key]
        return missing, left

    def _join_into(self, item: Item, record: UsageRecord) -> bool:
        """Join a reading into an item that was read; `False` where it has changed since."""
        standing = _read_stored(item, record)
        if standing is None:
            return self._replace(item, record)
        joined = join(record, standing)
        if joined == standing and self._is_intact(item, standing):
            return True
        try:
            return self._replace(item, joined)
        except ClientError as error:
            if error_code(error) != _INVALID:
                raise
            return self._replace(item, record)  # something else made the item too large to join

    def _replace(self, item: Item, record: UsageRecord) -> bool:
        """Write a call in place of an item that was read; `False` where it has changed since."""
        return self._items.put_if(item=self._make_item(record), **unchanged_condition(item))

    def _make_item(self, record: UsageRecord) -> Item:
        return to_item(record, self._retention, self._caller_role)

    def _is_intact(self, item: Item, standing: UsageRecord) -> bool:
        """Say if an item holds nothing but a call, and does not expire too early.

        Someone else may have written it, or the retention may have become longer.
        """
        is_early = read_expiry(item) < expiry(standing, self._retention)
        return not is_early and item.keys() <= CALL_ATTRIBUTES


def _read_stored(item: Item, record: UsageRecord) -> UsageRecord | None:
    """Read the stored call; `None` where the item holds no call."""
    try:
        standing = from_item(item)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    account_id, region, request_id = record.key  # an item has only the beginnings of long ones
    return standing._replace(account_id=account_id, region=region, request_id=request_id)


def unchanged_condition(item: Item) -> _Condition:
    """Make the condition that an item still holds the call that was read, and nothing else.

    Attributes that no call has are left out: others may add as many as an item holds, and a
    condition has 4 KB.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
    """
    names = sorted(CALL_ATTRIBUTES)
    return {
        "condition": " AND ".join(
            f"#{place} = :{place}" if name in item else f"attribute_not_exists(#{place})"
            for place, name in enumerate(names)
        ),
        "names": {f"#{place}": name for place, name in enumerate(names)},
        "values": {f":{place}": item[name] for place, name in enumerate(names) if name in item},
    }
