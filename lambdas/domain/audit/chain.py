"""The chain of entries, and anchors of its head that are kept elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from lambdas.domain.audit.entry import (
    AuditAction,
    AuditedChange,
    AuditEntry,
    InvalidEntryError,
    hash_text,
    is_hash,
    read_entry,
)
from lambdas.domain.audit.table import ANCHORS_PREFIX, write_place

START_HASH = "0" * 64
"""The hash that the first entry has as that of the entry before it."""
_ANCHOR = re.compile(
    re.escape(ANCHORS_PREFIX) + r"(\d{4}-\d\d-\d\dT\d\dZ)/(\d{12,19})-([0-9a-f]{64})\.json",
    re.ASCII,
)
_HOUR = "%Y-%m-%dT%HZ"


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The last entry of a chain.

    Attributes:
        sequence: Its place; 0 for a chain without entries.
        hash: Its hash.
    """

    sequence: int = 0
    hash: str = START_HASH

    def append(self, change: AuditedChange, recorded_at: datetime) -> AuditEntry:
        """Make the entry that follows.

        A change that could not be read afterwards is recorded as `event.unreadable` with a hash: an
        entry cannot be corrected later.
        """
        try:
            return read_entry(self._append(change, recorded_at).text)
        except (InvalidEntryError, OverflowError, RecursionError, TypeError, ValueError):
            unreadable = AuditedChange(
                source=change.source,
                changed_at=recorded_at,
                changed_by=None,
                action=AuditAction.UNREADABLE_EVENT,
                subject=f"event:{change.source}",
                after={"sha256": hash_text(repr(change))},
            )
            return read_entry(self._append(unreadable, recorded_at).text)

    def _append(self, change: AuditedChange, recorded_at: datetime) -> AuditEntry:
        return AuditEntry(
            sequence=self.sequence + 1,
            recorded_at=recorded_at,
            change=change,
            previous_hash=self.hash,
        )


@dataclass(frozen=True, slots=True)
class AuditAnchor:
    """The head of the chain at an hour, kept where the chain's writer cannot change it.

    Attributes:
        hour: The hour, UTC.
        head: The head. Its sequence is 0 while the chain has no entries.
    """

    hour: datetime
    head: ChainHead

    @classmethod
    def at(cls, now: datetime, head: ChainHead) -> AuditAnchor:
        """Make the anchor of the hour of a time."""
        return cls(now.astimezone(UTC).replace(minute=0, second=0, microsecond=0), head)

    @property
    def name(self) -> str:
        """The name of its object, which says all of it: a listing of names reads anchors."""
        return f"{name_hour(self.hour)}{write_place(self.head.sequence)}-{self.head.hash}.json"


def name_hour(time: datetime) -> str:
    """Name the folder of the anchors of an hour; names have the order of times."""
    return f"{ANCHORS_PREFIX}{time.astimezone(UTC):{_HOUR}}/"


def name_day(time: datetime) -> str:
    """Name the prefix of the anchors of a day."""
    return f"{ANCHORS_PREFIX}{time.astimezone(UTC):%Y-%m-%d}"


def read_anchor(name: str) -> AuditAnchor | None:
    """Read an anchor from the name of its object; `None` if it is another name."""
    found = _ANCHOR.fullmatch(name)
    if found is None or not is_hash(found[3]):
        return None
    try:
        hour = datetime.strptime(found[1], _HOUR).replace(tzinfo=UTC)
    except ValueError:
        return None
    return AuditAnchor(hour, ChainHead(int(found[2]), found[3]))
