"""Verification of the chain: what was altered, removed, added or rewritten."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice

from lambdas.domain.audit.chain import START_HASH, AuditAnchor, ChainHead
from lambdas.domain.audit.entry import (
    AuditEntry,
    InvalidEntryError,
    StoredEntry,
    hash_text,
    read_entry,
)

MAX_PROBLEMS = 100
"""Problems that a verification describes; it counts all of them."""


class ProblemKind(StrEnum):
    """A kind of damage to the chain."""

    ALTERED = "altered"
    """An entry is not what its hash was made of."""
    GAP = "gap"
    """Entries are missing between two others, or at the beginning."""
    FORK = "fork"
    """Two entries follow the same one, or the same place was anchored with two hashes."""
    BROKEN_LINK = "broken link"
    """An entry does not follow the one before it."""
    REMOVED_END = "removed end"
    """An anchor names an entry after the last one."""
    REBUILT = "rebuilt"
    """An entry is another one than an anchor names, though it fits its neighbors."""
    NOT_ANCHORED = "not anchored"
    """Anchors of some hours are missing, or no anchor confirms an entry that is old enough."""
    WRONG_MARK = "wrong mark"
    """The table's lists of sources and subjects are not those of the entries."""


@dataclass(frozen=True, slots=True)
class ChainProblem:
    """Damage at a place of the chain.

    Attributes:
        kind: Its kind.
        sequence: The place.
        text: A description for people.
    """

    kind: ProblemKind
    sequence: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The outcome of a verification.

    Attributes:
        head: The last entry that was read.
        entries: The number of entries that were read.
        anchored: The place up to which anchors confirm the chain.
        began_at: The time at which the first entry was recorded; `None` without a readable one.
        unanchored_since: The same of the first entry after all anchors.
        problems: The first problems.
        problem_count: The number of all problems.
    """

    head: ChainHead
    entries: int
    anchored: int
    began_at: datetime | None
    unanchored_since: datetime | None
    problems: tuple[ChainProblem, ...]
    problem_count: int

    @property
    def is_intact(self) -> bool:
        """True if nothing is wrong with what was read."""
        return not self.problem_count

    def add(self, found: Iterable[ChainProblem]) -> Verification:
        """Add problems that were found apart."""
        added = tuple(found)
        return replace(
            self,
            problems=(*self.problems, *added)[:MAX_PROBLEMS],
            problem_count=self.problem_count + len(added),
        )


class ChainVerifier:
    """Verifies entries one after another."""

    def __init__(
        self, anchors: Iterable[AuditAnchor], first: int, on_entry: Callable[[AuditEntry], None]
    ) -> None:
        """Verify the chain from a place on.

        Args:
            anchors: The anchors.
            first: The place of the first entry.
            on_entry: Takes each entry that can be read.
        """
        self._on_entry = on_entry
        self._is_whole = first == 1
        self._last = ChainHead(first - 1, START_HASH if self._is_whole else "")
        self._anchors: dict[int, set[str]] = {}
        for anchor in anchors:
            self._anchors.setdefault(anchor.head.sequence, set()).add(anchor.head.hash)
        self._last_anchored = max(self._anchors, default=0)
        self._entries = self._anchored = 0
        self._began_at: datetime | None = None
        self._unanchored_since: datetime | None = None

    def verify(self, entries: Iterable[StoredEntry]) -> Verification:
        """Verify entries in the order of their places."""
        problems = self._find(entries)
        first = tuple(islice(problems, MAX_PROBLEMS))
        further = sum(1 for _ in problems)
        return Verification(
            head=self._last,
            entries=self._entries,
            anchored=self._anchored,
            began_at=self._began_at,
            unanchored_since=self._unanchored_since,
            problems=first,
            problem_count=len(first) + further,
        )

    def _find(self, entries: Iterable[StoredEntry]) -> Iterator[ChainProblem]:
        if self._is_whole:
            yield from self._compare(self._last)
        for sequence, hashes in sorted(self._anchors.items()):
            if len(hashes) > 1:
                text = f"entry {sequence} was anchored with {len(hashes)} hashes"
                yield ChainProblem(ProblemKind.FORK, sequence, text)
        for entry in entries:
            self._entries += 1
            yield from self._check(entry)
        last = self._last_anchored
        if last > self._last.sequence:
            text = f"entry {last} was anchored, and the last entry is {self._last.sequence}"
            yield ChainProblem(ProblemKind.REMOVED_END, last, text)

    def _check(self, stored: StoredEntry) -> Iterator[ChainProblem]:
        place, last = stored.place, self._last
        previous_hash = None
        if hash_text(stored.text) != stored.hash:
            text = f"entry {place} differs from its hash"
            yield ChainProblem(ProblemKind.ALTERED, place, text)
        try:
            entry = read_entry(stored.text)
        except InvalidEntryError as error:
            yield ChainProblem(ProblemKind.ALTERED, place, f"entry {place} is unreadable: {error}")
        else:
            previous_hash = entry.previous_hash
            self._began_at = self._began_at or entry.recorded_at
            if place > self._last_anchored:
                self._unanchored_since = self._unanchored_since or entry.recorded_at
            self._on_entry(entry)
            if entry.sequence != place:
                text = f"entry {place} has the sequence {entry.sequence}"
                yield ChainProblem(ProblemKind.ALTERED, place, text)
        if place <= last.sequence:
            text = f"entry {place} comes after entry {last.sequence}"
            yield ChainProblem(ProblemKind.FORK, place, text)
        elif place > last.sequence + 1:
            first, final = last.sequence + 1, place - 1
            text = f"entries {first} to {final} are missing"
            if first == final:
                text = f"entry {first} is missing"
            yield ChainProblem(ProblemKind.GAP, first, text)
        elif last.hash and previous_hash not in (None, last.hash):
            text = f"entry {place} does not follow entry {last.sequence}"
            yield ChainProblem(ProblemKind.BROKEN_LINK, place, text)
        self._last = ChainHead(place, stored.hash)
        yield from self._compare(self._last)

    def _compare(self, head: ChainHead) -> Iterator[ChainProblem]:
        """Compare an entry with the anchors of its place."""
        hashes = self._anchors.get(head.sequence)
        if hashes is None:
            return
        if hashes == {head.hash}:
            self._anchored = head.sequence
        else:
            text = f"entry {head.sequence} is another one than was anchored"
            yield ChainProblem(ProblemKind.REBUILT, head.sequence, text)


def verify_chain(
    entries: Iterable[StoredEntry],
    anchors: Iterable[AuditAnchor] = (),
    first: int = 1,
    on_entry: Callable[[AuditEntry], None] = lambda _: None,
) -> Verification:
    """Verify entries with anchors.

    With an anchor of the last entry, every change is found: an altered byte, a missing entry, a
    missing end, a fork, and a chain that was rewritten. Of entries after the last anchor, a
    missing or rewritten end is not found.

    Args:
        entries: All entries from a place on, in the order of their places.
        anchors: The anchors. In a part of the chain, one of the first entry confirms its beginning.
        first: This place; by default, all entries are verified.
        on_entry: Takes each entry that can be read.
    """
    return ChainVerifier(anchors, first, on_entry).verify(entries)
