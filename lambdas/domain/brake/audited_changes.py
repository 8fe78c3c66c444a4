"""Denies, releases and the switch as changes in the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lambdas.domain.audit import (
    AuditAction,
    AuditedChange,
    Json,
    read_json_or_text,
    read_marked_actor,
)
from lambdas.domain.brake.denies import Deny, DenyState
from lambdas.domain.brake.events import write_cause
from lambdas.domain.brake.targets import Target
from lambdas.domain.budgets import digest_value
from lambdas.domain.budgets.governance_table import (
    CHANGE_ID,
    CHANGED_BY,
    CONTENT,
    PARTITION_KEY,
    SORT_KEY,
)
from lambdas.domain.times import write_seconds

SWITCH_SUBJECT = "brake"
"""The subject of changes of the switch."""
_UNRECORDED = {PARTITION_KEY, SORT_KEY, CHANGED_BY, CHANGE_ID}
"""Attributes of the switch that are no part of its state."""


def describe_deny(
    before: Deny | None, after: Deny, *, at: datetime, by: str
) -> AuditedChange | None:
    """Describe a deny that is decided, has other budgets or another end, or was taken off.

    Args:
        before: The stored deny; `None` for a new one.
        after: The deny as it is to be stored.
        at: The time.
        by: The actor.

    Returns:
        The change; `None` if the meter only notes how far it is, or that a session waits for room.
    """
    if after.state is DenyState.NO_ROOM:
        return None
    if before is not None and before.state is DenyState.NO_ROOM:
        before = None
    if before is not None and not _has_changed(before, after):
        return None
    return AuditedChange(
        source=_name_source("deny", after.target.arn, at, after.revision),
        changed_at=at,
        changed_by=by,
        action=AuditAction.DENY if before is None else AuditAction.CHANGE_DENY,
        subject=_name_subject(after.target.arn),
        before=None if before is None else _write_state(before),
        after=_write_state(after),
    )


def describe_release(target: Target, deny: Deny | None, *, at: datetime, by: str) -> AuditedChange:
    """Describe a caller that is no longer denied.

    Args:
        target: The caller.
        deny: The stored deny, with the reason of its release; `None` if no deny is stored for what
            was attached.
        at: The time.
        by: The actor.
    """
    return AuditedChange(
        source=_name_source("release", target.arn, at, 0 if deny is None else deny.revision),
        changed_at=at,
        changed_by=by,
        action=AuditAction.RELEASE,
        subject=_name_subject(target.arn),
        before={"state": "attached without a deny"} if deny is None else _write_state(deny),
    )


def describe_release_by_hand(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    *,
    source: str,
    changed_at: datetime,
) -> AuditedChange | None:
    """Describe the stored decision of a person to let a caller go for a budget.

    Args:
        before: The item before, with plain values; `None` for a new one.
        after: The item afterwards; `None` if it was deleted, as it is once its period has ended.
        source: The id of what reported the change.
        changed_at: Its time.

    Returns:
        The change; `None` if no one is released that was not before.
    """
    if after is None:
        return None
    states = [None if item is None else _read_release(item) for item in (before, after)]
    if states[0] == states[1]:
        return None
    released = states[1].get("target_arn") if isinstance(states[1], dict) else None
    return AuditedChange(
        source=source,
        changed_at=changed_at,
        changed_by=read_marked_actor(before, after),
        action=AuditAction.RELEASE_BY_HAND,
        subject=_name_subject(str(released or after[SORT_KEY].partition("#")[0])),
        before=states[0],
        after=states[1],
    )


def describe_switch(
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    *,
    source: str,
    changed_at: datetime,
) -> AuditedChange | None:
    """Describe a change of the stored switch of the brake.

    Args:
        before: The item before, with plain values; `None` if it was never set.
        after: The item afterwards; `None` if it was deleted, so that the brake is off.
        source: The id of what reported the change.
        changed_at: Its time.

    Returns:
        The change; `None` if nothing that matters has changed.
    """
    states = [None if item is None else _read_switch(item) for item in (before, after)]
    if states[0] == states[1]:
        return None
    return AuditedChange(
        source=source,
        changed_at=changed_at,
        changed_by=None if after is None else read_marked_actor(before, after),
        action=AuditAction.SWITCH_BRAKE,
        subject=SWITCH_SUBJECT,
        before=states[0],
        after=states[1],
    )


def _read_release(item: Mapping[str, Any]) -> Json:
    """Read what is recorded of a release; what was written by hand is recorded as it is."""
    return read_json_or_text(item.get(CONTENT))


def _read_switch(item: Mapping[str, Any]) -> Json:
    """Read what is recorded of the switch."""
    return {name: value for name, value in item.items() if name not in _UNRECORDED}


def _has_changed(before: Deny, after: Deny) -> bool:
    """Say if more has changed than how far the meter is. A release is described once it is done."""
    if after.state is DenyState.RELEASING:
        return False
    return (
        not before.has_causes(after.causes)
        or before.taken_off != after.taken_off
        or (before.state is DenyState.CONTESTED) != (after.state is DenyState.CONTESTED)
    )


def _name_source(kind: str, what: str, at: datetime, revision: int) -> str:
    """Name a change, without the name of its caller; another attempt has another name."""
    return f"{kind}/{digest_value(what)}/{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}/{revision}"


def _name_subject(arn: str) -> str:
    return f"principal:{arn}"


def _write_state(deny: Deny) -> Json:
    attached_at, release = deny.attached_at, deny.release
    return {
        "state": deny.state.value,
        "budgets": [write_cause(cause) for cause in deny.causes],
        "decided_at": write_seconds(deny.decided_at),
        "attached_at": None if attached_at is None else write_seconds(attached_at),
        "until": write_seconds(deny.until),
        "taken_off": deny.taken_off,
        "release": None if release is None else release.value,
    }
