"""Token thresholds per identity and hour."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """The severity of a crossed threshold."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number of quota tokens in one clock hour at which people are notified."""

    severity: Severity
    quota_tokens: int


DEFAULT_THRESHOLDS = (
    Threshold(Severity.WARNING, 1_000_000),
    Threshold(Severity.CRITICAL, 5_000_000),
)
