"""The planted bug of each fault."""

from __future__ import annotations

from collections.abc import Mapping

from tests.simulation.faults import Fault
from tests.simulation.planted import clients, ingestion, redriving, streaming
from tests.simulation.planted.plant import Plant

BUGS: Mapping[Fault, type[Plant]] = {
    Fault.DUPLICATES: ingestion.DeduplicatesPackages,
    Fault.REORDERING: ingestion.LastReadingWins,
    Fault.LATENESS: ingestion.RejectsLateRecords,
    Fault.THROTTLES: clients.IgnoresThrottles,
    Fault.UNPROCESSED_ITEMS: clients.IgnoresUnprocessedItems,
    Fault.TRANSACTION_CONFLICTS: clients.TakesConflictsAsDone,
    Fault.LOST_ANSWERS: clients.RepeatsWithoutCondition,
    Fault.KILLS: ingestion.AnswersFirst,
    Fault.SHARDS: streaming.OneCheckpointForAllShards,
    Fault.EARLY_WINDOWS: streaming.WritesAtTheEndOfWindows,
    Fault.PARTIAL_ANSWERS: streaming.ForgetsTheRest,
    Fault.BISECT: streaming.ChecksOffWhatItClaimed,
    Fault.RETRY_LIMIT: redriving.DropsExhaustedEvents,
    Fault.AGE_LIMIT: redriving.DropsOldEvents,
    Fault.EXPIRED_ITERATORS: streaming.ReadsFromTheLatest,
    Fault.TTL_REPLAY: ingestion.AcceptsRecordsOfAnyAge,
    Fault.TWO_VERSIONS: streaming.RejectsUnknownAttributes,
    Fault.CLOCK_SKEW: ingestion.TrustsClocks,
    Fault.POISON: ingestion.FailsOnBadRecords,
    Fault.HUGE_OBJECTS: ingestion.SkipsHugePackages,
}
