"""Exact counters of usage: what changes them, and the cells that sum it.

The counters follow the ledger's stream. Each transaction adds a chunk of changes to cells, with
the checkpoint of its shard, so that a repeated batch changes nothing.
"""

from lambdas.domain.counters.amounts import measure_amounts
from lambdas.domain.counters.cells import Cell, CellKey, CellMinutes, CellSpan, get_spans
from lambdas.domain.counters.checkpoints import (
    MAX_MISSED_AGE,
    Checkpoint,
    Gap,
    MissedTooLongAgoError,
)
from lambdas.domain.counters.chunks import (
    MAX_ACCUMULATORS_OF_A_CALL,
    MAX_ACTIONS,
    Accumulate,
    Accumulated,
    AccumulatorKey,
    Chunk,
    ChunkTooLargeError,
    NewMark,
    Part,
    Sums,
    SumUp,
    accumulate_nothing,
    take_while_fitting,
)
from lambdas.domain.counters.edition_books import (
    COUNTING_RULES,
    EditionBooks,
    OtherDeploymentError,
    UsageReader,
)
from lambdas.domain.counters.labels import UsageLabels
from lambdas.domain.counters.ports import (
    MAX_RACES,
    AlreadyCountedError,
    CounterReader,
    CounterStore,
    CountersUnavailableError,
    MarkedMeanwhileError,
    RecountStore,
    StateChangedError,
    TooManyValuesError,
)
from lambdas.domain.counters.recount_plan import begin_counting, change_prices, find_affected
from lambdas.domain.counters.recounts import (
    ANNOUNCEMENT,
    MARK_RETENTION,
    AffectedCalls,
    CountedAt,
    CountingState,
    Mark,
    PriceEdition,
    Recount,
    choose_edition,
)
from lambdas.domain.counters.totals import FIGURE_NAMES, UsageTotals
from lambdas.domain.counters.usage import UNKNOWN_PROVIDER, read_usage, subtract
from lambdas.domain.counters.usage_change import UsageChange
from lambdas.domain.money import to_picodollars

__all__ = [
    "ANNOUNCEMENT",
    "COUNTING_RULES",
    "FIGURE_NAMES",
    "MARK_RETENTION",
    "MAX_ACCUMULATORS_OF_A_CALL",
    "MAX_ACTIONS",
    "MAX_MISSED_AGE",
    "MAX_RACES",
    "UNKNOWN_PROVIDER",
    "Accumulate",
    "Accumulated",
    "AccumulatorKey",
    "AffectedCalls",
    "AlreadyCountedError",
    "Cell",
    "CellKey",
    "CellMinutes",
    "CellSpan",
    "Checkpoint",
    "Chunk",
    "ChunkTooLargeError",
    "CountedAt",
    "CounterReader",
    "CounterStore",
    "CountersUnavailableError",
    "CountingState",
    "EditionBooks",
    "Gap",
    "Mark",
    "MarkedMeanwhileError",
    "MissedTooLongAgoError",
    "NewMark",
    "OtherDeploymentError",
    "Part",
    "PriceEdition",
    "Recount",
    "RecountStore",
    "StateChangedError",
    "SumUp",
    "Sums",
    "TooManyValuesError",
    "UsageChange",
    "UsageLabels",
    "UsageReader",
    "UsageTotals",
    "accumulate_nothing",
    "begin_counting",
    "change_prices",
    "choose_edition",
    "find_affected",
    "get_spans",
    "measure_amounts",
    "read_usage",
    "subtract",
    "take_while_fitting",
    "to_picodollars",
]
