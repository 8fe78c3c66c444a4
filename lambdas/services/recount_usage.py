"""Counts calls again that the ledger has, after switching the counters on or at new prices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from lambdas.domain.counters import (
    ANNOUNCEMENT,
    MAX_RACES,
    CountersUnavailableError,
    CountingState,
    EditionBooks,
    MarkedMeanwhileError,
    Part,
    Recount,
    RecountStore,
    StateChangedError,
    SumUp,
    begin_counting,
    change_prices,
    find_affected,
    subtract,
    take_while_fitting,
)
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import RecordedCalls
from lambdas.domain.words import OUT_OF_TIME

_BEGINNING = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)
_ACTIONS_OF_A_CALL = 2  # its mark, and a look at the ledger
_ANNOUNCED = "batches of the stream that do not know the recount may still be running"
_OTHER_RUN = "another run is in progress"
_RACES = "calls changed all the time"


class RecountReport(NamedTuple):
    """The outcome of a run.

    Attributes:
        state: The counting state; `None` before the first.
        looked_at: Calls that this run marked.
        reason: The reason why a recount goes on in another run; `None` if none does.
    """

    state: CountingState | None
    looked_at: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRecounter:
    """Begins recounts where prices or the deployment changed, and carries them out.

    Runs can overlap, and can end at any moment: marks and the condition on the ledger make each
    call count once.

    Attributes:
        calls: The ledger.
        store: The counters.
        books: The books that enrich calls at an edition of prices.
        sums: Sums changes by cell and accumulator.
        deployment: The id of this deployment.
    """

    calls: RecordedCalls
    store: RecountStore
    books: EditionBooks
    sums: SumUp
    deployment: str

    def recount(self, now: datetime, has_time: Callable[[], bool] = lambda: True) -> RecountReport:
        """Begin a recount that is due, or go on with one.

        Args:
            now: The time.
            has_time: Asked before each page of the ledger and each transaction.

        Raises:
            PriceEditionsError: An edition of prices cannot be read.
        """
        state = self.store.read_state()
        following = self._plan(state, now)
        try:
            if following is not None:
                self.store.write_state(following)
                state = following
            scanning = state.scanning if state is not None else None
            if state is None or scanning is None:
                return RecountReport(state)
            if now < scanning.begun_at + ANNOUNCEMENT:
                return RecountReport(state, reason=_ANNOUNCED)
            return self._scan(state, scanning, now, has_time)
        except StateChangedError:
            return RecountReport(self.store.read_state(), reason=_OTHER_RUN)

    def count_again(self, now: datetime) -> RecountReport:
        """Begin a new generation of cells, into which all calls of the ledger are counted.

        Raises:
            PriceEditionsError: An edition of prices cannot be read.
        """
        known = self.store.read_state()
        begun = begin_counting(self.books.get_current(), self.deployment, now, known, force=True)
        if begun is None:
            return RecountReport(known)
        try:
            self.store.write_state(begun)
        except StateChangedError:
            return RecountReport(self.store.read_state(), reason=_OTHER_RUN)
        return RecountReport(begun, reason=_ANNOUNCED)

    def _plan(self, state: CountingState | None, now: datetime) -> CountingState | None:
        current = self.books.get_current()
        begun = begin_counting(current, self.deployment, now, state)
        if begun is not None or state is None:
            return begun
        if not state.fits(self.deployment, current.deployed) or current == state.prices:
            return None
        before = self.books.get_pricing(state.prices).book
        affected = find_affected(before, self.books.get_pricing(current).book)
        return change_prices(state, current, affected, now)

    def _scan(
        self, state: CountingState, recount: Recount, now: datetime, has_time: Callable[[], bool]
    ) -> RecountReport:
        """Look at calls page by page, and save the place after each."""
        looked_at = 0
        start = recount.calls.start or _BEGINNING
        pages = self.calls.scan_range(start, _END, recount.cursor)
        while has_time() and (page := next(pages, None)) is not None:
            try:
                looked_at += self._count_page(state, recount, page.records, now, has_time)
            except (CountersUnavailableError, _OutOfTimeError) as error:
                return RecountReport(state, looked_at, str(error))
            scanned_at = now if page.cursor is None else None
            recount = replace(recount, cursor=page.cursor, scanned_at=scanned_at)
            state = state.following(recounts=(*state.recounts[:-1], recount))
            self.store.write_state(state)
        return RecountReport(state, looked_at, OUT_OF_TIME if recount.is_scanning else None)

    def _count_page(
        self,
        state: CountingState,
        recount: Recount,
        records: Sequence[UsageRecord],
        now: datetime,
        has_time: Callable[[], bool],
    ) -> int:
        """Count the calls of a page that no mark takes out; returns their number."""
        looked_at, races = 0, 0
        left = self._without_marks(recount, records)
        reader = self.books.open(left, now)
        while left:
            if not has_time():
                raise _OutOfTimeError(OUT_OF_TIME)
            taken, sums, _ = take_while_fitting(
                (
                    Part(
                        self.sums.sum_up(
                            subtract(
                                reader.read(record, state.prices),
                                reader.read(record, recount.before),
                            ),
                            now,
                        ),
                        _ACTIONS_OF_A_CALL,
                    )
                    for record in left
                ),
                reserved=0,
            )
            try:
                self.store.commit_recount(state.generation, recount.number, left[:taken], sums, now)
            except MarkedMeanwhileError:
                races += 1
                if races > MAX_RACES:
                    raise CountersUnavailableError(_RACES) from None
                left = self._without_marks(recount, self.store.read_calls(left))
                reader = self.books.open(left, now)
                continue
            looked_at, left = looked_at + taken, left[taken:]
        return looked_at

    def _without_marks(
        self, recount: Recount, records: Sequence[UsageRecord]
    ) -> Sequence[UsageRecord]:
        affected = [record for record in records if recount.calls.contains(record)]
        marked = self.store.read_marks(affected, [recount.number]) if affected else {}
        return [record for record in affected if record.key not in marked]


class _OutOfTimeError(Exception):
    """The run ends; another one goes on."""
