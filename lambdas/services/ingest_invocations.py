"""Takes log messages in: countable calls into the ledger, the rest set aside with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from lambdas.domain.invocations import Ignored, Reading, RejectionReason, UsageRecord
from lambdas.domain.metering import UsageLedger


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A message that cannot be counted. Says where it stands, never what it says.

    Attributes:
        source: The file, or the log stream.
        line: Its place there, from 1, blank lines not counted.
        reason: Why it cannot be counted.
    """

    source: str
    line: int
    reason: RejectionReason


class Quarantine(Protocol):
    """Where rejected records are kept."""

    def keep(self, rejected: Sequence[RejectedRecord]) -> None:
        """Keep records, in order."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of some messages: `read` = `accepted` + `ignored` + `rejected`."""

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


@dataclass(frozen=True, slots=True)
class IngestInvocations:
    """Ingests the readings of one source after the other."""

    ledger: UsageLedger
    quarantine: Quarantine

    def __call__(self, source: str, readings: Iterable[Reading], first_line: int) -> IngestReport:
        """Ingest a batch: all of it, or an error of the ledger or the quarantine comes through.

        Doing it again is safe: the ledger holds each call once.

        Args:
            source: Where the messages come from.
            readings: What they turned out to be.
            first_line: The place of the first one in its source.
        """
        records: list[UsageRecord] = []
        rejected: list[RejectedRecord] = []
        ignored = 0
        for line, reading in enumerate(readings, first_line):
            if isinstance(reading, UsageRecord):
                records.append(reading)
            elif isinstance(reading, Ignored):
                ignored += 1
            else:
                rejected.append(RejectedRecord(source, line, reading))
        if records:
            self.ledger.put(records)
        if rejected:
            self.quarantine.keep(rejected)
        read = len(records) + ignored + len(rejected)
        return IngestReport(read, len(records), ignored, len(rejected))
