"""Chunks of a batch: changes that are written in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias, TypeVar

from lambdas.domain.counters.cells import Cell, CellKey, CellSpan, sum_by_cell
from lambdas.domain.counters.checkpoints import Checkpoint, Gap
from lambdas.domain.counters.totals import UsageTotals
from lambdas.domain.counters.usage_change import UsageChange
from lambdas.domain.invocations import UsageRecord

MAX_ACTIONS = 100
"""Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
_OTHER_ACTIONS = 8
"""A correction can move a call from two cells to two others, notes two hours, and has a checkpoint
and a mark. A recount has a mark and a look at the ledger instead."""
MAX_ACCUMULATORS_OF_A_CALL = (MAX_ACTIONS - _OTHER_ACTIONS) // 2
"""Accumulators that a call may be in: a correction can move it from all of them to as many others,
in one transaction."""
_Key = TypeVar("_Key")


class AccumulatorKey(NamedTuple):
    """The place of a sum that is kept beside the cells, such as that of a budget's period.

    Attributes:
        name: Its name, which the sums of several values share.
        value: The value that it is for; empty if there is one sum.
        expires_at: The time from which it is deleted.
    """

    name: str
    value: str
    expires_at: datetime


class Accumulated(NamedTuple):
    """Sums of changes by accumulator.

    Attributes:
        sums: The sums.
        revision: The revision of what decides which sums there are, if cells have to note it: a
            sum that is new in it can then be completed from cells. `None` if no sum is new.
    """

    sums: Mapping[AccumulatorKey, UsageTotals]
    revision: int | None = None


Accumulate: TypeAlias = Callable[[Sequence[UsageChange]], Accumulated]
"""Sums changes by accumulator. The sums of two batches are those of both together."""


def accumulate_nothing(_: Sequence[UsageChange]) -> Accumulated:
    """Keep no sums beside the cells."""
    return Accumulated({})


class ChunkTooLargeError(Exception):
    """A single call changes more sums than one transaction can write."""


@dataclass(slots=True)
class Sums:
    """The sums of changes that are written together.

    Attributes:
        cells: By cell.
        accumulators: By accumulator.
        noted: By cell and revision, see `Accumulated`: the part that cells note besides.
        hours: The starts of hours whose cost has changed, if they are to be noted.
    """

    cells: dict[CellKey, UsageTotals] = field(default_factory=dict)
    accumulators: dict[AccumulatorKey, UsageTotals] = field(default_factory=dict)
    noted: dict[tuple[CellKey, int], UsageTotals] = field(default_factory=dict)
    hours: set[datetime] = field(default_factory=set)

    def __len__(self) -> int:
        """The number of items that they are written to."""
        return len(self.list_items())

    def list_items(self) -> set[CellKey | AccumulatorKey | datetime]:
        """List the items that they are written to; an hour stands for the note of it."""
        return {*self._cell_keys, *self.accumulators, *self.hours}

    @property
    def _cell_keys(self) -> dict[CellKey, None]:
        return dict.fromkeys([*self.cells, *(key for key, _ in self.noted)])

    def add(self, other: Sums) -> None:
        """Add other sums; those that are 0 are left out."""
        _add(self.cells, other.cells)
        _add(self.accumulators, other.accumulators)
        _add(self.noted, other.noted)
        self.hours |= other.hours

    def list_cells(self) -> Iterator[tuple[Cell, dict[int, UsageTotals]]]:
        """List what is added to each cell, and the parts that it notes, by revision."""
        noted: defaultdict[CellKey, dict[int, UsageTotals]] = defaultdict(dict)
        for (key, revision), totals in self.noted.items():
            noted[key][revision] = totals
        for key in self._cell_keys:
            yield Cell(key, self.cells.get(key, UsageTotals.ZERO)), noted.get(key, {})


class NewMark(NamedTuple):
    """A mark that is written with a chunk, on condition that the call has none.

    Attributes:
        recount: The number of the recount that leaves the call alone.
        record: The call.
    """

    recount: int
    record: UsageRecord


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a batch that one transaction writes, with the checkpoint of its shard.

    Attributes:
        generation: The generation of cells that it is added to.
        shard: The shard of the stream.
        first: The sequence number of its first record. The checkpoint has to be below.
        last: That of its last record, which becomes the checkpoint.
        sums: Added to cells and accumulators.
        marks: Marks of its calls.
        counted_at: The time.
        changed_at: The time of its last change; `None` if unknown.
        gaps: The gaps of the shard afterwards.
        forgotten: The number up to which there may have been more of them; -1 for none.
        replaces: The checkpoint that it was made for; `None` for any that is below.
    """

    generation: int
    shard: str
    first: int
    last: int
    sums: Sums
    marks: tuple[NewMark, ...]
    counted_at: datetime
    changed_at: datetime | None = None
    gaps: tuple[Gap, ...] = ()
    forgotten: int = -1
    replaces: int | None = None

    @property
    def reached(self) -> Checkpoint:
        """The checkpoint of the shard afterwards."""
        return Checkpoint(self.last, self.changed_at, self.gaps, self.forgotten)


@dataclass(frozen=True, slots=True)
class SumUp:
    """Sums changes up as they are stored.

    Attributes:
        spans: The lengths of the cells.
        accumulate: Sums changes by accumulator.
        notes_hours: True if hours whose cost has changed are noted, for credits.
    """

    spans: tuple[CellSpan, ...]
    accumulate: Accumulate = accumulate_nothing
    notes_hours: bool = False

    def sum_up(self, changes: Sequence[UsageChange], now: datetime) -> Sums:
        """Sum changes by cell and by accumulator."""
        sums = Sums()
        for cell in sum_by_cell(changes, self.spans, now):
            _add(sums.cells, {cell.key: cell.totals})
        if self.notes_hours:
            sums.hours = {
                CellSpan.HOUR.get_start(key.start)
                for key, totals in sums.cells.items()
                if totals.cost_picodollars and key.span is not CellSpan.DAY
            }
        accumulated = self.accumulate(changes)
        _add(sums.accumulators, accumulated.sums)
        if accumulated.revision is not None:
            sums.noted = {(key, accumulated.revision): totals for key, totals in sums.cells.items()}
        return sums


class Part(NamedTuple):
    """The part of a transaction that is about one call.

    Attributes:
        sums: What is added to sums.
        actions: The number of other actions.
        mark: The mark among these; `None` for none.
    """

    sums: Sums
    actions: int = 0
    mark: NewMark | None = None


class Fitting(NamedTuple):
    """The parts that one transaction can write.

    Attributes:
        number: Their number.
        sums: The sums of all of them.
        marks: Their marks.
    """

    number: int
    sums: Sums
    marks: tuple[NewMark, ...]


def take_while_fitting(parts: Iterable[Part], reserved: int) -> Fitting:
    """Take as many parts as one transaction can write.

    Args:
        parts: The parts, which are read as far as they are needed.
        reserved: The number of actions that the transaction has in any case.

    Raises:
        ChunkTooLargeError: The first one does not fit.
    """
    number, actions, together = 0, reserved, Sums()
    items, marks = set[CellKey | AccumulatorKey | datetime](), list[NewMark]()
    for part in parts:
        items |= part.sums.list_items()
        actions += part.actions
        if actions + len(items) > MAX_ACTIONS:
            break
        number += 1
        together.add(part.sums)
        marks += [] if part.mark is None else [part.mark]
    else:
        return Fitting(number, together, tuple(marks))
    if not number:
        message = (
            f"one call changes more than {MAX_ACTIONS - reserved} sums; make fewer budgets that"
            " match the same call"
        )
        raise ChunkTooLargeError(message)
    return Fitting(number, together, tuple(marks))


def _add(sums: dict[_Key, UsageTotals], added: Mapping[_Key, UsageTotals]) -> None:
    """Add totals in place; those that become 0 are left out."""
    for key, totals in added.items():
        total = sums[key] + totals if key in sums else totals
        if total:
            sums[key] = total
        else:
            sums.pop(key, None)
