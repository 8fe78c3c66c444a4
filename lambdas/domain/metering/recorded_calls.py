"""Reading the usage ledger back: for reports, which look at what was, not at what changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from lambdas.domain.invocations import UsageRecord


class RecordedCalls(Protocol):
    """The calls in the ledger, as they stand."""

    def between(self, start: datetime, end: datetime) -> Iterator[Sequence[UsageRecord]]:
        """The calls of a time, batch by batch, each once, in no order that means anything.

        A call that is written meanwhile may be in it or not. Batches may be empty: somebody looked,
        and may want to look no further.

        Args:
            start: The first moment, UTC.
            end: The first moment after it.
        """
