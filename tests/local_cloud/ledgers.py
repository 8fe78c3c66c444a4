"""Every kind of usage ledger behind one interface, for a common suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from threading import Condition
from typing import Any, TypeAlias

from cdk.local_cloud.cloud import LocalCloud
from dashboards.reports.temporary_store import SqliteUsageLedger, open_temporary_store
from lambdas.adapters.dynamodb.usage_item import from_item
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.ledger.readings import bound_reading, join
from tests.dynamodb import InMemoryDynamoDb, read_own_change
from tests.fakes import InMemoryUsageLedger

CallKey: TypeAlias = tuple[str, str, str]
RETENTION = timedelta(days=90)
_TABLES = count()


@dataclass(frozen=True, slots=True)
class OpenLedger:
    """A ledger that was empty at first.

    Attributes:
        write: Takes a batch of readings.
        stored: Returns the calls by their keys.
        changes: Returns what the stream has shown so far.
    """

    write: Callable[[Sequence[UsageRecord]], None]
    stored: Callable[[], dict[CallKey, UsageRecord]]
    changes: Callable[[], list[LedgerChange]]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the ledger.

    Attributes:
        client: A client of DynamoDB, or what stands for one.
        name: The table.
        items: Returns all items.
        changes: Returns what the stream has shown so far.
    """

    client: Any
    name: str
    items: Callable[[], list[Any]]
    changes: Callable[[], list[LedgerChange]]

    def ledger(self, client: object = None) -> DynamoDbUsageLedger:
        """A writer to the table, which does not wait."""
        used: Any = client or self.client
        return DynamoDbUsageLedger(used, self.name, RETENTION, lambda _: None)

    def stored(self) -> dict[CallKey, UsageRecord]:
        """The calls by their keys."""
        records = [from_item(item) for item in self.items()]
        return {record.key: record for record in records}


def open_pure_ledger() -> OpenLedger:
    """The pure function, one reading after the other."""
    stored: dict[CallKey, UsageRecord] = {}
    changes: list[LedgerChange] = []

    def write(records: Sequence[UsageRecord]) -> None:
        before = dict(stored)
        for record in map(bound_reading, records):
            known = stored.get(record.key)
            stored[record.key] = record if known is None else join(record, known)
        keys = dict.fromkeys(record.key for record in records)
        changes.extend(
            LedgerChange(stored[key], before.get(key))
            for key in keys
            if stored[key] != before.get(key)
        )

    return OpenLedger(write, lambda: stored, lambda: changes)


def open_in_memory() -> OpenLedger:
    changes: list[LedgerChange] = []
    ledger = InMemoryUsageLedger(changes.extend)
    return OpenLedger(ledger.write, lambda: ledger.records, lambda: changes)


def open_sqlite() -> Iterator[OpenLedger]:
    changes: list[LedgerChange] = []
    with open_temporary_store() as store:
        ledger = SqliteUsageLedger(store, changes.extend)

        def stored() -> dict[CallKey, UsageRecord]:
            return {record.key: record for record in ledger.in_order_of_time()}

        yield OpenLedger(ledger.write, stored, lambda: changes)


def make_table_in_memory() -> Table:
    table = InMemoryDynamoDb()
    return Table(table, "ledger", lambda: list(table.items.values()), lambda: table.stream)


def tables_in_cloud(cloud: LocalCloud) -> Callable[[], Table]:
    """Make tables in a cloud with one pair of clients, since creating clients is slow."""
    clients = cloud.client("dynamodb"), cloud.client("dynamodbstreams")
    return lambda: _make_table(*clients)


def _make_table(client: Any, streams: Any) -> Table:
    name = f"ledger-{next(_TABLES)}"
    stream = client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]["LatestStreamArn"]

    def items() -> list[Any]:
        found: list[Any] = client.scan(TableName=name, ConsistentRead=True)["Items"]
        return found

    def changes() -> list[LedgerChange]:
        found: list[LedgerChange] = []
        for shard in streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]:
            start = streams.get_shard_iterator(
                StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            records = streams.get_records(ShardIterator=start)["Records"]
            found.extend(map(read_own_change, records))
        return found

    return Table(client, name, items, changes)


def open_table(table: Table) -> OpenLedger:
    return OpenLedger(table.ledger().write, table.stored, table.changes)


class Turns:
    """Lets two writers make their requests in a given order, one request at a time.

    If that writer has ended, the other one continues, as it does after the order ends.
    """

    def __init__(self, order: Sequence[int]) -> None:
        self._order = list(order)
        self._ended: set[int] = set()
        self._condition = Condition()

    def make_client(self, writer: int, client: object) -> object:
        """A client that waits for a writer's turn before each request."""
        return _ClientInTurn(self, writer, client)

    def end(self, writer: int) -> None:
        with self._condition:
            self._ended.add(writer)
            self._condition.notify_all()

    def take(self, writer: int, request: Callable[[], Any]) -> Any:
        with self._condition:
            assert self._condition.wait_for(lambda: self._is_next(writer), timeout=30)
            if self._order:
                self._order.pop(0)
            try:
                return request()
            finally:
                self._condition.notify_all()

    def _is_next(self, writer: int) -> bool:
        while self._order and self._order[0] in self._ended:
            self._order.pop(0)
        return not self._order or self._order[0] == writer


class _ClientInTurn:
    def __init__(self, turns: Turns, writer: int, client: object) -> None:
        self._turns, self._writer, self._client = turns, writer, client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def request(**parameters: Any) -> Any:
            operation = getattr(self._client, name)
            return self._turns.take(self._writer, lambda: operation(**parameters))

        return request
