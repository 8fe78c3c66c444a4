"""Entries that one process memoizes, within a bound: callers choose how many keys there are."""

from __future__ import annotations

from typing import TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def add_bounded(entries: dict[_Key, _Value], key: _Key, value: _Value, limit: int) -> None:
    """Add an entry, in place of the oldest one where there are as many as the limit."""
    if key not in entries and len(entries) >= limit:
        del entries[next(iter(entries))]
    entries[key] = value
