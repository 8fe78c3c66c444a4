"""Ingests log messages: countable calls go to the ledger, the rest to the quarantine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.domain.invocations import (
    Delivery,
    Ignored,
    MeteredSource,
    Quarantine,
    Reading,
    RejectedRecord,
    RejectionReason,
    UsageRecord,
)
from lambdas.domain.invocations.request_metadata import keep_names
from lambdas.domain.ledger import UsageLedger
from lambdas.domain.metrics import MAX_CLOCK_DIFFERENCE
from lambdas.domain.metrics.catalog import (
    ACCEPTED_RECORDS,
    IGNORED_RECORDS,
    REJECTED_RECORDS,
    HealthMetric,
)


@dataclass(frozen=True, slots=True)
class IngestReport:
    """Counts of messages by outcome: `read` = `accepted` + `ignored` + `rejected`."""

    read: int = 0
    accepted: int = 0
    ignored: int = 0
    rejected: int = 0

    def __add__(self, other: IngestReport) -> IngestReport:
        """Add up two reports of different messages."""
        return IngestReport(
            self.read + other.read,
            self.accepted + other.accepted,
            self.ignored + other.ignored,
            self.rejected + other.rejected,
        )

    @property
    def health(self) -> Mapping[HealthMetric, float]:
        """The health metrics of what was ingested."""
        return {
            ACCEPTED_RECORDS: self.accepted,
            IGNORED_RECORDS: self.ignored,
            REJECTED_RECORDS: self.rejected,
        }


@dataclass(frozen=True, slots=True)
class Ingestor:
    """Ingests the readings of one source after the other.

    Attributes:
        ledger: The store of calls.
        quarantine: The store of rejected records.
        oldest: Calls from before then are rejected; `None` for a ledger that forgets nothing.
        newest: Calls from after then are rejected; `None` for no such limit.
        metadata_names: The names of `requestMetadata` that are kept; `None` for all of them, in a
            ledger that is deleted afterwards.
    """

    ledger: UsageLedger
    quarantine: Quarantine
    oldest: datetime | None = None
    newest: datetime | None = None
    metadata_names: Collection[str] | None = None

    def ingest(self, source: str, readings: Iterable[Reading], first_line: int) -> IngestReport:
        """Ingest a whole batch; errors of the ledger or the quarantine are raised.

        Doing it again is safe: the ledger holds each call once.

        Args:
            source: The name of the source of the messages.
            readings: The messages as they were read.
            first_line: The place of the first one in its source.
        """
        records: list[UsageRecord] = []
        rejected: list[RejectedRecord] = []
        ignored = 0
        for line, reading in enumerate(readings, first_line):
            if isinstance(reading, Ignored):
                ignored += 1
            elif isinstance(reading, RejectionReason):
                rejected.append(RejectedRecord(source, line, reading))
            elif self.oldest is not None and reading.timestamp < self.oldest:
                rejected.append(RejectedRecord(source, line, RejectionReason.TOO_OLD))
            elif self.newest is not None and reading.timestamp > self.newest:
                rejected.append(RejectedRecord(source, line, RejectionReason.IN_THE_FUTURE))
            else:
                records.append(self._without_other_metadata(reading))
        if records:
            self.ledger.write(records)
        if rejected:
            self.quarantine.store(rejected)
        read = len(records) + ignored + len(rejected)
        return IngestReport(read, len(records), ignored, len(rejected))

    def _without_other_metadata(self, record: UsageRecord) -> UsageRecord:
        if self.metadata_names is None or not record.request_metadata:
            return record
        kept = keep_names(record.request_metadata, self.metadata_names)
        return record._replace(request_metadata=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryIngestor:
    """Ingests deliveries of CloudWatch Logs.

    Attributes:
        source: The account, Region and log group whose records count.
        ledger: The usage ledger.
        retention: The time for which the ledger keeps a call.
        open_quarantine: Opens the quarantine of a delivery, or of a part of one.
        metadata_names: The names of `requestMetadata` that the ledger keeps.
    """

    source: MeteredSource
    ledger: UsageLedger
    retention: timedelta
    open_quarantine: Callable[[Delivery], Quarantine]
    metadata_names: Collection[str]

    def ingest(self, data: str, now: datetime) -> IngestReport:
        """Ingest a delivery, part by part.

        Args:
            data: The `awslogs.data` of Lambda's event.
            now: The time, against which that of a call is compared.
        """
        report = IngestReport()
        for delivery in Delivery.open(data):
            ingestor = Ingestor(
                self.ledger,
                self.open_quarantine(delivery),
                oldest=now - self.retention,
                newest=now + MAX_CLOCK_DIFFERENCE,
                metadata_names=self.metadata_names,
            )
            report += ingestor.ingest(
                delivery.source, delivery.readings(self.source), delivery.first_line
            )
        return report
