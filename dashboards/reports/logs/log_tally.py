"""Adds up a log file, or a part of one, so that parts can be added up side by side."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from io import BufferedReader
from itertools import chain
from typing import NamedTuple

from dashboards.reports.logs.json_values import split_values
from dashboards.reports.logs.log_files import LogFile, UnreadableLogsError
from dashboards.reports.logs.log_reader import (
    ObjectLines,
    explained_read_errors,
    get_position,
    holds_lines,
    open_content,
    read_lines,
    read_object,
    read_table,
)
from dashboards.reports.temporary_store import Coverage
from lambdas.domain.invocations import (
    Ignored,
    Reading,
    RejectionReason,
    UsageRecord,
    read_invocation,
    read_value,
)
from lambdas.domain.ledger import bound_reading
from lambdas.domain.usage import CallGroup, CallKey, PlainCalls, UsageSummary

_READINGS_A_REPORT = 1_000
"""The number of readings between two reports of progress."""
_REASONS = tuple(RejectionReason)


class CallSpans:
    """The first and the last time of calls, by account and Region."""

    def __init__(self) -> None:
        """Start without calls."""
        self._spans: dict[tuple[str, str], tuple[datetime, datetime]] = {}

    def merge(self, other: CallSpans) -> None:
        """Add the times of other calls."""
        for place, times in other._spans.items():
            self.widen(place, *times)

    def coverage(self, other: Coverage | None) -> Coverage | None:
        """The period, accounts and Regions of the calls and of others."""
        spans = dict(self._spans)
        if not spans:
            return other
        starts, ends = zip(*spans.values(), strict=True)
        account_ids, regions = map(set, zip(*spans, strict=True))
        if other is not None:
            starts, ends = (*starts, other.start), (*ends, other.end)
            account_ids.update(other.account_ids)
            regions.update(other.regions)
        places = tuple(sorted(account_ids)), tuple(sorted(regions))
        return Coverage(min(starts), max(ends), *places)

    def add(self, record: UsageRecord) -> None:
        """Add a call."""
        self.widen((record.account_id, record.region), record.timestamp, record.timestamp)

    def widen(self, place: tuple[str, str], first: datetime, last: datetime) -> None:
        """Add the first and the last time of calls of one account and Region."""
        span = self._spans.get(place)
        if span is None:
            self._spans[place] = first, last
        elif first < span[0] or last > span[1]:
            self._spans[place] = min(first, span[0]), max(last, span[1])


class Tally(NamedTuple):
    """The sum of the messages of a log file, or of a part of one.

    Attributes:
        accepted: The number of messages that are calls.
        ignored: The number of messages that are rightly no calls.
        rejected: The places of all others among the messages, from 1, each with its reason.
        groups: The calls, each once: the first reading of each counts.
        spans: The first and last times of these readings.
        seen: The calls, each with a hash of that reading.
        disputed: The calls with several different readings.
        set_aside: Readings of calls that are counted elsewhere, as far as they were asked for.
        problem: The reason why the file cannot be read to its end; `None` where it was.
    """

    accepted: int
    ignored: int
    rejected: tuple[array[int], array[int]]
    groups: list[CallGroup]
    spans: CallSpans
    seen: dict[CallKey, int]
    disputed: set[CallKey]
    set_aside: list[UsageRecord]
    problem: str | None

    @property
    def read(self) -> int:
        """The number of messages."""
        return self.accepted + self.ignored + len(self.rejected[0])

    @property
    def rejections(self) -> Iterator[tuple[int, RejectionReason]]:
        """The rejected messages: the place of each, and the reason."""
        for place, reason in zip(*self.rejected, strict=True):
            yield place, _REASONS[reason]


class Exclusions(NamedTuple):
    """Calls that are counted elsewhere.

    Attributes:
        uncounted: All of them.
        wanted: Those of them whose readings are to be set aside.
    """

    uncounted: Collection[CallKey] = frozenset()
    wanted: Collection[CallKey] = frozenset()


NOTHING = Exclusions()


def tally_log_file(
    file: LogFile,
    empty: UsageSummary,
    but: Exclusions = NOTHING,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Tally:
    """Add up a file, or its part.

    Args:
        file: The file.
        empty: A summary without calls, whose prices and rules decide on what may be added up.
        but: The calls to leave out.
        on_progress: Called now and then with the position in the file on disk.
    """
    tallying = _Tallying(empty, but)
    problem = None
    try:
        with explained_read_errors(file), file.path.open("rb") as on_disk:
            content = open_content(on_disk, file)
            tallying.take(content, file, lambda: on_progress(get_position(on_disk)))
    except UnreadableLogsError as error:
        problem = str(error)
    return tallying.tally(problem)


class _Tallying:
    def __init__(self, empty: UsageSummary, but: Exclusions) -> None:
        pricing = empty.pricing
        self._plain = PlainCalls(pricing.size_steps, uncounted=but.uncounted, wanted=but.wanted)
        self._others = UsageSummary(pricing, empty.rules)
        self._spans = CallSpans()
        self._ignored = 0
        self._places, self._reasons = array("Q"), array("B")

    def take(self, content: BufferedReader, file: LogFile, report: Callable[[], None]) -> None:
        table = None if file.part else read_table(content, read_invocation)
        if table is not None:
            readings = chain.from_iterable(table)
        elif holds_lines(content, file):
            rest = self._take_objects(content, report)
            readings = chain.from_iterable(read_lines(rest, read_invocation))
        else:
            values = split_values(content)
            readings = chain.from_iterable(read_value(value) for value in values)
        for number, reading in enumerate(readings, 1):
            self._add(reading)
            if not number % _READINGS_A_REPORT:
                report()

    def tally(self, problem: str | None) -> Tally:
        for account_id, region, first, last in self._plain.spans:
            times = datetime.fromisoformat(first), datetime.fromisoformat(last)
            self._spans.widen((account_id, region), *times)
        return Tally(
            self._plain.accepted,
            self._ignored,
            (self._places, self._reasons),
            [*self._plain.groups, *self._others.groups],
            self._spans,
            self._plain.seen,
            self._plain.disputed,
            self._plain.set_aside,
            problem,
        )

    def _take_objects(self, content: BufferedReader, report: Callable[[], None]) -> BufferedReader:
        """Take lines for as long as each is an object by itself; returns the rest."""
        add_plain = self._plain.add
        lines = ObjectLines(content, report)
        for line, log in lines:
            if not add_plain(log):
                for reading in read_object(line, log, read_invocation):
                    self._add(reading)
        return lines.rest

    def _add(self, reading: Reading) -> None:
        if isinstance(reading, UsageRecord):
            record = bound_reading(reading)
            if self._plain.is_first(record):
                self._others.add(record)
                self._spans.add(record)
        elif isinstance(reading, Ignored):
            self._ignored += 1
        else:
            place = self._plain.accepted + self._ignored + len(self._places) + 1
            self._places.append(place)
            self._reasons.append(_REASONS.index(reading))
