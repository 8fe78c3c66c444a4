"""Bugs on the way from a delivery into the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from lambdas.adapters.dynamodb.usage_ledger import LedgerUnavailableError
from lambdas.domain.invocations import Delivery, RejectionReason, UsageRecord, unpack
from lambdas.domain.ledger import UsageLedger, join_readings
from lambdas.domain.metrics import MAX_CLOCK_DIFFERENCE
from lambdas.services.ingest_invocations import DeliveryIngestor, IngestReport
from tests.simulation.planted.plant import Plant
from tests.simulation.world import Killed


class _IngestionBug(Plant):
    """A bug in the ingestor."""

    def change_service(self, function: str, service: Any) -> Any:
        return self.change_ingestor(service) if function == "log_processor" else service

    def change_ingestor(self, ingestor: DeliveryIngestor) -> Any:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class _Writing:
    """A ledger that changes records before they are written."""

    ledger: UsageLedger
    change: Callable[[Sequence[UsageRecord]], Sequence[UsageRecord]]

    def write(self, records: Sequence[UsageRecord]) -> None:
        self.ledger.write(self.change(records))


class _Ingesting:
    """An ingestor with another way to ingest."""

    def __init__(self, ingest: Callable[[str, datetime], IngestReport]) -> None:
        self.ingest = ingest


class DeduplicatesPackages(_IngestionBug):
    """A call is known by the package that brought it, not by its request id alone."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, str, str], str] = {}

    def change_ingestor(self, ingestor: DeliveryIngestor) -> Any:
        def ingest(data: str, now: datetime) -> IngestReport:
            digest = sha256(data.encode()).hexdigest()[:8]

            def name(record: UsageRecord) -> UsageRecord:
                if self._owners.setdefault(record.key, digest) == digest:
                    return record
                return record._replace(request_id=f"{record.request_id}@{digest}")

            ledger = _Writing(ingestor.ledger, lambda records: [name(record) for record in records])
            return replace(ingestor, ledger=ledger).ingest(data, now)

        return _Ingesting(ingest)


class LastReadingWins(_IngestionBug):
    """Of several readings of a call in one package, the counts of the last one are taken."""

    def change_ingestor(self, ingestor: DeliveryIngestor) -> Any:
        def take_last(records: Sequence[UsageRecord]) -> Sequence[UsageRecord]:
            joined = join_readings(records)
            last = {record.key: record.tokens for record in records}
            return [record._replace(tokens=last[key]) for key, record in joined.items()]

        return replace(ingestor, ledger=_Writing(ingestor.ledger, take_last))


class RejectsLateRecords(_IngestionBug):
    """Records that are hours late are taken for too old."""

    def change_ingestor(self, ingestor: DeliveryIngestor) -> Any:
        return replace(ingestor, retention=timedelta(hours=3, minutes=50))


class AcceptsRecordsOfAnyAge(_IngestionBug):
    """Records that the ledger has deleted are counted again."""

    def change_ingestor(self, ingestor: DeliveryIngestor) -> Any:
        return replace(ingestor, retention=timedelta(days=3650))


class TrustsClocks(_IngestionBug):
    """Records from a clock that is ahead are rejected."""

    def change_ingestor(self, ingestor: DeliveryIngestor) -> Any:
        shorter = replace(ingestor, retention=ingestor.retention - MAX_CLOCK_DIFFERENCE)
        return _Ingesting(lambda data, now: shorter.ingest(data, now - MAX_CLOCK_DIFFERENCE))


class FailsOnBadRecords(_IngestionBug):
    """A record that cannot be read fails its whole package."""

    def change_ingestor(self, ingestor: DeliveryIngestor) -> Any:
        def ingest(data: str, now: datetime) -> IngestReport:
            readings = [reading for part in Delivery.open(data) for reading in part.readings()]
            if any(isinstance(reading, RejectionReason) for reading in readings):
                raise LedgerUnavailableError
            return ingestor.ingest(data, now)

        return _Ingesting(ingest)


class SkipsHugePackages(_IngestionBug):
    """A package that does not fit into memory at once is skipped."""

    def change_ingestor(self, ingestor: DeliveryIngestor) -> Any:
        def ingest(data: str, now: datetime) -> IngestReport:
            return ingestor.ingest(data, now) if isinstance(unpack(data), dict) else IngestReport()

        return _Ingesting(ingest)


class AnswersFirst(Plant):
    """The function answers before it has done its work, which goes on in the background."""

    def call(self, function: str, handle: Callable[[Any], Any], event: Any) -> Any:
        try:
            return handle(event)
        except Killed:
            if function != "log_processor":
                raise
            return None
