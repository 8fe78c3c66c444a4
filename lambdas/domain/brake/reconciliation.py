"""The next step for each deny: what should be, what is stored, and what is attached."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from lambdas.domain.brake.denies import Deny, DenyCause, DenyState
from lambdas.domain.brake.targets import Target

MAX_REATTACHMENTS = 3
"""The times that a deny which others took off is attached again in the length of a period."""
_SETTLING = timedelta(seconds=30)
"""The time within which IAM may not list a new attachment yet."""


class Action(Enum):
    """The action that brings a caller into its wanted state."""

    NONE = auto()
    ATTACH = auto()
    """Store the deny if it changed, attach, then record the attachment."""
    STORE = auto()
    """Store the deny: what is attached stays."""
    WAIT = auto()
    """Store that it waits for room in a policy: nothing is attached."""
    CONTEST = auto()
    """Store that it is contested, and report it. It is not attached any more."""
    RELEASE = auto()
    """Store that it is to be released, take it off, report it, and delete it."""
    SWEEP = auto()
    """Take off an attachment that no stored deny is for."""


@dataclass(frozen=True, slots=True)
class Step:
    """The next step for a caller.

    Attributes:
        action: The action.
        target: The caller.
        deny: The deny as it is to be stored; the stored one for a release; `None` for a sweep.
    """

    action: Action
    target: Target
    deny: Deny | None = None


def choose_step(
    target: Target,
    causes: tuple[DenyCause, ...],
    stored: Deny | None,
    *,
    is_attached: bool,
    now: datetime,
) -> Step:
    """Choose the next step for a caller. Steps can be repeated, and can stop at any moment.

    Args:
        target: The caller.
        causes: The budgets that want it denied; empty if none does.
        stored: The stored deny.
        is_attached: True if IAM has the deny attached.
        now: The time.
    """
    if stored is None:
        return _begin(target, causes, is_attached=is_attached, now=now)
    if not causes or stored.state is DenyState.RELEASING:
        return Step(Action.RELEASE, target, stored)
    deny = stored if stored.has_causes(causes) else stored.follow(causes)
    if deny.state is DenyState.NO_ROOM:
        deny = replace(deny, state=DenyState.ATTACHING)
    if is_attached and deny.state is not DenyState.ATTACHING:
        deny = replace(deny, state=DenyState.DENIED, contested_at=None)
    if deny.is_contested_for_long(now):
        deny = deny.try_anew()
    if deny.state is DenyState.ATTACHING:
        return Step(Action.ATTACH, target, deny)
    if is_attached or deny.state is DenyState.CONTESTED:
        return Step(Action.NONE if deny == stored else Action.STORE, target, deny)
    return _attach_again(deny, stored, now)


def wait_for_room(
    target: Target, causes: tuple[DenyCause, ...], stored: Deny | None, now: datetime
) -> Step:
    """Choose the next step for a session that no policy has room for. A denied one is released.

    Args:
        target: The session.
        causes: The budgets that want it denied.
        stored: The stored deny.
        now: The time.
    """
    if stored is None:
        waiting = Deny(target=target, causes=causes, decided_at=now, state=DenyState.NO_ROOM)
        return Step(Action.WAIT, target, waiting)
    if stored.state is not DenyState.NO_ROOM:
        return Step(Action.RELEASE, target, stored)
    if stored.has_causes(causes):
        return Step(Action.NONE, target, stored)
    return Step(Action.WAIT, target, replace(stored, causes=causes))


def _begin(
    target: Target, causes: tuple[DenyCause, ...], *, is_attached: bool, now: datetime
) -> Step:
    if causes:
        return Step(Action.ATTACH, target, Deny(target=target, causes=causes, decided_at=now))
    return Step(Action.SWEEP if is_attached else Action.NONE, target)


def _attach_again(deny: Deny, stored: Deny, now: datetime) -> Step:
    """Attach what was taken off: by the watchdog at its end, or before by someone else."""
    attaching = replace(deny, state=DenyState.ATTACHING, watch=None)
    was_released_at_end = stored.until <= now
    is_settling = stored.attached_at is not None and now < stored.attached_at + _SETTLING
    if was_released_at_end or is_settling:
        return Step(Action.ATTACH, deny.target, attaching)
    if deny.taken_off < MAX_REATTACHMENTS:
        counted = replace(attaching, taken_off=deny.taken_off + 1)
        return Step(Action.ATTACH, deny.target, counted)
    contested = replace(deny, state=DenyState.CONTESTED, contested_at=now, watch=None)
    return Step(Action.CONTEST, deny.target, contested)
