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
    """

    number: int = -1
    changed_at: datetime | None = None
    gaps: tuple[Gap, ...] = ()

    def is_missed(self, number: int) -> bool:
        """Say if a change up to the checkpoint was left out."""
        return any(gap.after < number < gap.before for gap in self.gaps)

    def go_on(self, first: int, now: datetime) -> tuple[Gap, ...]:
        """Get the gaps once counting goes on with a change.

        Every gap is true: nothing is counted between the checkpoint and the change. It is only
        noted where Lambda may have given up something in between.
        """
        if self.changed_at is not None and now < self.changed_at + STALE:
            return self.gaps
        return (*self.gaps, Gap(self.number, first))[-_MAX_GAPS:]


class MissedTooLongAgoError(Exception):
    """A change was left out so long ago that only counting all calls again is exact."""
