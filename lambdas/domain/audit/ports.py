"""Ports of the audit trail: the chain's table, anchors, and versions of prices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum
from typing import NamedTuple, Protocol

from lambdas.domain.audit.chain import AuditAnchor, ChainHead
from lambdas.domain.audit.entry import AuditedChange, AuditEntry, StoredEntry
from lambdas.domain.pricing.editions import PriceUpdates


class AppendOutcome(Enum):
    """The outcome of an attempt to append an entry."""

    APPENDED = "appended"
    ALREADY_THERE = "already there"
    """An entry was made of the same source before."""
    HEAD_MOVED = "head moved"
    """Another entry has taken the place: read the head again."""


class Mark(NamedTuple):
    """An item by which an entry is found.

    Attributes:
        partition: Its partition, which names a source or a subject.
        place: The place of the entry; `None` for a source with nothing to record.
    """

    partition: str
    place: int | None


class PastVerification(NamedTuple):
    """A verification of the whole.

    Attributes:
        at: Its time.
        problem_count: The number of problems that it found.
    """

    at: datetime
    problem_count: int


class AuditBusyError(Exception):
    """The chain's end was taken by others at every attempt. Appending again is safe."""


class AuditStore(Protocol):
    """Stores the chain. Nothing is changed or deleted."""

    def read_head(self) -> ChainHead:
        """Read the head of the chain."""

    def append(self, entry: AuditEntry) -> AppendOutcome:
        """Append an entry if its place is free and its source is new."""

    def has_source(self, source: str) -> bool:
        """Say if a source is in the chain, or was marked."""

    def mark_source(self, source: str) -> None:
        """Note that a source has nothing to record."""

    def read_last(self, subject: str) -> StoredEntry | None:
        """Read the last entry about a subject, from the chain itself."""

    def read_entries(self, after: int = 0) -> Iterator[StoredEntry]:
        """Read all entries after a place, in their order."""

    def read_marks(self) -> Iterator[Mark]:
        """Read all marks, and whatever else is in the table."""

    def add_verification(self, verification: PastVerification) -> None:
        """Note a verification of the whole."""

    def read_last_verification(self, now: datetime) -> PastVerification | None:
        """Read the last verification of the whole, up to a time."""


class AuditEventStore(Protocol):
    """Stores changes that have no item of their own until they are in the chain."""

    def add(self, change: AuditedChange) -> None:
        """Store a change; one with its source that is stored already stays."""


class FoundAnchors(NamedTuple):
    """Anchors, and the names of objects among them that are none.

    Attributes:
        anchors: The anchors, the oldest first.
        foreign: Names of other objects.
    """

    anchors: Sequence[AuditAnchor]
    foreign: Sequence[str]


class AnchorLock(NamedTuple):
    """The protection of an anchor from deletion.

    Attributes:
        mode: Its mode, as S3 names it: `GOVERNANCE` or `COMPLIANCE`.
        until: The time at which it ends.
    """

    mode: str
    until: datetime


class AnchorStore(Protocol):
    """Stores anchors where they cannot be changed."""

    def write(self, anchor: AuditAnchor) -> None:
        """Store an anchor; one that is there already stays."""

    def read_all(self) -> FoundAnchors:
        """Read all anchors, also those that a later object hides."""

    def read_recent(self, since: datetime, now: datetime) -> FoundAnchors:
        """Read the anchors from one hour to another, which is at most a day later."""

    def read_lock(self, anchor: AuditAnchor) -> AnchorLock | None:
        """Read the protection of an anchor; `None` if it has none, or is hidden by a deletion."""


class PointerVersion(NamedTuple):
    """A version of the pointer of price updates.

    Attributes:
        id: The id of the version.
        written_at: The time of its writing.
        is_deletion: True if it stands for the deletion of the pointer.
    """

    id: str
    written_at: datetime
    is_deletion: bool = False


class PointerHistory(Protocol):
    """Reads all versions of the pointer of price updates."""

    def list_versions(self) -> Iterator[PointerVersion]:
        """List versions, the newest first."""

    def read_version(self, version: PointerVersion) -> PriceUpdates | None:
        """Read a version; `None` if it is a deletion or is not a pointer."""
