"""Changes of usage from the calls of log files, as the counters of a deployment count them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from dashboards.reports.call_times import is_possible
from lambdas.domain.calls import CallEnricher
from lambdas.domain.counters import UsageChange, read_usage, subtract
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import LedgerChange


def list_usage_changes(
    changes: Sequence[LedgerChange], enricher: CallEnricher, now: datetime
) -> Iterator[UsageChange]:
    """List what changes in usage by calls that are new or were read otherwise.

    Calls with an impossible time are left out.
    """

    def read(record: UsageRecord | None) -> UsageChange | None:
        if record is None or not is_possible(record.timestamp, now):
            return None
        return read_usage(enricher.enrich(record))

    for change in changes:
        yield from subtract(read(change.record), read(change.replaced))
