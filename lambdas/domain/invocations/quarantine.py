"""The port that stores records that cannot be counted, so that nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lambdas.domain.invocations.usage_record import RejectionReason


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A message that cannot be counted. Names its place, and never its content.

    Attributes:
        source: The file, or the log stream.
        line: Its place there, from 1, blank lines not counted.
        reason: The reason why it cannot be counted.
    """

    source: str
    line: int
    reason: RejectionReason


class Quarantine(Protocol):
    """A store of rejected records."""

    def store(self, rejected: Sequence[RejectedRecord]) -> None:
        """Store records, in order."""
