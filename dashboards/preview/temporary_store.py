"""What is kept while a command runs: calls and rejected records on disk, identities in memory."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeAlias

from lambdas.domain.invocations import RejectedRecord, RejectionReason, TokenCounts, UsageRecord
from lambdas.domain.metering import LedgerChange, LedgerStream
from lambdas.domain.metering.identity_folding import Admission

_CACHE_KIB = 4 * 2**10
_KEY_BYTES = 16

SCHEMA = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA cache_size = -{_CACHE_KIB};
CREATE TABLE ledger (
  key BLOB NOT NULL UNIQUE, account_id, region, request_id, timestamp, operation, model_id,
  invoked_model_id, identity_arn, input, output, cache_read, cache_write, cache_write_1h,
  error_code, inference_region, latency_ms, request_metadata, service_tier
);
CREATE TABLE rejected (source, line, reason);
"""
_INSERT = "INSERT OR REPLACE INTO ledger VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_SELECT = "SELECT * FROM ledger WHERE key IN ({marks})"

_Row: TypeAlias = tuple[Any, ...]


@contextmanager
def open_temporary_store() -> Iterator[sqlite3.Connection]:
    """Open a store of its own in the temporary folder; it is gone when closed, or after a crash."""
    connection = sqlite3.connect("", isolation_level=None)  # the empty name: private, on disk
    try:
        connection.executescript(SCHEMA)
        yield connection
    finally:
        connection.close()


class SqliteUsageLedger:
    """A usage ledger with its stream, as the deployed table has one."""

    def __init__(self, connection: sqlite3.Connection, *streams: LedgerStream) -> None:
        """Write to a store, and tell the streams what changed."""
        self._connection = connection
        self._streams = streams

    def put(self, records: Sequence[UsageRecord]) -> None:
        """Write records, in order, and pass on the changes that they make."""
        keyed = [(_key(record), record) for record in records]
        standing = self._find([key for key, _ in keyed])
        changes: list[LedgerChange] = []
        written: dict[bytes, UsageRecord] = {}
        for key, record in keyed:
            replaced = standing.get(key)
            if replaced != record:
                changes.append(LedgerChange(record, replaced))
                standing[key] = written[key] = record
        self._connection.execute("BEGIN")
        self._connection.executemany(
            _INSERT,
            [_to_row(key, record) for key, record in written.items()],
        )
        self._connection.execute("COMMIT")
        for stream in self._streams:
            stream(changes)

    def in_order_of_time(self) -> Iterator[UsageRecord]:
        """All calls; of equal time, those read first go first."""
        for row in self._connection.execute("SELECT * FROM ledger ORDER BY timestamp, rowid"):
            yield _from_row(row)

    def _find(self, keys: Sequence[bytes]) -> dict[bytes, UsageRecord]:
        marks = ", ".join("?" * len(keys))
        rows = self._connection.execute(_SELECT.format(marks=marks), keys)
        return {row[0]: _from_row(row) for row in rows}


class SqliteQuarantine:
    """Rejected records, kept in order."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Keep records in a store."""
        self._connection = connection

    def keep(self, rejected: Sequence[RejectedRecord]) -> None:
        """Keep records."""
        self._connection.execute("BEGIN")
        self._connection.executemany(
            "INSERT INTO rejected VALUES (?, ?, ?)",
            [(record.source, record.line, record.reason.value) for record in rejected],
        )
        self._connection.execute("COMMIT")

    def __iter__(self) -> Iterator[RejectedRecord]:
        """All records, in the order in which they came."""
        rows = self._connection.execute("SELECT source, line, reason FROM rejected ORDER BY rowid")
        for source, line, reason in rows:
            yield RejectedRecord(source, line, RejectionReason(reason))

    def count_by_reason(self) -> dict[RejectionReason, int]:
        """How many records were rejected for each reason, the most frequent first."""
        rows = self._connection.execute(
            "SELECT reason, count(*) FROM rejected GROUP BY reason ORDER BY count(*) DESC, reason"
        )
        return {RejectionReason(reason): count for reason, count in rows}


class InMemoryIdentityRegistry:
    """A registry that lasts as long as its process: for what is not deployed."""

    def __init__(self, bound: int, sessions_per_role: int) -> None:
        """Admit so many identities a month, and so many sessions of a role."""
        self._bound = bound
        self._sessions_per_role = sessions_per_role
        self._members: defaultdict[str, set[str]] = defaultdict(set)
        self._sessions: Counter[tuple[str, str]] = Counter()

    def admit(self, month: str, value: str, role: str | None) -> Admission:
        """Admit a dimension value in a month, or say why not."""
        members = self._members[month]
        if value in members:
            return Admission.ADMITTED
        if role is not None and self._sessions[month, role] >= self._sessions_per_role:
            return Admission.ROLE_IS_FULL
        if len(members) >= self._bound:
            return Admission.FULL
        members.add(value)
        if role is not None:
            self._sessions[month, role] += 1
        return Admission.ADMITTED


def _key(record: UsageRecord) -> bytes:
    return hashlib.blake2b("\0".join(record.key).encode(), digest_size=_KEY_BYTES).digest()


def _to_row(key: bytes, record: UsageRecord) -> _Row:
    tokens = record.tokens
    return (
        key,
        record.account_id,
        record.region,
        record.request_id,
        record.timestamp.isoformat(),
        record.operation,
        record.model_id,
        record.invoked_model_id,
        record.identity_arn,
        tokens.input,
        tokens.output,
        tokens.cache_read,
        tokens.cache_write,
        tokens.cache_write_1h,
        record.error_code,
        record.inference_region,
        record.latency_ms,
        json.dumps(record.request_metadata) if record.request_metadata else None,
        record.service_tier,
    )


def _from_row(row: _Row) -> UsageRecord:
    _, account_id, region, request_id, timestamp, operation, model_id, invoked, arn, *rest = row
    *counts, error_code, inference_region, latency_ms, metadata, service_tier = rest
    return UsageRecord(
        account_id,
        region,
        request_id,
        datetime.fromisoformat(timestamp),
        operation,
        model_id,
        invoked,
        arn,
        TokenCounts(*counts),
        error_code,
        inference_region,
        latency_ms,
        tuple((name, value) for name, value in json.loads(metadata)) if metadata else (),
        service_tier,
    )
