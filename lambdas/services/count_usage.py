"""Counts batches of the ledger's stream, each change exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeGuard

from lambdas.domain.counters import (
    MAX_MISSED_AGE,
    MAX_RACES,
    AlreadyCountedError,
    Checkpoint,
    Chunk,
    CounterStore,
    CountersUnavailableError,
    CountingState,
    EditionBooks,
    Mark,
    MarkedMeanwhileError,
    MissedTooLongAgoError,
    NewMark,
    Part,
    StateChangedError,
    Sums,
    SumUp,
    UsageReader,
    begin_counting,
    choose_edition,
    subtract,
    take_while_fitting,
)
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import CallKey, LedgerChange, StreamedChange, StreamRecord, TamperedCall
from lambdas.domain.words import OUT_OF_TIME
from lambdas.observability import logger

_CHECKPOINT_ACTIONS = 1
_NO_MARKS: Mapping[int, Mark] = {}
_RACES = "other processes counted the same shard all the time"


class CountOutcome(NamedTuple):
    """The outcome of a batch.

    Attributes:
        counted: Changes of calls that were counted.
        repeated: Changes that were counted before.
        tampered: Changes that something other than the meter made, which are not counted.
        first_uncounted: The number of the first record that is to come again; `None` if all were
            counted.
        reason: The reason why it is; `None` if all were counted.
    """

    counted: int
    repeated: int
    tampered: int
    first_uncounted: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageCounter:
    """Adds the changes of the ledger to cells and accumulators.

    A batch is cut into chunks in the order of the stream. One transaction writes a chunk with the
    checkpoint of its shard, on condition that the checkpoint is below the chunk: so a batch that
    comes again, in whole or in part, is counted once. Records up to the checkpoint are skipped.

    Attributes:
        read: Reads the changes of a batch.
        store: The counters.
        books: The books that enrich calls at an edition of prices.
        sums: Sums changes by cell and accumulator.
        deployment: The id of this deployment.
    """

    read: Callable[[Sequence[StreamRecord]], Sequence[StreamedChange]]
    store: CounterStore
    books: EditionBooks
    sums: SumUp
    deployment: str

    def count(
        self,
        batch: Sequence[StreamRecord],
        shard: str,
        now: datetime,
        has_time: Callable[[], bool] = lambda: True,
    ) -> CountOutcome:
        """Count what is new in a batch, up to the first chunk that cannot be written.

        Args:
            batch: Records of one shard, in their order.
            shard: The shard.
            now: The time.
            has_time: Asked before each chunk.

        Raises:
            OtherDeploymentError: Calls are counted at the prices of another deployment.
            PriceEditionsError: An edition of prices cannot be read.
            MissedTooLongAgoError: Changes in a gap are too old to be counted by themselves, or it
                is no longer known if they were counted.
        """
        entries = self.read(batch)
        if not entries:
            return CountOutcome(0, 0, 0)
        run = self._begin(entries, shard, now)
        while run.missed or run.left:
            if not has_time():
                return run.stop(OUT_OF_TIME)
            if run.races > MAX_RACES:
                return run.stop(_RACES)
            try:
                if run.missed:
                    self._count_missed(run)
                else:
                    self._count_chunk(run)
            except AlreadyCountedError:
                run.skip(self.store)
            except MarkedMeanwhileError:
                run.races += 1
                run.marks = self._read_marks([*run.missed, *run.left], run.state)
            except CountersUnavailableError as error:
                return run.stop(str(error))
        return run.outcome

    def _begin(self, entries: Sequence[StreamedChange], shard: str, now: datetime) -> _Run:
        state = self._get_state(now)
        checkpoint = self.store.read_checkpoint(shard)
        known = _sort(entries, checkpoint, now)
        records = [record for entry in known.uncounted for record in _get_records(entry)]
        return _Run(
            checkpoint=checkpoint,
            missed=known.missed,
            shard=shard,
            now=now,
            state=state,
            reader=self.books.open(records, now),
            left=known.left,
            marks=self._read_marks(known.uncounted, state),
            repeated=known.repeated,
        )

    def _count_missed(self, run: _Run) -> None:
        """Count a change of a batch that Lambda gave up, once.

        Raises:
            MissedTooLongAgoError: The change is too old.
        """
        entry = run.missed[0]
        if run.now > entry.changed_at + MAX_MISSED_AGE:
            raise MissedTooLongAgoError(entry.number)
        part = next(self._sum_up(run, run.missed))
        marks = () if part.mark is None else (part.mark,)
        number = int(entry.number)
        if _is_countable(entry.change):
            chunk = Chunk(
                generation=run.state.generation,
                shard=run.shard,
                first=number,
                last=number,
                sums=part.sums,
                marks=marks,
                counted_at=run.now,
            )
            self.store.commit_missed(chunk)
        run.note([entry], marks)
        run.missed = run.missed[1:]
        if not run.missed:
            run.races = 0

    def _get_state(self, now: datetime) -> CountingState:
        """Get the counting state, and begin one where this deployment has none yet."""
        for _ in range(MAX_RACES):
            known = self.store.read_state()
            is_known = known is not None and known.fits(self.deployment, self.books.deployed)
            if known is not None and is_known and not known.is_overdue(now):
                return known.at(now)
            begun = begin_counting(self.books.get_current(), self.deployment, now, known)
            if begun is None and known is not None:
                return known.at(now)
            if begun is not None:
                try:
                    self.store.write_state(begun)
                except StateChangedError:
                    continue
        raise StateChangedError(_RACES)

    def _read_marks(
        self, entries: Sequence[StreamedChange], state: CountingState
    ) -> Mapping[CallKey, Mapping[int, Mark]]:
        recounts = [recount.number for recount in state.recounts]
        records = {
            entry.change.record.key: entry.change.record
            for entry in entries
            if isinstance(entry.change, LedgerChange)
        }
        return self.store.read_marks(list(records.values()), recounts) if recounts else {}

    def _count_chunk(self, run: _Run) -> None:
        """Write as much as one transaction takes of what is left."""
        taken, sums, marks = take_while_fitting(self._sum_up(run, run.left), _CHECKPOINT_ACTIONS)
        entries = run.left[:taken]
        first, last = int(entries[0].number), int(entries[-1].number)
        reached = run.checkpoint.go_on(
            first, last, entries[-1].changed_at, run.now, is_next=run.has_written
        )
        self.store.commit(
            Chunk(
                generation=run.state.generation,
                shard=run.shard,
                first=first,
                last=last,
                sums=sums,
                marks=marks,
                counted_at=run.now,
                changed_at=reached.changed_at,
                gaps=reached.gaps,
                forgotten=reached.forgotten,
                replaces=run.checkpoint.number,
            )
        )
        run.checkpoint, run.has_written = reached, True
        run.note(entries, marks)
        run.left = run.left[taken:]

    def _sum_up(self, run: _Run, entries: Sequence[StreamedChange]) -> Iterator[Part]:
        """Sum up each change, with the mark that is written with it."""
        new_marks: dict[CallKey, dict[int, Mark]] = {}
        for entry in entries:
            change = entry.change
            if not _is_countable(change):
                yield Part(Sums())
                continue
            key = change.record.key
            marks = {**run.marks.get(key, _NO_MARKS), **new_marks.get(key, _NO_MARKS)}
            edition, recount = choose_edition(run.state, marks, change)
            after = run.reader.read(change.record, edition)
            before = run.reader.read(change.replaced, edition)
            mark = None
            if recount is not None:
                mark = NewMark(recount, change.record)
                new_marks.setdefault(key, {})[recount] = Mark(None)
            sums = self.sums.sum_up(subtract(after, before), run.now)
            yield Part(sums, int(mark is not None), mark)


@dataclass(slots=True)
class _Run:
    """The progress of a batch.

    Attributes:
        shard: The shard.
        now: The time.
        state: The counting state as it was when the batch began.
        reader: Reads the usage of calls.
        checkpoint: The place up to which the shard is counted.
        missed: Changes before it that were left out.
        left: The changes that are not counted yet.
        marks: The known marks of their calls.
        repeated: Changes that were counted before.
        counted: Changes that were counted.
        tampered: Changes that were left out.
        races: The number of chunks that were cut again.
        has_written: True if the checkpoint is of a chunk of this run.
    """

    shard: str
    now: datetime
    state: CountingState
    reader: UsageReader
    checkpoint: Checkpoint
    missed: Sequence[StreamedChange]
    left: Sequence[StreamedChange]
    marks: Mapping[CallKey, Mapping[int, Mark]]
    repeated: int
    counted: int = 0
    tampered: int = 0
    races: int = 0
    has_written: bool = False

    @property
    def outcome(self) -> CountOutcome:
        return CountOutcome(self.counted, self.repeated, self.tampered)

    def note(self, entries: Sequence[StreamedChange], marks: Sequence[NewMark]) -> None:
        """Note that changes were written, with their marks."""
        countable = sum(_is_countable(entry.change) for entry in entries)
        self.counted += countable
        self.tampered += len(entries) - countable
        added = {
            mark.record.key: {
                **self.marks.get(mark.record.key, _NO_MARKS),
                mark.recount: Mark(None),
            }
            for mark in marks
        }
        self.marks = {**self.marks, **added}

    def skip(self, store: CounterStore) -> None:
        """Skip what another attempt has counted: a missed change, or all up to its checkpoint.

        What that attempt has left out is missed, and is not skipped.

        Raises:
            MissedTooLongAgoError: It is not known if a change was left out.
        """
        if self.missed:
            self.missed = self.missed[1:]
            self.repeated += 1
            return
        self.checkpoint, self.has_written = store.read_checkpoint(self.shard), False
        known = _sort(self.left, self.checkpoint, self.now)
        self.missed, self.left = known.missed, known.left
        self.repeated += known.repeated
        self.races += 1

    def stop(self, reason: str) -> CountOutcome:
        """End with a part of the batch that is to come again."""
        logger.warning(
            "A part of the batch was not counted and comes again",
            shard=self.shard,
            counted=self.counted,
            left=len(self.missed) + len(self.left),
            reason=reason,
        )
        (first, *_) = [*self.missed, *self.left]
        return self.outcome._replace(first_uncounted=first.number, reason=reason)


class _Sorted(NamedTuple):
    """Changes of a batch by what is known of them."""

    missed: Sequence[StreamedChange]
    left: Sequence[StreamedChange]
    repeated: int

    @property
    def uncounted(self) -> list[StreamedChange]:
        """The changes that are to be counted, in their order."""
        return [*self.missed, *self.left]


def _sort(entries: Sequence[StreamedChange], checkpoint: Checkpoint, now: datetime) -> _Sorted:
    """Sort changes into those before a checkpoint that were left out, and those after it.

    Raises:
        MissedTooLongAgoError: It is not known if a change was left out.
    """
    left = [entry for entry in entries if int(entry.number) > checkpoint.number]
    earlier = entries[: len(entries) - len(left)]
    for entry in earlier:
        if checkpoint.is_unknown(int(entry.number), entry.changed_at, now):
            raise MissedTooLongAgoError(entry.number)
    missed = [entry for entry in earlier if checkpoint.is_missed(int(entry.number))]
    return _Sorted(missed, left, len(earlier) - len(missed))


def _is_countable(change: LedgerChange | TamperedCall) -> TypeGuard[LedgerChange]:
    """Say if readings of a call make a change."""
    return isinstance(change, LedgerChange) and change.is_possible


def _get_records(entry: StreamedChange) -> Sequence[UsageRecord]:
    change = entry.change
    if not isinstance(change, LedgerChange):
        return ()
    return (change.record,) if change.replaced is None else (change.record, change.replaced)
