"""The store of a running command: calls and rejected records, on disk."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import reduce
from typing import Any, NamedTuple, TypeAlias

from lambdas.domain.invocations import (
    CallVariant,
    Conflicts,
    RejectedRecord,
    RejectionReason,
    TokenCounts,
    UsageDoubt,
    UsageRecord,
)
from lambdas.domain.ledger import LedgerChange, LedgerListener, bound_reading, join

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
  error_code, inference_region, latency_ms, request_metadata, service_tier, billed_units,
  usage_doubt, conflicts, prompt_router, largest_sampling_tokens, is_disputed
);
CREATE TABLE differing_readings (key BLOB, digest BLOB, PRIMARY KEY (key, digest)) WITHOUT ROWID;
CREATE TABLE rejected (source, line, reason);
"""
_INSERT = """
INSERT OR REPLACE INTO ledger VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
"""
_INSERT_DIFFERING = "INSERT OR IGNORE INTO differing_readings VALUES (?, ?)"
_SELECT = "SELECT * FROM ledger WHERE key IN ({marks})"

_Row: TypeAlias = tuple[Any, ...]


class Coverage(NamedTuple):
    """The period, accounts and Regions of a ledger's calls.

    Attributes:
        start: The time of the first call, UTC.
        end: That of the last one.
        account_ids: The accounts that were called, in order; empty text where the log names none.
        regions: The Regions that were called, in the same way.
    """

    start: datetime
    end: datetime
    account_ids: tuple[str, ...]
    regions: tuple[str, ...]


@contextmanager
def open_temporary_store() -> Iterator[sqlite3.Connection]:
    """Open a private store in the temporary folder; it is deleted when closed or after a crash."""
    connection = sqlite3.connect("", isolation_level=None)  # the empty name: private, on disk
    try:
        connection.executescript(SCHEMA)
        yield connection
    finally:
        connection.close()


class SqliteUsageLedger:
    """A usage ledger with its stream, as the deployed table has one."""

    def __init__(self, connection: sqlite3.Connection, *streams: LedgerListener) -> None:
        """Write to a store, and pass the changes on to the streams."""
        self._connection = connection
        self._streams = streams

    def write(self, records: Sequence[UsageRecord]) -> None:
        """Join readings into the store, and pass on the changes that they make."""
        readings: defaultdict[bytes, dict[UsageRecord, None]] = defaultdict(dict)
        for record in map(bound_reading, records):
            readings[_key(record)][record] = None
        standing = self._find(list(readings))
        changes: list[LedgerChange] = []
        written: list[_Row] = []
        differing: list[tuple[bytes, bytes]] = []
        for key, different in readings.items():
            replaced, was_disputed = standing.get(key, (None, False))
            joined = reduce(join, different if replaced is None else [replaced, *different])
            if joined != replaced:
                changes.append(LedgerChange(joined, replaced))
            if replaced is not None and not was_disputed:
                different[replaced] = None
            is_disputed = was_disputed or len(different) > 1
            if is_disputed:
                differing += [(key, _digest(repr(record))) for record in different]
            if (joined, is_disputed) != (replaced, was_disputed):
                written.append(_to_row(key, joined, is_disputed=is_disputed))
        self._connection.execute("BEGIN")
        self._connection.executemany(_INSERT, written)
        self._connection.executemany(_INSERT_DIFFERING, differing)
        self._connection.execute("COMMIT")
        for stream in self._streams:
            stream(changes)

    def in_order_of_time(self) -> Iterator[UsageRecord]:
        """All calls; the order of those of equal time does not depend on which was read first."""
        for row in self._connection.execute("SELECT * FROM ledger ORDER BY timestamp, key"):
            yield _from_row(row)

    def count_conflicting(self) -> int:
        """Count the readings that differ from every earlier one of their call, in any order."""
        ((count,),) = self._connection.execute(
            "SELECT count(*) - count(DISTINCT key) FROM differing_readings"
        )
        return int(count)

    def coverage(self) -> Coverage | None:
        """Get the coverage of the calls; `None` without calls."""
        ((start, end),) = self._connection.execute(
            "SELECT min(timestamp), max(timestamp) FROM ledger"
        )
        if start is None:
            return None
        account_ids, regions = (
            tuple(value for (value,) in self._connection.execute(select))
            for select in (
                "SELECT DISTINCT account_id FROM ledger ORDER BY account_id",
                "SELECT DISTINCT region FROM ledger ORDER BY region",
            )
        )
        return Coverage(
            datetime.fromisoformat(start), datetime.fromisoformat(end), account_ids, regions
        )

    def _find(self, keys: Sequence[bytes]) -> dict[bytes, tuple[UsageRecord, bool]]:
        """Calls by their keys, each with a flag: true if its readings differ."""
        marks = ", ".join("?" * len(keys))
        rows = self._connection.execute(_SELECT.format(marks=marks), keys)
        return {row[0]: (_from_row(row), bool(row[-1])) for row in rows}


class SqliteQuarantine:
    """Rejected records, kept in order."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Write records to a store."""
        self._connection = connection

    def store(self, rejected: Sequence[RejectedRecord]) -> None:
        """Store records."""
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
        """Count rejected records by reason, the most frequent first."""
        rows = self._connection.execute(
            "SELECT reason, count(*) FROM rejected GROUP BY reason ORDER BY count(*) DESC, reason"
        )
        return {RejectionReason(reason): count for reason, count in rows}


def _key(record: UsageRecord) -> bytes:
    return _digest("\0".join(record.key))


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=_KEY_BYTES).digest()


def _to_row(key: bytes, record: UsageRecord, *, is_disputed: bool) -> _Row:
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
        json.dumps(record.billed_units) if record.billed_units else None,
        record.usage_doubt,
        json.dumps(record.conflicts, default=datetime.isoformat) if record.conflicts else None,
        record.prompt_router,
        record.largest_sampling_tokens,
        is_disputed,
    )


def _from_row(row: _Row) -> UsageRecord:
    _, account_id, region, request_id, timestamp, operation, model_id, invoked, arn, *rest = row
    *counts, error_code, inference_region, latency_ms, metadata, service_tier = rest[:10]
    units, doubt, conflicts, prompt_router, largest_sampling, _ = rest[10:]
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
        tuple((unit, count) for unit, count in json.loads(units)) if units else (),
        UsageDoubt(doubt) if doubt else None,
        _read_conflicts(conflicts) if conflicts else None,
        prompt_router,
        largest_sampling,
    )


def _read_conflicts(text: str) -> Conflicts:
    variants, identity_arns, timestamps, error_codes, *flags = json.loads(text)
    return Conflicts(
        tuple(CallVariant(*variant) for variant in variants),
        tuple(identity_arns),
        tuple(map(datetime.fromisoformat, timestamps)),
        tuple(error_codes),
        *flags,
    )
