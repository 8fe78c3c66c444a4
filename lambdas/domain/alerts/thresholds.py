"""Token thresholds per identity and hour."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
