"""The usage ledger as the rules see it: one entry a call, and a stream of what changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger.readings import join


@dataclass(frozen=True, slots=True)
class LedgerChange:
    """A call that is new to the ledger, or one about which a further reading reports more.

    Attributes:
        record: The entry as it is now: all readings of the call, joined.
        replaced: The entry before; `None` for a new call.
    """

    record: UsageRecord
    replaced: UsageRecord | None = None

    @property
    def is_conflict(self) -> bool:
        """Say if readings of the call disagree: with what stood before, or with each other."""
        if self.replaced is None:
            return self.record.conflicts is not None
        return self.replaced != self.record

    @property
    def is_possible(self) -> bool:
        """Say if readings of the call can make this change.

        What was joined with a further reading has all of what stood before in it: joined with
        that once more, it stays as it is.
        """
        return self.replaced is None or join(self.replaced, self.record) == self.record


LedgerListener: TypeAlias = Callable[[Sequence[LedgerChange]], None]
"""A listener that is notified of changes, in order. A write without effect is not a change."""


class UsageLedger(Protocol):
    """The source of truth: one entry per (account, Region, request id)."""

    def write(self, records: Sequence[UsageRecord]) -> None:
        """Join readings into the entries of their calls, in any order and however often."""
