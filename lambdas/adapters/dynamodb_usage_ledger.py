"""The usage ledger in DynamoDB: one deterministic item per call, written in batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from lambdas.adapters.backoff import back_off
from lambdas.adapters.dynamodb_usage_item import to_item
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.metering.ledger_table import PARTITION_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import WriteRequestUnionTypeDef

    from lambdas.adapters.dynamodb_usage_item import Item

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_LARGEST_BATCH = 25
_TRIES = 6


class LedgerUnavailableError(Exception):
    """DynamoDB did not take all items, however often it was asked. Writing again is safe."""


class DynamoDbUsageLedger:
    """Writes calls to a table; its stream tells of what was new."""

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        retention: timedelta,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Write to a table.

        Args:
            client: A DynamoDB client.
            table_name: The ledger table.
            retention: How long a call stays in the ledger after it was made.
            pause: Waits some seconds before what was left over is written again.
        """
        self._client = client
        self._table_name = table_name
        self._retention = retention
        self._pause = pause

    def put(self, records: Sequence[UsageRecord]) -> None:
        """Write records; of several readings of one call the last one stands.

        Raises:
            LedgerUnavailableError: Some items were not written.
        """
        items = [to_item(record, self._retention) for record in records]
        latest = {item[PARTITION_KEY]["S"]: item for item in items}  # a batch names no key twice
        write_items(self._client, self._table_name, list(latest.values()), self._pause)


def write_items(
    client: DynamoDBClient,
    table_name: str,
    items: Sequence[Item],
    pause: Callable[[float], None],
) -> None:
    """Write items of different keys in batches, and what DynamoDB leaves over again.

    Raises:
        LedgerUnavailableError: Some items were not written.
    """
    remaining = iter(items)
    while batch := list(islice(remaining, _LARGEST_BATCH)):
        requests: Sequence[WriteRequestUnionTypeDef] = [
            {"PutRequest": {"Item": item}} for item in batch
        ]
        for attempt in range(_TRIES):
            back_off(attempt, pause)
            response = client.batch_write_item(RequestItems={table_name: requests})
            requests = response["UnprocessedItems"].get(table_name, [])
            if not requests:
                break
        else:
            message = f"{len(requests)} items were not written to {table_name}"
            raise LedgerUnavailableError(message)
