"""Counters in memory, effects that can be killed, and the truth that counters have to equal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from lambdas.domain.counters import (
    MAX_ACTIONS,
    AccumulatorKey,
    AlreadyCountedError,
    Cell,
    CellKey,
    CellSpan,
    Checkpoint,
    Chunk,
    CountersUnavailableError,
    CountingState,
    EditionBooks,
    Mark,
    MarkedMeanwhileError,
    PriceEdition,
    StateChangedError,
    Sums,
    TooManyValuesError,
    UsageTotals,
)
from lambdas.domain.counters.table import RECOUNT_WRITER
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import CallKey, LedgerChange, StreamedChange
from tests.credits import InMemoryChangedHours


class Killed(BaseException):
    """A process ends in the middle of its work."""


class InMemoryCounters:
    """Counters in dictionaries, over a ledger in one.

    Attributes:
        cells: The totals by generation and cell.
        noted: What cells note, by generation, cell and revision.
        accumulators: The totals by generation and accumulator.
        checkpoints: The places up to which shards are counted.
        missed: Shards and numbers of changes that were counted afterwards.
        marks: By recount and call.
        state: The counting state.
        effects: The number of writes so far.
        kills_at: Processes die at these writes: before an even one, after an odd one.
        busy: The number of writes that are refused next.
        interleaved: Things that others do just before a write, each before another one.
        changed_hours: The notes of hours whose cost has changed.
    """

    def __init__(self, ledger: Mapping[CallKey, UsageRecord] | None = None) -> None:
        self.cells: dict[tuple[int, CellKey], UsageTotals] = {}
        self.noted: dict[tuple[int, CellKey, int], UsageTotals] = {}
        self.accumulators: dict[tuple[int, AccumulatorKey], UsageTotals] = {}
        self.checkpoints: dict[str, Checkpoint] = {}
        self.missed: set[tuple[str, int]] = set()
        self.marks: dict[tuple[int, CallKey], Mark] = {}
        self.state: CountingState | None = None
        self.effects = 0
        self.kills_at: Collection[int] = ()
        self.busy = 0
        self.interleaved: list[Callable[[], None]] = []
        self.changed_hours = InMemoryChangedHours()
        self._ledger = ledger if ledger is not None else {}

    def read_state(self) -> CountingState | None:
        return self.state

    def write_state(self, state: CountingState) -> None:
        self._effect(lambda: self._write_state(state))

    def _write_state(self, state: CountingState) -> None:
        stored = 0 if self.state is None else self.state.revision
        if state.revision != stored + 1:
            raise StateChangedError(stored)
        self.state = state

    def read_checkpoint(self, shard: str) -> Checkpoint:
        return self.checkpoints.get(shard, Checkpoint())

    def read_marks(
        self, records: Sequence[UsageRecord], recounts: Collection[int]
    ) -> Mapping[CallKey, Mapping[int, Mark]]:
        found: defaultdict[CallKey, dict[int, Mark]] = defaultdict(dict)
        for record in records:
            for number in recounts:
                if (number, record.key) in self.marks:
                    found[record.key][number] = self.marks[number, record.key]
        return found

    def commit(self, chunk: Chunk) -> None:
        self._effect(lambda: self._commit(chunk))

    def _commit(self, chunk: Chunk) -> None:
        assert len(chunk.sums) + len(chunk.marks) + 1 <= MAX_ACTIONS
        known = self.read_checkpoint(chunk.shard).number
        if known >= chunk.first or chunk.replaces not in {None, known}:
            raise AlreadyCountedError
        self._commit_sums(chunk)
        self.checkpoints[chunk.shard] = chunk.reached

    def commit_missed(self, chunk: Chunk) -> None:
        self._effect(lambda: self._commit_missed(chunk))

    def _commit_missed(self, chunk: Chunk) -> None:
        if (chunk.shard, chunk.first) in self.missed:
            raise AlreadyCountedError
        self._commit_sums(chunk)
        self.missed.add((chunk.shard, chunk.first))

    def _commit_sums(self, chunk: Chunk) -> None:
        new = {(mark.recount, mark.record.key): Mark(None) for mark in chunk.marks}
        if new.keys() & self.marks.keys():
            raise MarkedMeanwhileError
        self.marks |= new
        self._add(chunk.generation, chunk.sums)
        self._note(chunk.sums, chunk.shard, chunk.counted_at)

    def commit_recount(
        self,
        generation: int,
        recount: int,
        records: Sequence[UsageRecord],
        sums: Sums,
        now: datetime,
    ) -> None:
        self._effect(lambda: self._commit_recount(generation, recount, records, sums, now))

    def _commit_recount(
        self,
        generation: int,
        recount: int,
        records: Sequence[UsageRecord],
        sums: Sums,
        now: datetime,
    ) -> None:
        assert len(sums) + 2 * len(records) <= MAX_ACTIONS
        new = {(recount, record.key): Mark(record) for record in records}
        if new.keys() & self.marks.keys():
            raise MarkedMeanwhileError
        if any(self._ledger.get(record.key) != record for record in records):
            raise MarkedMeanwhileError
        self.marks |= new
        self._add(generation, sums)
        self._note(sums, RECOUNT_WRITER, now)

    def read_calls(self, records: Sequence[UsageRecord]) -> Sequence[UsageRecord]:
        return [self._ledger[record.key] for record in records if record.key in self._ledger]

    def read_accumulators(
        self, generation: int, names: Collection[str]
    ) -> Mapping[str, UsageTotals]:
        return {
            key.name: total
            for (of, key), total in self.accumulators.items()
            if of == generation and key.name in names and not key.value
        }

    def read_values(
        self, generation: int, name: str, max_values: int | None = None
    ) -> Mapping[str, UsageTotals]:
        found = {
            key.value: total
            for (of, key), total in self.accumulators.items()
            if of == generation and key.name == name
        }
        if max_values is not None and len(found) > max_values:
            raise TooManyValuesError(name)
        return found

    def read_cells(
        self,
        generation: int,
        span: CellSpan,
        start: datetime,
        end: datetime,
        before_revision: int | None = None,
    ) -> Iterator[Cell]:
        found = [
            Cell(key, totals - self._get_noted(generation, key, before_revision))
            for (of, key), totals in self.cells.items()
            if of == generation and key.span == span and start <= key.start < end
        ]
        return iter(sorted(found, key=lambda cell: cell.key))

    def read_identity_cells(
        self, generation: int, identity_arn: str, span: CellSpan, start: datetime, end: datetime
    ) -> Iterator[Cell]:
        for cell in self.read_cells(generation, span, start, end):
            if cell.key.labels.identity_arn == identity_arn:
                yield cell

    def _get_noted(self, generation: int, key: CellKey, first: int | None) -> UsageTotals:
        found = UsageTotals.ZERO
        for (of, noted_by, revision), totals in self.noted.items():
            if first is not None and (of, noted_by) == (generation, key) and revision >= first:
                found += totals
        return found

    def _add(self, generation: int, sums: Sums) -> None:
        for (key, totals), noted in sums.list_cells():
            place = generation, key
            self.cells[place] = self.cells.get(place, UsageTotals.ZERO) + totals
            for revision, part in noted.items():
                mark = generation, key, revision
                self.noted[mark] = self.noted.get(mark, UsageTotals.ZERO) + part
        for name, totals in sums.accumulators.items():
            kept = generation, name
            self.accumulators[kept] = self.accumulators.get(kept, UsageTotals.ZERO) + totals

    def _note(self, sums: Sums, writer: str, now: datetime) -> None:
        for hour in sums.hours:
            self.changed_hours.note(hour, writer, now)

    def _effect(self, write: Callable[[], None]) -> None:
        if self.busy:
            self.busy -= 1
            message = "others were in the way"
            raise CountersUnavailableError(message)
        if self.interleaved:
            self.interleaved.pop()()
        self.effects += 1
        is_killed = self.effects in self.kills_at
        if is_killed and self.effects % 2 == 0:
            raise Killed
        write()
        if is_killed:
            raise Killed


def streamed(
    changes: Iterable[LedgerChange], at: datetime, first_number: int = 1
) -> list[StreamedChange]:
    """Changes as one shard of the stream has them."""
    return [
        StreamedChange(str(first_number + place), at, change)
        for place, change in enumerate(changes)
    ]


def true_cells(
    records: Iterable[UsageRecord],
    books: EditionBooks,
    edition: PriceEdition,
    spans: Iterable[CellSpan],
    now: datetime,
) -> dict[CellKey, UsageTotals]:
    """The cells that counters have to have: those of the ledger at one edition of prices."""
    records, spans = list(records), list(spans)
    reader = books.open(records, now)
    cells: defaultdict[CellKey, UsageTotals] = defaultdict(lambda: UsageTotals.ZERO)
    for record in records:
        usage = reader.read(record, edition)
        assert usage is not None
        for span in spans:
            cells[CellKey(span, span.get_start(usage.minute), usage.labels)] += usage.totals
    return {key: totals for key, totals in cells.items() if key.start > now - timedelta(days=30)}


def get_cells(store: InMemoryCounters) -> dict[CellKey, UsageTotals]:
    """The cells of the generation that is counted into, without those that came back to 0."""
    assert store.state is not None
    generation = store.state.generation
    return {key: totals for (of, key), totals in store.cells.items() if of == generation and totals}
