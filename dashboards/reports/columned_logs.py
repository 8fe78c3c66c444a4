"""Reads log files into metrics, parts of them side by side, for `make preview`."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import chain
from typing import NamedTuple, TypeAlias

from cdk.config import Config
from dashboards.reports.call_columns import CallColumns
from dashboards.reports.log_metrics import LogMetrics
from dashboards.reports.logs.log_files import LogFile, LogFiles, UnreadableLogsError
from dashboards.reports.logs.log_parts import PART_BYTES, cut_or_keep
from dashboards.reports.logs.log_reader import read_log_file
from dashboards.reports.part_progress import LONG_INPUT_BYTES, PartProgress
from dashboards.reports.workers import open_workers
from lambdas.domain.invocations import Ignored, UsageRecord
from lambdas.domain.ledger import LedgerChange, bound_reading, join_readings
from lambdas.services.ingest_invocations import IngestReport

_CallKey: TypeAlias = int
"""A hash of a call's key. Only a fork hashes as its parent does."""


class ColumnedLogs(NamedTuple):
    """Logs that were read.

    Attributes:
        metrics: The metrics of their calls.
        calls: The number of calls.
        left_out: The keys of calls with an impossible time.
        report: The counts of messages by outcome.
        problems: The reasons why files could not be read to their end.
        left_out: The number of calls with an impossible time, which are in no metric.
    """

    metrics: LogMetrics
    calls: int
    report: IngestReport
    problems: Sequence[str]
    left_out: int = 0


class _Part(NamedTuple):
    """A part of the logs.

    Attributes:
        columns: The calls, each by its first reading.
        keys: The key of each.
        readings: A hash of that reading.
        disputed: The keys of calls with several different readings.
        report: The counts of messages by outcome.
        problem: The reason why it cannot be read to its end; `None` where it was.
    """

    columns: CallColumns
    keys: array[_CallKey]
    readings: array[int]
    disputed: set[_CallKey]
    left_out: set[_CallKey]
    report: IngestReport
    problem: str | None


def read_columned_logs(
    found: LogFiles, now: datetime, config: Config, part_bytes: int = PART_BYTES
) -> ColumnedLogs:
    """Read log files, with a progress bar where there is much to read.

    Each call counts once. Readings of a call that differ are joined, as the ledger joins them: they
    are read once more. A damaged file is read as far as it goes.

    Args:
        found: The files.
        now: The time.
        config: The configuration of the deployment.
        part_bytes: The size of the parts that large files are cut into.
    """
    metrics = LogMetrics(now, config)
    files = list(chain.from_iterable(cut_or_keep(file, part_bytes) for file in found))
    is_long = sum(file.size for file in files) >= LONG_INPUT_BYTES
    progress = PartProgress(files)
    read_part = partial(_read_part, metrics, progress)
    with open_workers(read_part, len(files) if is_long else 1) as read_parts:
        parts = progress.collect(read_parts(enumerate(files)))
    disputed = _find_disputed(parts)
    known = set(disputed)
    for part in parts:
        metrics.add(part.columns, list(_find_new(part.keys, known)))
    if disputed:
        metrics.apply([LedgerChange(record) for record in _join_again(files, disputed)])
    report = sum((part.report for part in parts), IngestReport())
    problems = [part.problem for part in parts if part.problem is not None]
    left_out = set[_CallKey]().union(*(part.left_out for part in parts)) - known
    return ColumnedLogs(metrics, len(known), report, problems, len(left_out))


def _read_part(metrics: LogMetrics, progress: PartProgress, work: tuple[int, LogFile]) -> _Part:
    place, file = work
    columns = CallColumns()
    first_readings: dict[_CallKey, int] = {}  # of each call, in the order of the columns
    disputed, left_out = set[_CallKey](), set[_CallKey]()
    accepted = ignored = rejected = 0
    problem = None
    try:
        for reading in read_log_file(file, progress.follow(place)):
            if isinstance(reading, Ignored):
                ignored += 1
            elif not isinstance(reading, UsageRecord):
                rejected += 1
            else:
                accepted += 1
                record = bound_reading(reading)
                key, digest = hash(record.key), hash(record)
                if key in first_readings:
                    if first_readings[key] != digest:
                        disputed.add(key)
                elif call := metrics.enrich(record):
                    first_readings[key] = digest
                    columns.append(call)
                else:
                    left_out.add(key)
    except UnreadableLogsError as error:
        problem = str(error)
    report = IngestReport(accepted + ignored + rejected, accepted, ignored, rejected)
    keys, readings = array("q", first_readings.keys()), array("q", first_readings.values())
    return _Part(columns, keys, readings, disputed, left_out, report, problem)


def _find_disputed(parts: Sequence[_Part]) -> set[_CallKey]:
    """Find calls with differing readings, in one part or in several."""
    disputed = set[_CallKey]().union(*(part.disputed for part in parts))
    first_readings: dict[_CallKey, int] = {}
    for part in parts:
        for key, digest in zip(part.keys, part.readings, strict=True):
            if first_readings.setdefault(key, digest) != digest:
                disputed.add(key)
    return disputed


def _find_new(keys: Iterable[_CallKey], known: set[_CallKey]) -> Iterator[int]:
    """Find the places of calls that are not known yet, and note them as known."""
    for row, key in enumerate(keys):
        if key not in known:
            known.add(key)
            yield row


def _join_again(files: Iterable[LogFile], disputed: set[_CallKey]) -> Iterable[UsageRecord]:
    """Read the disputed calls once more, and join their readings."""
    readings: list[UsageRecord] = []
    for file in files:
        with suppress(UnreadableLogsError):  # it was noted when the file was first read
            readings.extend(
                reading
                for reading in read_log_file(file, lambda _: None)
                if isinstance(reading, UsageRecord) and hash(bound_reading(reading).key) in disputed
            )
    return join_readings(readings).values()
