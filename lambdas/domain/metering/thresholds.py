"""Token thresholds per identity and hour: which were crossed, when and by whom."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from lambdas.domain.invocations import UsageRecord
from lambdas.domain.metering.ledger import LedgerChange
from lambdas.domain.metering.quota import quota_tokens


class Severity(StrEnum):
    """How bad it is that a threshold was crossed."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number of quota tokens in one hour of the clock, from which on somebody should know."""

    severity: Severity
    quota_tokens: int


DEFAULT_THRESHOLDS = (
    Threshold(Severity.WARNING, 1_000_000),
    Threshold(Severity.CRITICAL, 5_000_000),
)


@dataclass(frozen=True, slots=True)
class ThresholdCrossed:
    """An identity reached a threshold.

    Attributes:
        identity_arn: Who.
        threshold: Which.
        crossed_at: The minute in which the hour's sum reached it.
        quota_tokens: The sum in that hour, up to its end or the last call.
    """

    identity_arn: str
    threshold: Threshold
    crossed_at: datetime
    quota_tokens: int


@dataclass(slots=True)
class HourlyTokens:
    """Quota tokens per identity, hour and minute, kept up to date by the ledger's stream."""

    _by_hour: defaultdict[tuple[datetime, str], Counter[datetime]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    def apply(self, changes: Sequence[LedgerChange]) -> None:
        """Take in changes, corrections as differences."""
        for change in changes:
            if change.replaced is not None:
                self._add(change.replaced, times=-1)
            self._add(change.record, times=1)

    def crossings(self, thresholds: Sequence[Threshold]) -> list[ThresholdCrossed]:
        """Every threshold that was reached, in order of time."""
        crossings = [
            ThresholdCrossed(identity_arn, threshold, crossed_at, minutes.total())
            for (_, identity_arn), minutes in self._by_hour.items()
            for threshold in thresholds
            if (crossed_at := _minute_of_reaching(threshold.quota_tokens, minutes)) is not None
        ]
        return sorted(
            crossings,
            key=lambda it: (it.crossed_at, it.identity_arn, it.threshold.quota_tokens),
        )

    def _add(self, record: UsageRecord, times: int) -> None:
        tokens = None if record.is_failed else quota_tokens(record.tokens, record.model_id)
        if tokens:
            hour = record.minute.replace(minute=0)
            self._by_hour[hour, record.identity_arn][record.minute] += times * tokens


def _minute_of_reaching(tokens: int, minutes: Counter[datetime]) -> datetime | None:
    reached = 0
    for minute in sorted(minutes):
        reached += minutes[minute]
        if reached >= tokens:
            return minute
    return None
