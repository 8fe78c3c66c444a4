"""Corrections of cost after an edition was superseded, and their progress."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol


class CorrectionProgress(NamedTuple):
    """The progress of the correction of one superseded edition.

    Attributes:
        edition: The superseded edition.
        revision: Counts the writes; 0 before the first.
        cursor: The place in the ledger up to which calls were looked at.
        is_done: Whether all were looked at.
        raised_calls: Calls whose cost rose.
        raised_usd: The sum of their differences, which was published.
        lowered_calls: Calls whose cost fell.
        lowered_usd: The sum of their differences. Metrics still have it: nothing lowers them.
        too_old_calls: Calls whose cost rose, but that CloudWatch takes no metrics of any more.
        unpriced_calls: Calls that have no cost without the superseded prices.
    """

    edition: str
    revision: int = 0
    cursor: str | None = None
    is_done: bool = False
    raised_calls: int = 0
    raised_usd: Decimal = Decimal(0)
    lowered_calls: int = 0
    lowered_usd: Decimal = Decimal(0)
    too_old_calls: int = 0
    unpriced_calls: int = 0


@dataclass(frozen=True, slots=True)
class CorrectionReport:
    """The result of a run.

    Attributes:
        corrections: The progress of each edition that was superseded in the last two weeks.
        published: Calls whose difference was published by this run.
        reason: The reason why it ended before all were done; `None` if it did not.
        is_refused: Whether CloudWatch refused the rest.
    """

    corrections: tuple[CorrectionProgress, ...] = ()
    published: int = 0
    reason: str | None = None
    is_refused: bool = False


class ProgressChangedError(Exception):
    """Another run has written the progress since it was read."""


class CostCorrections(Protocol):
    """A store of the progress of corrections."""

    def get_progress(self, edition: str) -> CorrectionProgress:
        """Get the progress of a superseded edition; a new one if it is not stored."""

    def save_progress(self, progress: CorrectionProgress) -> None:
        """Save progress, whose revision is that of the one it replaces and one more.

        Raises:
            ProgressChangedError: The stored progress has another revision.
        """
