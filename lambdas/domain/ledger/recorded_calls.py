"""The port that reads calls back from the usage ledger, for reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from lambdas.domain.invocations import UsageRecord


class ScannedCall(NamedTuple):
    """A call in the ledger, and its place there.

    Attributes:
        cursor: The place, after which a later scan can go on.
        record: The call.
    """

    cursor: str
    record: UsageRecord


class ScannedPage(NamedTuple):
    """A part of the ledger.

    Attributes:
        calls: Its calls that were asked for, in the order of the scan; may be empty.
        cursor: The place of its end; `None` at the end of the ledger.
        unreadable_items: The number of items of the time that cannot be read as calls.
    """

    calls: Sequence[ScannedCall]
    cursor: str | None
    unreadable_items: int = 0

    @property
    def records(self) -> list[UsageRecord]:
        """Its calls, without their places."""
        return [call.record for call in self.calls]


class RecordedCalls(Protocol):
    """The current calls in the ledger."""

    def scan_range(
        self, start: datetime, end: datetime, after: str | None = None
    ) -> Iterator[ScannedPage]:
        """Read the calls of a time, each once, in an order that stays the same.

        A call that is written meanwhile may be in it or not. Items that cannot be read are
        counted, and the scan goes on.

        Args:
            start: The first moment, UTC.
            end: The first moment after it.
            after: The place after which to go on; `None` for the beginning.
        """

    def get_creation_time(self) -> datetime:
        """Get the time since which there is a ledger, UTC; it may have calls from before."""
