"""Finds API keys in memory first: known ones, and those that were just found to be unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from threading import Lock
from typing import NamedTuple

from lambdas.adapters.bounded_entries import add_bounded
from lambdas.domain.api_keys import ApiKey, ApiKeyStore

MAX_AGE = timedelta(seconds=60)
"""A change of a key, such as its revocation, takes so long to have an effect."""
MAX_KNOWN = 10_000
MAX_UNKNOWN = 100_000


class _Known(NamedTuple):
    key: ApiKey
    read_at: datetime


class CachedApiKeys:
    """Finds keys of a store.

    A flood of unknown keys displaces no known one: each kind has a bound of its own.
    """

    def __init__(self, store: ApiKeyStore) -> None:
        """Find keys of a store."""
        self._store = store
        self._known: dict[str, _Known] = {}
        self._unknown: dict[str, datetime] = {}
        self._lock = Lock()

    def find(self, digest: str, now: datetime) -> ApiKey | None:
        """Find a key by the hash of its text, whatever its state."""
        known = self._known.get(digest)
        if known is not None and now - known.read_at < MAX_AGE:
            return known.key
        missed_at = self._unknown.get(digest)
        if missed_at is not None and now - missed_at < MAX_AGE:
            return None
        key = self._store.get(digest)
        with self._lock:
            self._known.pop(digest, None)
            self._unknown.pop(digest, None)
            if key is None:
                add_bounded(self._unknown, digest, now, MAX_UNKNOWN)
            else:
                add_bounded(self._known, digest, _Known(key, now), MAX_KNOWN)
        return key

    def note_use(self, key: ApiKey, now: datetime) -> None:
        """Store that a key is used, about once an hour."""
        if not key.is_use_due(now):
            return
        self._store.mark_used(key.digest, now)
        with self._lock:
            known = self._known.get(key.digest)
            if known is not None:
                used = replace(known.key, last_used_at=now)
                self._known[key.digest] = known._replace(key=used)
