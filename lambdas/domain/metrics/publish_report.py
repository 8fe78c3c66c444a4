"""The result of publishing changes of the ledger as metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lambdas.domain.ledger import LedgerChange, TamperedCall
from lambdas.domain.metrics.catalog import (
    CALLS_AROUND_GATEWAY,
    CONFLICTING_DUPLICATES,
    METERING_DELAY,
    OVERFLOWING_CALLS,
    TAMPERED_CALLS,
    TOKENS_AROUND_GATEWAY,
    UNPUBLISHED_RECORDS,
    HealthMetric,
)


@dataclass(frozen=True, slots=True)
class PublishReport:
    """The result of publishing some changes of the ledger, up to the first that was not sent.

    Attributes:
        published: New calls whose data points were sent.
        unpublished: Changes of calls that are too old for CloudWatch, which the ledger has all the
            same, and changes that could not be read.
        conflicting: Changes of calls whose readings disagree.
        tampered: Calls that something other than the meter changed in the ledger.
        oldest: The time of the oldest published call.
        first_unsent: The place of the first change that was not sent, from 0; `None` if all were.
            It and all after it are to be published again.
        reason: The reason why it was not sent.
        overflowing: Calls that are in an overflow bucket, since more identities, projects or
            models than have metrics of their own were seen.
        around_gateway: New calls of others than the gateway that succeeded; 0 without a gateway.
        tokens_around_gateway: Their tokens, as far as they are known.
    """

    published: int = 0
    unpublished: int = 0
    conflicting: tuple[LedgerChange, ...] = ()
    tampered: tuple[TamperedCall, ...] = ()
    oldest: datetime | None = None
    first_unsent: int | None = None
    reason: str | None = None
    overflowing: int = 0
    around_gateway: int = 0
    tokens_around_gateway: int = 0

    def get_health(self, now: datetime) -> Mapping[HealthMetric, float]:
        """Get the health metrics of what was published at a time."""
        health: dict[HealthMetric, float] = {
            CONFLICTING_DUPLICATES: len(self.conflicting),
            TAMPERED_CALLS: len(self.tampered),
            UNPUBLISHED_RECORDS: self.unpublished,
            OVERFLOWING_CALLS: self.overflowing,
            CALLS_AROUND_GATEWAY: self.around_gateway,
            TOKENS_AROUND_GATEWAY: self.tokens_around_gateway,
        }
        if self.oldest is not None:
            health[METERING_DELAY] = max(0.0, (now - self.oldest).total_seconds())
        return health
