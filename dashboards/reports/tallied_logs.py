"""Meters logs by adding them up, without storing each call, for `make meter`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from typing import TypeAlias

from dashboards.reports.commands import check_for_logs, count_file, meter_files
from dashboards.reports.local_meter import BATCH, LocalMeter
from dashboards.reports.logs.log_files import LogFile, LogFiles
from dashboards.reports.logs.log_parts import PART_BYTES, cut_or_keep
from dashboards.reports.logs.log_tally import NOTHING, CallSpans, Exclusions, Tally, tally_log_file
from dashboards.reports.part_progress import LONG_INPUT_BYTES, PartProgress
from dashboards.reports.temporary_store import Coverage, open_temporary_store
from dashboards.reports.workers import open_workers
from lambdas.domain.attribution import AttributionRules
from lambdas.domain.invocations import RejectedRecord
from lambdas.domain.ledger import LedgerListener
from lambdas.domain.pricing import Pricing
from lambdas.domain.usage import CallKey, UsageSummary
from lambdas.services.ingest_invocations import IngestReport

MAX_TALLIED_BYTES = 2**30
"""Larger logs are metered call by call: to add them up takes some 200 bytes of memory a call."""

_GZIP_RATIO = 20  # of logs, roughly
_Work: TypeAlias = tuple[LogFile, Exclusions, int | None]
"""A part, the calls to leave out, and the place to note its progress at."""


class TalliedLogs(LocalMeter):
    """A local meter that stores only calls whose readings differ.

    Parts of the logs are added up side by side, each call by its first reading. A part with calls
    that an earlier part counts, or with differing readings of a call, is added up once more without
    these; the differing readings are joined in the store.
    """

    def __init__(
        self,
        store: sqlite3.Connection,
        pricing: Pricing,
        part_bytes: int = PART_BYTES,
        rules: AttributionRules | None = None,
    ) -> None:
        """Keep rejected records and disputed calls in a store; cut files into parts of a size."""
        super().__init__(store, pricing, rules=rules)
        self._part_bytes = part_bytes
        self._spans = CallSpans()

    def coverage(self) -> Coverage | None:
        """Get the coverage of the calls; `None` without calls."""
        return self._spans.coverage(super().coverage())

    def tally(self, found: LogFiles) -> None:
        """Add up files, with a progress bar where there is much to read.

        A damaged file is counted as far as it can be read, and noted as unreadable.
        """
        self.skipped.include(found.skipped)
        parts_of = [cut_or_keep(file, self._part_bytes) for file in found]
        parts = list(chain.from_iterable(parts_of))
        empty = UsageSummary(self.summary.pricing, self.summary.rules)
        is_long = sum(part.size for part in parts) >= LONG_INPUT_BYTES
        progress = PartProgress(parts)
        tally_part = partial(_tally, empty, progress)
        with open_workers(tally_part, len(parts) if is_long else 1) as tally_all:
            first: list[_Work] = [(part, NOTHING, place) for place, part in enumerate(parts)]
            tallies = progress.collect(tally_all(first))
            again = _find_repeated(tallies)
            work: list[_Work] = [(parts[place], but, None) for place, but in again.items()]
            for place, tally in zip(again, tally_all(work), strict=True):
                tallies[place] = tally
        remaining = iter(tallies)
        for file, file_parts in zip(found, parts_of, strict=True):
            self._take(file, list(islice(remaining, len(file_parts))))
        disputed = chain.from_iterable(tally.set_aside for tally in tallies)
        while batch := list(islice(disputed, BATCH)):
            self.ledger.write(batch)

    def _take(self, file: LogFile, tallies: Iterable[Tally]) -> None:
        problem, read = None, 0
        for tally in tallies:
            problem = problem or tally.problem
            self.summary.merge(tally.groups)
            self._spans.merge(tally.spans)
            self.quarantine.store(
                [
                    RejectedRecord(file.name, read + place, reason)
                    for place, reason in tally.rejections
                ]
            )
            rejected = tally.read - tally.accepted - tally.ignored
            self.report += IngestReport(tally.read, tally.accepted, tally.ignored, rejected)
            read += tally.read
        count_file(self, file, problem)


@contextmanager
def meter_logs(
    found: LogFiles,
    pricing: Pricing,
    rules: AttributionRules | None = None,
    *streams: LedgerListener,
) -> Iterator[LocalMeter]:
    """Meter files in the way that suits their size.

    Args:
        found: The files.
        pricing: The prices of calls.
        streams: Further listeners that receive each call, for which files are read one by one.
        rules: The rules that attribute calls to projects, if these are asked for.

    Raises:
        CommandError: Nothing in the files is an invocation log.
    """
    with open_temporary_store() as store:
        if streams or sum(map(_guess_content_bytes, found)) > MAX_TALLIED_BYTES:
            meter = LocalMeter(store, pricing, *streams, rules=rules)
            meter_files(meter, found)
        else:
            meter = tallied = TalliedLogs(store, pricing, rules=rules)
            tallied.tally(found)
        check_for_logs(meter, found)
        yield meter


def _guess_content_bytes(file: LogFile) -> int:
    return file.size * (_GZIP_RATIO if file.path.suffix == ".gz" else 1)


def _find_repeated(tallies: Sequence[Tally]) -> dict[int, Exclusions]:
    """Find calls that several parts count, and calls with differing readings.

    Returns:
        The parts to add up once more, each with the calls to leave out.
    """
    counted: dict[CallKey, int] = {}
    disputed = set[CallKey]().union(*(tally.disputed for tally in tallies))
    common: list[set[CallKey]] = []
    for tally in tallies:
        common.append(counted.keys() & tally.seen.keys())
        disputed.update(key for key in common[-1] if counted[key] != tally.seen[key])
        counted |= tally.seen
    again: dict[int, Exclusions] = {}
    for place, (tally, shared) in enumerate(zip(tallies, common, strict=True)):
        wanted = disputed & tally.seen.keys()
        if shared or wanted:
            again[place] = Exclusions(shared | wanted, wanted)
    return again


def _tally(empty: UsageSummary, progress: PartProgress, work: _Work) -> Tally:
    part, but, place = work
    if place is None:
        return tally_log_file(part, empty, but)
    return tally_log_file(part, empty, but, progress.follow(place))
