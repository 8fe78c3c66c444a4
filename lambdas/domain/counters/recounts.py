"""Recounts: changes of the prices that counted calls have, applied to each call exactly once.

The counters take each change of the ledger from its stream. A recount reads the ledger, and adds
the difference between two editions of prices for each call as the ledger has it at that moment. A
mark of the call holds that state. Changes that led to the state count at the edition before, and
changes after it at the edition after, whichever of the two comes first. Decision record 25 has the
proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from lambdas.domain.attribution.tags import profile_arn
from lambdas.domain.invocations import CallVariant, UsageRecord, is_foundation_model
from lambdas.domain.ledger import LedgerChange, join
from lambdas.domain.pricing import read_models
from lambdas.domain.pricing.price_book import name_and_version

ANNOUNCEMENT = timedelta(minutes=5)
"""The time between the begin of a recount and its first look at the ledger: longer than a batch
takes, so that every batch of the stream that does not know the recount has ended."""
MARKS_MATTER = timedelta(days=2)
"""The time after a recount for which changes from before it may arrive: a stream keeps records for
24 hours."""
MARK_RETENTION = timedelta(days=10)
"""The time for which a mark is stored."""
MAX_SCAN = MARK_RETENTION - MARKS_MATTER - timedelta(days=1)
"""The time in which a recount has to look at all calls. Later its first marks may be deleted while
they matter, so that calls would count twice or not at all."""


class PriceEdition(NamedTuple):
    """A name for all that decides the labels and the cost of a call.

    Attributes:
        deployed: The shipped prices and the settings of this deployment. Another deployment cannot
            work out what a call cost under them.
        published: The published edition of prices; empty for the shipped prices alone.
    """

    deployed: str
    published: str = ""


class AffectedCalls(NamedTuple):
    """Calls whose cost a new edition may change; depends on their records alone.

    Attributes:
        start: The time of the first one; `None` for all.
        models: The names of their models, without a version; `None` for all.
    """

    start: datetime | None = None
    models: frozenset[str] | None = None

    def contains(self, record: UsageRecord | None) -> bool:
        """Say if a call as it stands is one; an absent one is not.

        A call whose model may be another one than its record names is always taken as affected.
        """
        if record is None or (self.start is not None and record.timestamp < self.start):
            return False
        is_open = record.conflicts is not None and record.conflicts.is_cut_off
        return (
            self.models is None or is_open or any(map(self._may_be, read_models(record).possible))
        )

    def _may_be(self, variant: CallVariant) -> bool:
        is_hidden = profile_arn(variant.invoked_model_id) is not None
        if self.models is None or is_hidden or not is_foundation_model(variant.model_id):
            return True
        return name_and_version(variant.model_id)[0] in self.models


@dataclass(frozen=True, slots=True)
class Recount:
    """One change of the edition that calls are counted at.

    Attributes:
        number: Its number, one more than that of the recount before.
        before: The edition that calls had; `None` where they were not counted at all.
        calls: The calls that it looks at.
        begun_at: The time from which batches of the stream know it.
        cursor: The place in the ledger up to which calls were looked at.
        scanned_at: The time at which all had been looked at; `None` before.
    """

    number: int
    before: PriceEdition | None
    calls: AffectedCalls
    begun_at: datetime
    cursor: str | None = None
    scanned_at: datetime | None = None

    @property
    def is_scanning(self) -> bool:
        """Say if some calls may still be looked at."""
        return self.scanned_at is None

    def is_overdue(self, now: datetime) -> bool:
        """Say if it goes on for so long that marks may be deleted while they matter."""
        return self.is_scanning and now >= self.begun_at + MAX_SCAN

    def has_marks_that_matter(self, now: datetime) -> bool:
        """Say if changes from before the recount may still arrive."""
        return self.scanned_at is None or now < self.scanned_at + MARKS_MATTER


@dataclass(frozen=True, slots=True)
class CountingState:
    """The prices that calls are counted at, and the recounts that lead there.

    Attributes:
        generation: The generation of cells that is counted into.
        deployment: The deployment that began it.
        prices: The edition that new calls are counted at.
        recounts: The recounts whose marks matter, the oldest first. The last one may be scanning.
        counted_since: The time since when all changes are counted.
        last_number: The number of the last recount.
        revision: Counts the writes; 0 before the first.
    """

    generation: int
    deployment: str
    prices: PriceEdition
    recounts: tuple[Recount, ...]
    counted_since: datetime
    last_number: int = 1
    revision: int = 0

    @property
    def scanning(self) -> Recount | None:
        """The recount that is going on."""
        last = self.recounts[-1] if self.recounts else None
        return last if last is not None and last.is_scanning else None

    @property
    def incomplete_since(self) -> datetime | None:
        """The time before which calls may be missing, while a first count is going on."""
        scanning = self.scanning
        is_first = scanning is not None and scanning.before is None
        return self.counted_since if is_first else None

    def fits(self, deployment: str, deployed: str) -> bool:
        """Say if a deployment can go on with it.

        Args:
            deployment: The id of the deployment.
            deployed: The name of its shipped prices and settings, see `PriceEdition`.
        """
        return (self.deployment, self.prices.deployed) == (deployment, deployed)

    def is_overdue(self, now: datetime) -> bool:
        """Say if a recount takes too long to be exact, so that it has to count all calls again."""
        return self.scanning is not None and self.scanning.is_overdue(now)

    def at(self, now: datetime) -> CountingState:
        """Leave out the recounts whose marks no longer matter."""
        left = tuple(recount for recount in self.recounts if recount.has_marks_that_matter(now))
        return replace(self, recounts=left)

    def following(self, **changes: object) -> CountingState:
        """Make the state that replaces this one."""
        return replace(self, revision=self.revision + 1, **changes)  # type: ignore[arg-type]


class Mark(NamedTuple):
    """Says up to which state the stream counts a call at the edition before a recount.

    Attributes:
        state: The call as the recount found it; `None` where all changes of the call count at the
            edition after.
    """

    state: UsageRecord | None


class CountedAt(NamedTuple):
    """The edition that a change counts at.

    Attributes:
        edition: The edition; `None` if the change is not counted, since a recount counts it.
        marks_recount: The recount that is to leave the call alone; `None` if none has to.
    """

    edition: PriceEdition | None
    marks_recount: int | None = None


def choose_edition(
    state: CountingState, marks: Mapping[int, Mark], change: LedgerChange
) -> CountedAt:
    """Choose the edition that a change of a call counts at.

    Args:
        state: The recounts.
        marks: The marks of the call by the numbers of recounts.
        change: The change.
    """
    replaced = change.replaced
    for recount in state.recounts:
        mark = marks.get(recount.number)
        if mark is None:
            if not recount.is_scanning:
                continue
            if recount.calls.contains(replaced):
                return CountedAt(recount.before)
            is_affected = recount.calls.contains(change.record)
            return CountedAt(state.prices, recount.number if is_affected else None)
        if mark.state is not None and not _includes(replaced, mark.state):
            return CountedAt(recount.before)
    return CountedAt(state.prices)


def _includes(record: UsageRecord | None, earlier: UsageRecord) -> bool:
    """Say if all readings of an earlier state are in a record."""
    return record is not None and join(record, earlier) == record
