"""The meter on this machine: the deployed services, over a temporary store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

from dashboards.reports.logs.skipped_files import SkippedFiles
from dashboards.reports.temporary_store import (
    Coverage,
    SqliteQuarantine,
    SqliteUsageLedger,
    open_temporary_store,
)
from lambdas.domain.attribution import AttributionRules
from lambdas.domain.invocations import Reading
from lambdas.domain.ledger import LedgerListener
from lambdas.domain.pricing import Pricing, shipped_prices
from lambdas.domain.usage import UsageSummary
from lambdas.services.ingest_invocations import Ingestor, IngestReport

BATCH = 1000
"""Records that are written to the store at a time."""


class LocalMeter:
    """Ingests one source after the other, and adds up their calls.

    Attributes:
        files_read: The number of files that were read to their end.
        skipped: The files that were not read, or not to their end.
        report: The counts of messages by outcome.
        summary: Totals per identity, per model and by other fields.
        ledger: The calls, each once.
        quarantine: The rejected records.
    """

    def __init__(
        self,
        store: sqlite3.Connection,
        pricing: Pricing,
        *streams: LedgerListener,
        rules: AttributionRules | None = None,
    ) -> None:
        """Meter into a store; further streams receive the same changes as the summary."""
        self.files_read = 0
        self.skipped = SkippedFiles()
        self.report = IngestReport()
        self.summary = UsageSummary(pricing, rules)
        self.quarantine = SqliteQuarantine(store)
        self.ledger = SqliteUsageLedger(store, self.summary.apply, *streams)
        self._ingestor = Ingestor(self.ledger, self.quarantine)

    def ingest(self, source: str, readings: Iterable[Reading]) -> None:
        """Ingest the readings of a whole source, a batch at a time."""
        remaining = iter(readings)
        line = 1
        while batch := list(islice(remaining, BATCH)):
            self.report += self._ingestor.ingest(source, batch, line)
            line += len(batch)

    def coverage(self) -> Coverage | None:
        """Get the coverage of the calls; `None` without calls."""
        return self.ledger.coverage()

    def record_counts(self) -> dict[str, int]:
        """Count the records that were read, by outcome."""
        report, summary = self.report, self.summary
        return {
            "read": report.read,
            "counted": summary.calls,
            "duplicates": report.accepted - summary.calls,
            "conflicting_duplicates": self.ledger.count_conflicting(),
            "ignored": report.ignored,
            "rejected": report.rejected,
        }


@contextmanager
def open_local_meter(
    *streams: LedgerListener, pricing: Pricing | None = None
) -> Iterator[LocalMeter]:
    """Open a meter that forgets everything when it is closed.

    Args:
        streams: Further listeners that receive the calls.
        pricing: The prices of calls; by default those that are shipped.
    """
    with open_temporary_store() as store:
        yield LocalMeter(store, pricing or Pricing(shipped_prices()), *streams)
