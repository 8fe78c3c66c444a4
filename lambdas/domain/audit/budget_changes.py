"""Changes of budgets in the audit trail, from the states of a stored budget."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lambdas.domain.audit.entry import AuditAction, AuditedChange, Json, read_json_or_text
from lambdas.domain.audit.people import read_actor, read_marked_actor
from lambdas.domain.budgets import BudgetState
from lambdas.domain.budgets.governance_table import (
    ANNOUNCED_AT,
    BUDGET_PREFIX,
    CHANGE_ID,
    CHANGED_BY,
    DEFINITION,
    GENERATION,
    INTERRUPTED_AT,
    PARTITION_KEY,
    SORT_KEY,
    STATE,
)

_UNRECORDED = {PARTITION_KEY, SORT_KEY, ANNOUNCED_AT, CHANGED_BY, CHANGE_ID}
"""Attributes that are no part of a budget's state, or that the meter notes for itself."""


def describe_budget_change(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    *,
    source: str,
    changed_at: datetime,
    deleted_by: str | None = None,
) -> AuditedChange | None:
    """Describe a change of a stored budget.

    Args:
        before: The item before, with plain values; `None` for a new budget.
        after: The item afterwards; `None` for a deleted budget.
        source: The id of what reported the change.
        changed_at: Its time.
        deleted_by: The actor of a deletion, which the item itself cannot name.

    Returns:
        The change; `None` if nothing that matters has changed.
    """
    states = _read_state(before), _read_state(after)
    item = after or before
    if states[0] == states[1] or item is None:
        return None
    return AuditedChange(
        source=source,
        changed_at=changed_at,
        changed_by=read_actor(deleted_by) if after is None else read_marked_actor(before, after),
        action=_name_action(before, after),
        subject=f"budget:{str(item[SORT_KEY]).removeprefix(BUDGET_PREFIX)}",
        before=states[0],
        after=states[1],
    )


def _read_state(item: Mapping[str, Any] | None) -> Json:
    """Read what is recorded of a budget: everything that decides on its alerts."""
    if item is None:
        return None
    state = {name: value for name, value in item.items() if name not in _UNRECORDED}
    if DEFINITION in state:
        state[DEFINITION] = read_json_or_text(state[DEFINITION])
    return state


def _name_action(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> AuditAction:
    if before is None:
        return AuditAction.CREATE_BUDGET
    if after is None:
        return AuditAction.DELETE_BUDGET
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if DEFINITION in changed:
        return AuditAction.CHANGE_BUDGET
    if GENERATION in changed:
        return AuditAction.REBUILD_BUDGET
    if INTERRUPTED_AT in changed:
        is_interrupted = INTERRUPTED_AT in after
        return AuditAction.INTERRUPT_BUDGET if is_interrupted else AuditAction.RESUME_BUDGET
    is_activated = STATE in changed and after.get(STATE) == BudgetState.ACTIVE
    return AuditAction.ACTIVATE_BUDGET if is_activated else AuditAction.CHANGE_BUDGET
