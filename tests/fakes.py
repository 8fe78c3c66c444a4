"""In-memory twins of the adapters, for tests of rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from lambdas.domain.invocations import RejectedRecord, UsageRecord
from lambdas.domain.logging_configuration import LoggingConfiguration, LoggingMemory
from lambdas.domain.logging_configuration.ports import (
    ConfigurationRefusedError,
    MemoryUnavailableError,
)
from lambdas.domain.metering import DataPoint, LedgerChange, LedgerStream
from lambdas.domain.metering.metric_sink import MetricsUnavailableError


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


class InMemoryMetricSink:
    """Keeps the data points of each call; refuses one after so many that it takes."""

    def __init__(self) -> None:
        self.calls: list[Sequence[DataPoint]] = []
        self.taken_before_a_refusal: int | None = None

    def put(self, data_points: Sequence[DataPoint]) -> None:
        if self.taken_before_a_refusal == 0:
            self.taken_before_a_refusal = None
            message = "throttled"
            raise MetricsUnavailableError(message)
        if self.taken_before_a_refusal is not None:
            self.taken_before_a_refusal -= 1
        self.calls.append(data_points)


class InMemoryUnpricedCalls:
    """Notes of calls without a cost, two dictionaries of them."""

    def __init__(self) -> None:
        self.noted: dict[tuple[str, str, str], UsageRecord] = {}
        self.settled: set[tuple[str, str, str]] = set()
        self._is_taken = False

    def begin(self, _now: datetime) -> bool:
        is_free, self._is_taken = not self._is_taken, True
        return is_free

    def end(self) -> None:
        self._is_taken = False

    def remember(self, records: Sequence[UsageRecord]) -> None:
        self.noted.update({it.key: it for it in records})
        self.settled.difference_update(it.key for it in records)

    def remembered(self, records: Sequence[UsageRecord]) -> frozenset[tuple[str, str, str]]:
        return frozenset(it.key for it in records if it.key in self.noted)

    def waiting(self) -> Iterator[Sequence[UsageRecord]]:
        for key in [it for it in self.noted if it not in self.settled]:
            yield [self.noted[key]]

    def settle(self, records: Sequence[UsageRecord]) -> None:
        self.settled.update(it.key for it in records)


class InMemoryQuarantine:
    """A quarantine that is a list."""

    def __init__(self) -> None:
        self.records: list[RejectedRecord] = []

    def keep(self, rejected: Sequence[RejectedRecord]) -> None:
        self.records.extend(rejected)


class InMemoryLoggingApi:
    """Bedrock's logging configuration; refuses what it is told to refuse."""

    def __init__(self, live: LoggingConfiguration | None = None) -> None:
        self.live = live
        self.refused: list[LoggingConfiguration] = []

    def get(self) -> LoggingConfiguration | None:
        return self.live

    def put(self, configuration: LoggingConfiguration) -> None:
        if configuration in self.refused:
            raise ConfigurationRefusedError
        self.live = configuration

    def remove(self) -> None:
        self.live = None


class InMemoryMemoryStore:
    """A memory that lasts as long as the test; takes so many writes."""

    def __init__(self) -> None:
        self.memory = LoggingMemory()
        self.writes_left = 1_000

    def recall(self) -> LoggingMemory:
        return self.memory

    def remember(self, memory: LoggingMemory) -> None:
        if not self.writes_left:
            raise MemoryUnavailableError
        self.writes_left -= 1
        self.memory = memory
