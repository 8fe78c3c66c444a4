"""Denies, releases and the switch as changes in the audit trail."""

from __future__ import annotations

from datetime import UTC, datetime

from lambdas.domain.audit import AuditAction, AuditedChange, Json
from lambdas.domain.brake.denies import Deny, DenyState
from lambdas.domain.brake.documents import write_release
from lambdas.domain.brake.events import write_cause
from lambdas.domain.brake.releases import BrakeSwitch, Release
from lambdas.domain.brake.targets import Target
from lambdas.domain.budgets import digest_value
from lambdas.domain.times import write_seconds


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


def describe_release_by_hand(release: Release, before: Release | None) -> AuditedChange:
    """Describe the decision of a person to let a caller go for a budget.

    Args:
        release: The decision.
        before: The stored one that it replaces.
    """
    key = release.key
    what = "#".join([release.target_arn, *map(str, key[:3]), key.period.id])
    return AuditedChange(
        source=_name_source("release-by-hand", what, release.at),
        changed_at=release.at,
        changed_by=release.by,
        action=AuditAction.RELEASE_BY_HAND,
        subject=_name_subject(release.target_arn),
        before=None if before is None else write_release(before),
        after=write_release(release),
    )


def describe_switch(switch: BrakeSwitch, before: BrakeSwitch, *, at: datetime) -> AuditedChange:
    """Describe that the brake is switched on or off."""
    return AuditedChange(
        source=_name_source("switch", str(switch.is_on), at),
        changed_at=at,
        changed_by=switch.by,
        action=AuditAction.SWITCH_BRAKE,
        subject="brake",
        before={"is_on": before.is_on},
        after={"is_on": switch.is_on},
    )


def _has_changed(before: Deny, after: Deny) -> bool:
    """Say if more has changed than how far the meter is. A release is described once it is done."""
    if after.state is DenyState.RELEASING:
        return False
    return (
        not before.has_causes(after.causes)
        or before.taken_off != after.taken_off
        or (before.state is DenyState.CONTESTED) != (after.state is DenyState.CONTESTED)
    )


def _name_source(kind: str, what: str, at: datetime, revision: int = 0) -> str:
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
