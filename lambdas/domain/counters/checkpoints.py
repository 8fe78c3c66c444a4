"""Checkpoints: the place up to which a shard of the stream is counted, and what was left out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from lambdas.domain.counters.recounts import MARKS_MATTER

STALE = timedelta(hours=22)
"""The age of the last counted change from which a batch may have been given up since. Lambda gives
up a batch after 23 hours."""
MAX_MISSED_AGE = MARKS_MATTER - timedelta(hours=1)
"""The age up to which a change that was left out can be counted: recounts that have begun since
still have their marks."""
_MAX_GAPS = 100


class Gap(NamedTuple):
    """A part of a shard without any counted change.

    Attributes:
        after: The sequence number of the change before it.
        before: That of the change after it.
    """

    after: int
    before: int


class Checkpoint(NamedTuple):
    """The place up to which a shard is counted.

    Attributes:
        number: The sequence number of the last counted change; -1 for none.
        changed_at: The time of this change; `None` if unknown.
        gaps: The latest parts before it that have no counted change.
        forgotten: The number up to which there may have been more of them; -1 for none.
    """

    number: int = -1
    changed_at: datetime | None = None
    gaps: tuple[Gap, ...] = ()
    forgotten: int = -1

    def is_missed(self, number: int) -> bool:
        """Say if a change up to the checkpoint was left out."""
        return any(gap.after < number < gap.before for gap in self.gaps)

    def is_unknown(self, number: int, changed_at: datetime, now: datetime) -> bool:
        """Say if a change may have been left out in a gap that is no longer noted.

        The stream itself delivers no change that is as old as that.
        """
        return number < self.forgotten and now >= changed_at + STALE and not self.is_missed(number)

    def go_on(
        self,
        first: int,
        last: int,
        changed_at: datetime | None,
        now: datetime,
        *,
        is_next: bool = False,
    ) -> Checkpoint:
        """Get the checkpoint after a chunk.

        Every gap is true: nothing is counted between the checkpoint and the chunk. It is only
        noted where Lambda may have given up something in between.

        Args:
            first: The sequence number of the first change of the chunk.
            last: That of its last change.
            changed_at: The time of its last change; `None` if unknown.
            now: The time.
            is_next: True if the chunk follows the checkpoint in the same batch.
        """
        reached = self._replace(number=last, changed_at=changed_at)
        is_fresh = self.changed_at is not None and now < self.changed_at + STALE
        if is_next or is_fresh:
            return reached
        gaps = (*self.gaps, Gap(self.number, first))
        if len(gaps) <= _MAX_GAPS:
            return reached._replace(gaps=gaps)
        dropped, *noted = gaps
        return reached._replace(gaps=tuple(noted), forgotten=dropped.before)


class MissedTooLongAgoError(Exception):
    """A change was left out so long ago that only counting all calls again is exact.

    So it is where too much was left out since to know if the change was.
    """
