"""In-memory twins of the adapters, for tests of rules."""

from __future__ import annotations

from collections.abc import Sequence

from lambdas.domain.invocations import RejectedRecord, UsageRecord
from lambdas.domain.metering import LedgerChange, LedgerStream


class InMemoryUsageLedger:
    """A usage ledger that is a dictionary."""

    def __init__(self, *streams: LedgerStream) -> None:
        self.records: dict[tuple[str, str, str], UsageRecord] = {}
        self._streams = streams

    def put(self, records: Sequence[UsageRecord]) -> None:
        changes = []
        for record in records:
            replaced = self.records.get(record.key)
            if replaced != record:
                changes.append(LedgerChange(record, replaced))
                self.records[record.key] = record
        for stream in self._streams:
            stream(changes)


class InMemoryQuarantine:
    """A quarantine that is a list."""

    def __init__(self) -> None:
        self.records: list[RejectedRecord] = []

    def keep(self, rejected: Sequence[RejectedRecord]) -> None:
        self.records.extend(rejected)
