"""The audit trail for tests: its in-memory twins, and plain changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import boto3

from lambdas.domain.audit import (
    AnchorLock,
    AppendOutcome,
    AuditAction,
    AuditAnchor,
    AuditedChange,
    AuditEntry,
    ChainHead,
    FoundAnchors,
    Mark,
    PastVerification,
    PointerVersion,
    StoredEntry,
    limit_subject,
    list_marks,
    name_hour,
    read_entry,
)
from lambdas.domain.pricing.editions import PriceUpdates
from tests.aws import create_sorted_table
from tests.builders import NOON

ANA_ID = "person-00000000000000aa"


def change(number: int = 1, **changes: Any) -> AuditedChange:
    """A change of an amount, made by a person, but for the changes."""
    defaults: dict[str, Any] = {
        "source": f"stream/{number}",
        "changed_at": NOON,
        "changed_by": ANA_ID,
        "action": AuditAction.CHANGE_BUDGET,
        "subject": "budget:chat",
        "before": {"amount": "1"},
        "after": {"amount": str(number)},
    }
    return AuditedChange(**{**defaults, **changes})


def chain(length: int, start: ChainHead | None = None, **changes: Any) -> list[StoredEntry]:
    """A chain of so many entries, as it is stored."""
    head, entries = start or ChainHead(), []
    for number in range(head.sequence + 1, head.sequence + length + 1):
        entry = head.append(change(number, **changes), NOON)
        head = ChainHead(entry.sequence, entry.hash)
        entries.append(StoredEntry.from_entry(entry))
    return entries


def anchor(entry: StoredEntry, at: datetime = NOON) -> AuditAnchor:
    """An anchor of an entry."""
    return AuditAnchor.at(at, ChainHead(entry.place, entry.hash))


@dataclass
class InMemoryAuditStore:
    """The chain in a list."""

    entries: list[StoredEntry] = field(default_factory=list)
    marks: set[Mark] = field(default_factory=set)
    verifications: list[PastVerification] = field(default_factory=list)
    others: list[AuditedChange] = field(default_factory=list)
    """Changes that another writer appends first."""

    def __post_init__(self) -> None:
        for entry in self.entries:
            self.marks.update(list_marks(read_entry(entry.text)))

    def extend(self, entries: list[StoredEntry]) -> None:
        """Add entries with their marks."""
        self.entries += entries
        self.__post_init__()

    def read_head(self) -> ChainHead:
        last = self.entries[-1] if self.entries else None
        return ChainHead(last.place, last.hash) if last else ChainHead()

    def append(self, entry: AuditEntry) -> AppendOutcome:
        if self.others:
            self._append(self.read_head().append(self.others.pop(), entry.recorded_at))
        return self._append(entry)

    def _append(self, entry: AuditEntry) -> AppendOutcome:
        if self.has_source(entry.change.source):
            return AppendOutcome.ALREADY_THERE
        if entry.sequence != len(self.entries) + 1:
            return AppendOutcome.HEAD_MOVED
        self.entries.append(StoredEntry.from_entry(entry))
        self.marks.update(list_marks(entry))
        return AppendOutcome.APPENDED

    def has_source(self, source: str) -> bool:
        return any(mark.partition == f"source#{source}" for mark in self.marks)

    def mark_source(self, source: str) -> None:
        if not self.has_source(source):
            self.marks.add(Mark(f"source#{source}", None))

    def read_last(self, subject: str) -> StoredEntry | None:
        limited = limit_subject(subject)
        found = [
            entry
            for entry in self.entries
            if Mark(f"subject#{limited}", entry.place) in self.marks
            and read_entry(entry.text).change.subject == limited
        ]
        return found[-1] if found else None

    def read_entries(self, after: int = 0) -> Iterator[StoredEntry]:
        return iter([entry for entry in self.entries if entry.place > after])

    def read_marks(self) -> Iterator[Mark]:
        return iter(self.marks)

    def add_verification(self, verification: PastVerification) -> None:
        self.verifications.append(verification)

    def read_last_verification(self, now: datetime) -> PastVerification | None:
        past = [each for each in self.verifications if each.at <= now]
        return max(past, default=None)


@dataclass
class InMemoryAnchorStore:
    """Anchors by name, in the order of their names."""

    names: set[str] = field(default_factory=set)
    anchors: dict[str, AuditAnchor] = field(default_factory=dict)
    locks: dict[str, AnchorLock] = field(default_factory=dict)

    def write(self, anchor: AuditAnchor) -> None:
        self.anchors.setdefault(anchor.name, anchor)

    def read_all(self) -> FoundAnchors:
        return FoundAnchors(
            [self.anchors[name] for name in sorted(self.anchors)], sorted(self.names)
        )

    def read_recent(self, since: datetime, now: datetime) -> FoundAnchors:
        found, names = self.read_all()
        hours = name_hour(since), name_hour(now + timedelta(hours=1))
        return FoundAnchors(
            [anchor for anchor in found if hours[0] <= anchor.name < hours[1]], names
        )

    def read_lock(self, anchor: AuditAnchor) -> AnchorLock | None:
        return self.locks.get(anchor.name)


@dataclass
class InMemoryPersonDirectory:
    """Ids of people by their ARNs."""

    ids: dict[str, str] = field(default_factory=dict)
    created: int = 0

    def get_or_create_id(self, arn: str) -> str:
        if arn not in self.ids:
            self.created += 1
            self.ids[arn] = f"person-{self.created:016x}"
        return self.ids[arn]

    def read_names(self) -> dict[str, str]:
        return {id_: arn for arn, id_ in self.ids.items()}

    def delete(self, arn: str) -> bool:
        return self.ids.pop(arn, None) is not None


@dataclass
class InMemoryPointerHistory:
    """Versions of the pointer, the oldest first; `None` stands for a deletion."""

    versions: list[PriceUpdates | None] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    def list_versions(self) -> Iterator[PointerVersion]:
        for number in reversed(range(len(self.versions))):
            yield PointerVersion(str(number), NOON, is_deletion=self.versions[number] is None)

    def read_version(self, version: PointerVersion) -> PriceUpdates | None:
        self.read.append(version.id)
        return self.versions[int(version.id)]


AUDIT = "audit"
ANCHORS = "audit-anchors"
PRICES = "prices"


def create_audit_table() -> None:
    """Create the table of the chain, in moto."""
    create_sorted_table(AUDIT)


def create_anchor_bucket() -> None:
    """Create the bucket of anchors, which are locked for a year, in moto."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=ANCHORS, ObjectLockEnabledForBucket=True)
    s3.put_object_lock_configuration(
        Bucket=ANCHORS,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 365}},
        },
    )


def create_price_bucket() -> None:
    """Create the bucket of price editions, with versions, in moto."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=PRICES)
    s3.put_bucket_versioning(Bucket=PRICES, VersioningConfiguration={"Status": "Enabled"})
