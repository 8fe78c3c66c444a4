"""The ledger: each call once, with all that its readings report, until it expires."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from lambdas.adapters.dynamodb.usage_item import from_item
from tests.simulation.account import LEDGER, Account
from tests.simulation.checks.projection import Difference
from tests.simulation.cloud.stream import changed_at
from tests.simulation.traffic import RETENTION


class LedgerProjection:
    """The calls in the table."""

    name = "ledger"

    def compare(self, account: Account) -> Iterator[Difference]:
        stored = {
            record.key: record for record in map(from_item, account.tables[LEDGER].items.values())
        }
        expected = account.traffic.kept(account.now)
        stream = account.tables[LEDGER].stream
        assert stream is not None
        for shard in stream.shards.values():
            for record in shard.records:
                if record["eventName"] == "INSERT":
                    call = from_item(record["dynamodb"]["NewImage"])
                    if call.timestamp + RETENTION < datetime.fromtimestamp(changed_at(record), UTC):
                        yield Difference(self.name, f"expired {call.request_id}", 0, 1)
        for key in expected.keys() | stored.keys():
            subject = key[2]
            yield Difference(self.name, subject, key in expected, key in stored)
            if key in expected and key in stored and stored[key] != expected[key]:
                tokens = f"tokens of {subject}"
                yield Difference(
                    self.name,
                    tokens,
                    float(expected[key].tokens.total or 0),
                    float(stored[key].tokens.total or 0),
                )
                if stored[key].tokens == expected[key].tokens:
                    yield Difference(self.name, f"content of {subject}", 1, 0)
