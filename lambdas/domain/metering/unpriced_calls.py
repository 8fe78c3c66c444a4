"""Calls that were published without their cost, since nobody knew a price; until one is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from lambdas.domain.invocations import UsageRecord

CallKey: TypeAlias = tuple[str, str, str]
"""Account, Region and request id."""


class UnpricedCalls(Protocol):
    """Remembers which calls were published without a cost, for as long as metrics take it."""

    def begin(self, now: datetime) -> bool:
        """Begin to publish what is waiting; `False` while somebody else is at it."""

    def end(self) -> None:
        """Let others begin."""

    def remember(self, records: Sequence[UsageRecord]) -> None:
        """Note calls, which wait for a price from then on."""

    def remembered(self, records: Sequence[UsageRecord]) -> frozenset[CallKey]:
        """Which of some calls were noted, whether or not their cost was published since."""

    def waiting(
        self, is_wanted: Callable[[str], bool] = lambda _: True
    ) -> Iterator[Sequence[UsageRecord]]:
        """The calls whose cost was not published yet, as the ledger has them, batch by batch.

        Args:
            is_wanted: Asked for each call, by its model; the others are not read.
        """

    def settle(self, records: Sequence[UsageRecord]) -> None:
        """Let calls wait no longer: their cost was published, or cannot be any more."""
