"""The usage ledger as the rules see it: one entry a call, and a stream of what changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from lambdas.domain.invocations import UsageRecord


@dataclass(frozen=True, slots=True)
class LedgerChange:
    """A call that was new to the ledger, or one that was read differently than before.

    Attributes:
        record: What stands now: the newest reading.
        replaced: What stood before; `None` for a new call.
    """

    record: UsageRecord
    replaced: UsageRecord | None = None


LedgerStream: TypeAlias = Callable[[Sequence[LedgerChange]], None]
"""Whoever is told of changes, in order. Writing what stands already is no change."""


class UsageLedger(Protocol):
    """The source of truth: one entry per (account, Region, request id)."""

    def put(self, records: Sequence[UsageRecord]) -> None:
        """Write records; the same record however often is one entry, and the last one stands."""
