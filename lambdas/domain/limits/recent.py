"""Entries that a process keeps for a short time, within a bound."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


@dataclass(slots=True)
class RecentEntries(Generic[_Key, _Value]):
    """Entries that are forgotten after some time, or when there are too many.

    Attributes:
        max_age: The time.
        max_entries: The number of entries; the oldest one makes room.
    """

    max_age: timedelta
    max_entries: int
    _entries: dict[_Key, tuple[datetime, _Value]] = field(default_factory=dict, init=False)

    def add(self, key: _Key, value: _Value, now: datetime) -> None:
        """Add an entry, in place of one with the same key."""
        self._entries.pop(key, None)
        self._entries[key] = (now, value)
        if len(self._entries) > self.max_entries:
            del self._entries[next(iter(self._entries))]

    def get(self, key: _Key, now: datetime) -> _Value | None:
        """Get an entry; `None` without one, or if it is too old."""
        added_at, value = self._entries.get(key, (None, None))
        if added_at is None or now - added_at >= self.max_age:
            self._entries.pop(key, None)
            return None
        return value

    def remove(self, key: _Key) -> None:
        """Remove an entry, if there is one."""
        self._entries.pop(key, None)
