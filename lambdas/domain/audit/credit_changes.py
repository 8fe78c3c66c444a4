"""Changes of credits in the audit trail, from the entries of the books and the switch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lambdas.domain.audit.entry import AuditAction, AuditedChange, Json, read_json_or_text
from lambdas.domain.audit.people import read_marked_actor
from lambdas.domain.budgets.governance_table import (
    CHANGE_ID,
    CHANGED_BY,
    CONTENT,
    PARTITION_KEY,
    SORT_KEY,
)

ENTRY_KIND = "kind"
"""The attribute of an entry with its cause."""
USAGE_KIND = "usage"
"""The cause of entries that the trail leaves out: usage is in the books, and not a decision."""
_ACTIONS = {
    "grant": AuditAction.GRANT_CREDITS,
    "void": AuditAction.VOID_CREDITS,
    "expiry": AuditAction.EXPIRE_CREDITS,
}
_UNRECORDED = {PARTITION_KEY, SORT_KEY, CHANGED_BY, CHANGE_ID}
_SWITCH_SUBJECT = "credits:switch"


def describe_credit_entry(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    *,
    source: str,
    changed_at: datetime,
) -> AuditedChange | None:
    """Describe a change of an entry of the books.

    The meter adds entries and never changes nor deletes one, so each other change is recorded as
    one of the books themselves.

    Args:
        before: The item before, with plain values; `None` for a new entry.
        after: The item afterwards; `None` for a deleted entry.
        source: The id of what reported the change.
        changed_at: Its time.

    Returns:
        The change; `None` for a new entry of usage.
    """
    item = after or before
    if item is None or (before is None and item.get(ENTRY_KIND) == USAGE_KIND):
        return None
    action = AuditAction.CHANGE_CREDIT_BOOKS
    if before is None:
        action = _ACTIONS.get(str(item.get(ENTRY_KIND)), action)
    return AuditedChange(
        source=source,
        changed_at=changed_at,
        changed_by=None if after is None else read_marked_actor(before, after),
        action=action,
        subject=f"credits:{str(item[SORT_KEY]).rpartition('#')[2]}",
        before=_read_entry(before),
        after=_read_entry(after),
    )


def describe_credit_switch(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    *,
    source: str,
    changed_at: datetime,
) -> AuditedChange | None:
    """Describe a change of the switch that lets exhausted credits stop usage.

    Args:
        before: The item before, with plain values; `None` if it was never set.
        after: The item afterwards; `None` if it was deleted, so that nothing is stopped.
        source: The id of what reported the change.
        changed_at: Its time.

    Returns:
        The change; `None` if nothing that matters has changed.
    """
    states = _read_switch(before), _read_switch(after)
    if states[0] == states[1]:
        return None
    return AuditedChange(
        source=source,
        changed_at=changed_at,
        changed_by=None if after is None else read_marked_actor(before, after),
        action=AuditAction.SWITCH_CREDITS,
        subject=_SWITCH_SUBJECT,
        before=states[0],
        after=states[1],
    )


def _read_entry(item: Mapping[str, Any] | None) -> Json:
    """Read what is recorded of an entry; what was written by hand is recorded as it is."""
    return None if item is None else read_json_or_text(item.get(CONTENT))


def _read_switch(item: Mapping[str, Any] | None) -> Json:
    if item is None:
        return None
    return {name: value for name, value in item.items() if name not in _UNRECORDED}
