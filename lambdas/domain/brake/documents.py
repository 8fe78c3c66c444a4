"""Denies and releases as JSON documents, in which they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from lambdas.domain.brake.denies import (
    CauseKey,
    Deny,
    DenyCause,
    DenyState,
    Obstacle,
    ReactionWatch,
    ReleaseReason,
)
from lambdas.domain.brake.releases import BrakeSwitch, Release
from lambdas.domain.brake.targets import PrincipalKind, PrincipalTarget, SessionTarget, Target
from lambdas.domain.budgets import BudgetAmount, BudgetPeriod, BudgetUnit
from lambdas.domain.budgets.governance_table import IS_ON, SET_AT, SET_BY
from lambdas.domain.credits import CreditSwitch
from lambdas.domain.times import read_time, write_time

Document: TypeAlias = dict[str, Any]


def write_deny(deny: Deny) -> Document:
    """Write a deny as a document, without its revision and its token."""
    watch = deny.watch
    return {
        "target": _write_target(deny.target),
        "causes": [_write_cause(cause) for cause in deny.causes],
        "decided_at": write_time(deny.decided_at),
        "state": deny.state.value,
        "attached_at": None if deny.attached_at is None else write_time(deny.attached_at),
        "taken_off": deny.taken_off,
        "contested_at": None if deny.contested_at is None else write_time(deny.contested_at),
        "release": None if deny.release is None else deny.release.value,
        "obstacle": None if deny.obstacle is None else deny.obstacle.value,
        "watch": None
        if watch is None
        else [write_time(watch.began_at), write_time(watch.grown_at), watch.used],
    }


def read_deny(document: Mapping[str, Any], revision: int, token: str = "") -> Deny:
    """Read a document that `write_deny` wrote.

    Args:
        document: The document.
        revision: The number of the write.
        token: The token of the deny.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: It is another one.
    """
    attached_at, watch, release = (document[name] for name in ("attached_at", "watch", "release"))
    contested_at = document.get("contested_at")  # earlier documents have neither of these
    obstacle = document.get("obstacle")
    causes = tuple(_read_cause(cause) for cause in document["causes"])
    if not causes:
        message = "a deny has at least one cause"
        raise ValueError(message)
    return Deny(
        target=_read_target(document["target"]),
        causes=causes,
        decided_at=read_time(document["decided_at"]),
        state=DenyState(document["state"]),
        attached_at=None if attached_at is None else read_time(attached_at),
        taken_off=int(document["taken_off"]),
        contested_at=None if contested_at is None else read_time(contested_at),
        release=None if release is None else ReleaseReason(release),
        obstacle=None if obstacle is None else Obstacle(obstacle),
        watch=None if watch is None else _read_watch(*watch),
        revision=revision,
        token=token,
    )


def write_release(release: Release) -> Document:
    """Write a release by hand as a document."""
    return {
        "target_arn": release.target_arn,
        "key": _write_key(release.key),
        "level": release.level,
        "until": None if release.until is None else write_time(release.until),
        "by": release.by,
        "at": write_time(release.at),
    }


def read_release(document: Mapping[str, Any]) -> Release:
    """Read a document that `write_release` wrote.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: It is another one.
    """
    until = document["until"]
    return Release(
        target_arn=document["target_arn"],
        key=_read_key(document["key"]),
        level=int(document["level"]),
        until=None if until is None else read_time(until),
        by=document["by"],
        at=read_time(document["at"]),
    )


def write_switch(switch: BrakeSwitch | CreditSwitch) -> Document:
    """Write a switch as a document.

    Raises:
        ValueError: It was never set.
    """
    if switch.by is None or switch.at is None:
        message = "the switch has no time, or no one who set it"
        raise ValueError(message)
    return {IS_ON: switch.is_on, SET_BY: switch.by, SET_AT: write_time(switch.at)}


def _write_target(target: Target) -> Document:
    principal = target.role if isinstance(target, SessionTarget) else target
    return {
        "partition": principal.partition,
        "account_id": principal.account_id,
        "kind": principal.kind.value,
        "name": principal.name,
        "session_name": target.session_name if isinstance(target, SessionTarget) else None,
    }


def _read_target(document: Document) -> Target:
    principal = PrincipalTarget(
        document["partition"],
        document["account_id"],
        PrincipalKind(document["kind"]),
        document["name"],
    )
    name = document["session_name"]
    return principal if name is None else SessionTarget(principal, name)


def _write_cause(cause: DenyCause) -> Document:
    return {
        "key": _write_key(cause.key),
        "until": write_time(cause.until),
        "unit": cause.amount.unit.value,
        "limit": cause.amount.limit,
        "used": cause.used,
        "reserve": cause.reserve,
    }


def _read_cause(document: Document) -> DenyCause:
    return DenyCause(
        key=_read_key(document["key"]),
        until=read_time(document["until"]),
        amount=BudgetAmount(BudgetUnit(document["unit"]), int(document["limit"])),
        used=int(document["used"]),
        reserve=int(document["reserve"]),
    )


def _write_key(key: CauseKey) -> Document:
    period = key.period
    return {
        "budget": key.budget,
        "generation": key.generation,
        "value": key.value,
        "period": [period.id, write_time(period.start), write_time(period.end)],
    }


def _read_key(document: Document) -> CauseKey:
    period_id, start, end = document["period"]
    period = BudgetPeriod(period_id, read_time(start), read_time(end))
    return CauseKey(document["budget"], int(document["generation"]), document["value"], period)


def _read_watch(began_at: str, grown_at: str, used: int) -> ReactionWatch:
    return ReactionWatch(read_time(began_at), read_time(grown_at), int(used))
