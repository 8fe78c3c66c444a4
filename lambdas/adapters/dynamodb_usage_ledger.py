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
        remaining = iter(latest.values())
        while batch := list(islice(remaining, _LARGEST_BATCH)):
            self._write([{"PutRequest": {"Item": item}} for item in batch])

    def _write(self, requests: Sequence[WriteRequestUnionTypeDef]) -> None:
        for attempt in range(_TRIES):
            back_off(attempt, self._pause)
            response = self._client.batch_write_item(RequestItems={self._table_name: requests})
            requests = response["UnprocessedItems"].get(self._table_name, [])
            if not requests:
                return
        message = f"{len(requests)} items were not written to {self._table_name}"
        raise LedgerUnavailableError(message)
