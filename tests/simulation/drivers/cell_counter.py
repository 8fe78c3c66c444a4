"""A stand-in for `usage_counter`: cells and a checkpoint in one transaction.

It follows the design's rules for counters, and drives what they alone need of the stream and of
DynamoDB: tumbling windows, shard ids and transactions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from lambdas.adapters.dynamodb.items import MAX_ATTEMPTS, batches, make_key
from lambdas.adapters.dynamodb.usage_stream import read_stream
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import LedgerChange, StreamedChange
from tests.simulation.account import COUNTERS
from tests.simulation.cloud.event_source import StreamMapping, is_no_expiry
from tests.simulation.drivers.driver import Driver
from tests.simulation.traffic import RETENTION

MAPPING = StreamMapping(
    function="cell_counter",
    batch_size=10,
    max_attempts=10**6,
    max_age=timedelta(days=7),
    window=timedelta(seconds=5),
    is_taken=is_no_expiry,
)
CELL, CHECKPOINT = "cell#", "checkpoint#"
COUNTS = ("calls", "failed_calls", "input_tokens", "output_tokens")
_MAX_CHANGES = 20


class CountingRefusedError(Exception):
    """DynamoDB refused a transaction at every attempt. Counting again is safe."""


class CellCounter:
    """Counts the changes of a shard, each once."""

    def __init__(self, driver: Driver) -> None:
        self._driver, self._client = driver, driver.dynamodb

    def count(self, shard: str, records: Sequence[Any]) -> None:
        """Count what is new in a batch."""
        done = self._read_checkpoint(shard)
        changes = [
            change
            for change in read_stream(records, RETENTION)
            if change.number > done and isinstance(change.change, LedgerChange)
        ]
        for chunk in batches(changes, _MAX_CHANGES):
            self._write(shard, chunk)

    def _read_checkpoint(self, shard: str) -> str:
        answer = self._client.get_item(
            TableName=COUNTERS, Key=make_key(CHECKPOINT + shard), ConsistentRead=True
        )
        return str(answer["Item"]["number"]["S"]) if "Item" in answer else ""

    def _write(self, shard: str, chunk: Sequence[StreamedChange]) -> None:
        cells: dict[str, Counter[str]] = {}
        for entry in chunk:
            if isinstance(entry.change, LedgerChange):
                _add(cells, entry.change.record, 1)
                if entry.change.replaced:
                    _add(cells, entry.change.replaced, -1)
        checkpoint = {
            "Put": {
                "TableName": COUNTERS,
                "Item": make_key(CHECKPOINT + shard) | {"number": {"S": chunk[-1].number}},
                "ConditionExpression": "attribute_not_exists(#n) OR #n < :first",
                "ExpressionAttributeNames": {"#n": "number"},
                "ExpressionAttributeValues": {":first": {"S": chunk[0].number}},
            }
        }
        actions = [_update(key, totals) for key, totals in cells.items()]
        for _ in range(MAX_ATTEMPTS):
            try:
                self._client.transact_write_items(TransactItems=[checkpoint, *actions])
            except self._client.exceptions.TransactionCanceledException as error:
                if error.response["CancellationReasons"][0]["Code"] == "ConditionalCheckFailed":
                    return  # another attempt has counted it
                self._driver.account.pause(1)
            else:
                return
        raise CountingRefusedError


class CellCounterDriver(Driver):
    """Counts what changes in the ledger."""

    function = "cell_counter"
    expected_errors = (CountingRefusedError,)

    def make(self) -> CellCounter:
        return CellCounter(self)

    def run(self, event: Any) -> dict[str, Any]:
        if event["Records"]:
            self.service.count(event["shardId"], event["Records"])
        return {"batchItemFailures": [], "state": event["state"]}

    def start(self) -> None:
        self.account.map_stream(MAPPING)
        self.account.sources[self.function].start()


def name_cell(record: UsageRecord) -> str:
    """The name of the cell of a call: its hour, identity and model."""
    return f"{CELL}{record.timestamp:%Y-%m-%dT%H}#{record.identity_arn}#{record.model_id}"


def count_call(record: UsageRecord) -> Counter[str]:
    """What a call adds to its cell."""
    if record.is_failed:
        return Counter(failed_calls=1)
    return Counter(
        calls=1,
        input_tokens=record.tokens.input or 0,
        output_tokens=record.tokens.output or 0,
    )


def _add(cells: dict[str, Counter[str]], record: UsageRecord, sign: int) -> None:
    totals = cells.setdefault(name_cell(record), Counter())
    for name, value in count_call(record).items():
        totals[name] += sign * value


def _update(key: str, totals: Counter[str]) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": COUNTERS,
            "Key": make_key(key),
            "UpdateExpression": "ADD " + ", ".join(f"{name} :{name}" for name in COUNTS),
            "ExpressionAttributeValues": {f":{name}": {"N": str(totals[name])} for name in COUNTS},
        }
    }
