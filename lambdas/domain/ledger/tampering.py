"""Changes of the ledger that the meter never makes, because something else wrote to its table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lambdas.domain.invocations import UsageRecord


class Tampering(StrEnum):
    """A change of a call in the ledger. The meter only inserts calls and joins readings."""

    CHANGED = "changed"
    """The call reports something that no further reading makes of it, or its item holds more than
    a call."""
    REMOVED = "removed"
    """The call was deleted before it expired."""
    UNREADABLE = "unreadable"
    """The item holds no call any more, so that reports leave it out."""
    MISPLACED = "misplaced"
    """The item's key is that of another call, so that the call counts twice."""
    EXPIRES_SOONER = "expires_sooner"
    """The call is deleted before its time, which then looks as if it had expired."""


@dataclass(frozen=True, slots=True)
class TamperedCall:
    """A call in the ledger that something other than the meter changed.

    Attributes:
        tampering: The kind of change.
        record: The call as it is now, or as it was before if it is gone; `None` if neither can
            be read.
    """

    tampering: Tampering
    record: UsageRecord | None
