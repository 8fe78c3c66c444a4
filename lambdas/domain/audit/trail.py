"""Verification of the whole audit trail: the chain, its anchors, and the table's lists of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from lambdas.domain.audit.chain import AuditAnchor
from lambdas.domain.audit.entry import AuditEntry, limit_subject
from lambdas.domain.audit.ports import AuditStore, Mark
from lambdas.domain.audit.table import SOURCE_PREFIX, SUBJECT_PREFIX
from lambdas.domain.audit.verification import (
    ChainProblem,
    ProblemKind,
    Verification,
    verify_chain,
)
from lambdas.domain.words import plural

PRICE_SOURCE = "prices/"
"""The beginning of sources that are versions of prices."""
_HOUR = timedelta(hours=1)
_MAX_UNANCHORED = 2 * _HOUR


def verify_trail(
    store: AuditStore,
    anchors: Sequence[AuditAnchor],
    now: datetime,
    *,
    since: datetime | None = None,
    on_entry: Callable[[AuditEntry], None] = lambda _: None,
) -> Verification:
    """Verify all entries with all anchors, the anchors themselves, and the marks of entries.

    Args:
        store: The chain.
        anchors: All anchors.
        now: The time.
        since: The time after which missing anchors are a problem; by default at any time.
        on_entry: Takes each entry that can be read.
    """
    marks, anchored = set[Mark](), max((each.head.sequence for each in anchors), default=0)

    def read(entry: AuditEntry) -> None:
        marks.update(list_marks(entry))
        on_entry(entry)

    verification = verify_chain(store.read_entries(), anchors, on_entry=read)
    stored = [*store.read_marks()]
    last = max(store.read_head().sequence, anchored)  # entries may have been appended meanwhile
    return verification.add(
        [
            *find_missing_anchors(anchors, now, begin=verification.began_at, since=since),
            *_find_unanchored(verification, now),
            *_find_wrong_marks(marks, stored, last),
        ]
    )


def list_marks(entry: AuditEntry) -> tuple[Mark, Mark]:
    """List the marks by which an entry is found."""
    change = entry.change
    return (
        Mark(f"{SOURCE_PREFIX}{change.source}", entry.sequence),
        Mark(f"{SUBJECT_PREFIX}{limit_subject(change.subject)}", entry.sequence),
    )


def find_missing_anchors(
    anchors: Iterable[AuditAnchor],
    now: datetime,
    *,
    begin: datetime | None = None,
    since: datetime | None = None,
) -> Iterator[ChainProblem]:
    """Find hours without an anchor.

    Each hour has an anchor, also an hour without an entry: without them, anchors could be deleted
    and the entries that they confirm written anew.

    Args:
        anchors: Anchors, each from some hour on.
        now: The time.
        begin: The time of the first entry, if its hour needs an anchor.
        since: The time after which missing hours are a problem; by default at any time.
    """
    places = {anchor.hour: anchor.head.sequence for anchor in anchors}
    if begin is not None and _cut(begin) < min(places, default=now):
        places[_cut(begin)] = 0
    for earlier, later in pairwise(sorted({*places, _cut(now)})):
        missing = (later - earlier) // _HOUR - 1
        if missing > 0 and (since is None or later > since):
            text = (
                f"{plural(missing, 'hour')} without an anchor between {earlier:%Y-%m-%d %H:00}"
                f" and {later:%Y-%m-%d %H:00} UTC"
            )
            yield ChainProblem(ProblemKind.NOT_ANCHORED, places[earlier], text)


def _find_unanchored(verification: Verification, now: datetime) -> Iterator[ChainProblem]:
    """Find entries that should have an anchor by now."""
    oldest = verification.unanchored_since
    if oldest is not None and now - oldest > _MAX_UNANCHORED:
        text = f"no anchor has the entries since {oldest:%Y-%m-%d %H:%M} UTC"
        yield ChainProblem(ProblemKind.NOT_ANCHORED, verification.head.sequence, text)


def _cut(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _find_wrong_marks(
    expected: set[Mark], stored: Sequence[Mark], last: int
) -> Iterator[ChainProblem]:
    """Find marks that are missing, and marks that belong to no entry.

    Marks of entries that are missing or damaged are passed over: they are in order, and the chain
    is not. So are those of entries that were appended after the verification of the chain.

    Args:
        expected: The marks of all entries that could be read.
        stored: The marks in the table, which were read after the entries.
        last: The last place, which was read after the marks, or was anchored.
    """
    for mark in sorted(expected.difference(stored), key=_get_place):
        text = f"entry {mark.place} is not found by {mark.partition}"
        yield ChainProblem(ProblemKind.WRONG_MARK, _get_place(mark), text)
    read = {mark.place for mark in expected}
    for mark in sorted({*stored} - expected, key=_get_place):
        is_unread = mark.place not in read and 0 < _get_place(mark) <= last
        is_price = mark.place is None and mark.partition.startswith(SOURCE_PREFIX + PRICE_SOURCE)
        if not is_unread and not is_price:
            text = f"{mark.partition} names no entry that has it"
            yield ChainProblem(ProblemKind.WRONG_MARK, _get_place(mark), text)


def _get_place(mark: Mark) -> int:
    return mark.place or 0
