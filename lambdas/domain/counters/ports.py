"""The stores of counters, as the rules see them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from lambdas.domain.counters.cells import Cell, CellSpan
from lambdas.domain.counters.checkpoints import Checkpoint
from lambdas.domain.counters.chunks import Chunk, Sums
from lambdas.domain.counters.recounts import CountingState, Mark
from lambdas.domain.counters.totals import UsageTotals
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import CallKey

MAX_RACES = 20
"""Writes that may be repeated because another process was there first."""


class CountersUnavailableError(Exception):
    """The store was too busy at every attempt. Trying again is safe."""


class TooManyValuesError(Exception):
    """An accumulator has more values than are read."""


class AlreadyCountedError(Exception):
    """The checkpoint of the shard is not below the chunk: another attempt was there first."""


class MarkedMeanwhileError(Exception):
    """A call has a mark by now, or does not stand in the ledger as it was read."""


class StateChangedError(Exception):
    """Another process has written the counting state since it was read."""


class CounterStore(Protocol):
    """The store of counters for batches of a stream. Each write is one transaction."""

    def read_state(self) -> CountingState | None:
        """Read the counting state; `None` before the first."""

    def write_state(self, state: CountingState) -> None:
        """Write the state, whose revision is that of the one it replaces and one more.

        Raises:
            StateChangedError: The stored state has another revision.
        """

    def read_checkpoint(self, shard: str) -> Checkpoint:
        """Read the place up to which a shard is counted."""

    def read_marks(
        self, records: Sequence[UsageRecord], recounts: Collection[int]
    ) -> Mapping[CallKey, Mapping[int, Mark]]:
        """Read the marks of calls by the numbers of recounts; a call without one is left out."""

    def commit(self, chunk: Chunk) -> None:
        """Add a chunk, with its checkpoint and marks: all of it or nothing.

        Raises:
            AlreadyCountedError: The checkpoint is not below the chunk, or not the one it replaces.
            MarkedMeanwhileError: One of its calls has a mark.
            CountersUnavailableError: Others were in the way every time.
        """

    def commit_missed(self, chunk: Chunk) -> None:
        """Add a chunk of one change that lies in a gap, once; the checkpoint stays.

        Raises:
            AlreadyCountedError: It was added before.
            MarkedMeanwhileError: The call has a mark.
            CountersUnavailableError: Others were in the way every time.
        """


class RecountStore(CounterStore, Protocol):
    """The store of counters for recounts."""

    def commit_recount(
        self,
        generation: int,
        recount: int,
        records: Sequence[UsageRecord],
        sums: Sums,
        now: datetime,
    ) -> None:
        """Mark calls as they stand, and add sums: all of it or nothing.

        Raises:
            MarkedMeanwhileError: A call has a mark, or the ledger has it in another state.
            CountersUnavailableError: Others were in the way every time.
        """

    def read_calls(self, records: Sequence[UsageRecord]) -> Sequence[UsageRecord]:
        """Read calls as the ledger has them now; those that it has no more are left out."""


class CounterReader(Protocol):
    """Reads cells. Reads of one cell are consistent; a range is read while others write."""

    def read_cells(
        self,
        generation: int,
        span: CellSpan,
        start: datetime,
        end: datetime,
        before_revision: int | None = None,
    ) -> Iterator[Cell]:
        """Read the cells that begin in a range of time, in order of time.

        Args:
            generation: The generation of cells.
            span: Their length.
            start: The start of the range.
            end: Its end.
            before_revision: Leave out what cells note for this revision and later ones. `None`
                reads all of each cell.
        """

    def read_accumulators(
        self, generation: int, names: Collection[str]
    ) -> Mapping[str, UsageTotals]:
        """Read accumulators of a generation by their names, of those that are for no value.

        Those that nothing was added to are left out.
        """

    def read_values(
        self, generation: int, name: str, max_values: int | None = None
    ) -> Mapping[str, UsageTotals]:
        """Read all accumulators of a name by their values.

        Raises:
            TooManyValuesError: There are more than `max_values`.
        """

    def read_identity_cells(
        self, generation: int, identity_arn: str, span: CellSpan, start: datetime, end: datetime
    ) -> Iterator[Cell]:
        """Read the cells of one identity that begin in a range, in order of time.

        An index answers, which is a moment behind.
        """
