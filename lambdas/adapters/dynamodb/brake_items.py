"""Denies, releases and events of the brake as items of the table `Governance`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lambdas.domain.brake import (
    CauseKey,
    Deny,
    DenyCause,
    DenyState,
    PrincipalKind,
    PrincipalTarget,
    ReactionWatch,
    Release,
    ReleaseReason,
    SessionTarget,
    Target,
)
from lambdas.domain.budgets import BudgetAmount, BudgetPeriod, BudgetUnit
from lambdas.domain.budgets.governance_table import PARTITION_KEY, SORT_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = dict[str, AttributeValueTypeDef]

UNREADABLE = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError)
"""The errors of content that another version wrote, or that someone has changed."""


def make_item_key(partition: str, sort_key: str) -> Item:
    """Make the key of an item."""
    return {PARTITION_KEY: {"S": partition}, SORT_KEY: {"S": sort_key}}


def write_json(content: Mapping[str, Any]) -> AttributeValueTypeDef:
    """Write the content of an item."""
    return {"S": json.dumps(content, separators=(",", ":"))}


def write_time(moment: datetime) -> str:
    """Write a time so that texts of one length are in order of time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def write_deny(deny: Deny) -> dict[str, Any]:
    """Write a deny as JSON, without its revision."""
    return {
        "target": _write_target(deny.target),
        "causes": [_write_cause(cause) for cause in deny.causes],
        "decided_at": write_time(deny.decided_at),
        "state": deny.state.value,
        "attached_at": _write_optional(deny.attached_at),
        "taken_off": deny.taken_off,
        "release": None if deny.release is None else deny.release.value,
        "watch": None if deny.watch is None else _write_watch(deny.watch),
    }


def read_deny(content: str, revision: int) -> Deny:
    """Read a deny; raises one of `UNREADABLE` if it is none."""
    found = json.loads(content)
    return Deny(
        target=_read_target(found["target"]),
        causes=tuple(_read_cause(cause) for cause in found["causes"]),
        decided_at=datetime.fromisoformat(found["decided_at"]),
        state=DenyState(found["state"]),
        attached_at=_read_optional(found["attached_at"]),
        taken_off=found["taken_off"],
        release=None if found["release"] is None else ReleaseReason(found["release"]),
        watch=None if found["watch"] is None else _read_watch(found["watch"]),
        revision=revision,
    )


def write_release(release: Release) -> dict[str, Any]:
    """Write a release by hand as JSON."""
    return {
        "target_arn": release.target_arn,
        "key": _write_key(release.key),
        "level": release.level,
        "until": _write_optional(release.until),
        "by": release.by,
        "at": write_time(release.at),
    }


def read_release(content: str) -> Release:
    """Read a release by hand; raises one of `UNREADABLE` if it is none."""
    found = json.loads(content)
    return Release(
        target_arn=found["target_arn"],
        key=_read_key(found["key"]),
        level=found["level"],
        until=_read_optional(found["until"]),
        by=found["by"],
        at=datetime.fromisoformat(found["at"]),
    )


def _write_target(target: Target) -> dict[str, str]:
    principal = target.role if isinstance(target, SessionTarget) else target
    content = {
        "partition": principal.partition,
        "account_id": principal.account_id,
        "kind": principal.kind.value,
        "name": principal.name,
    }
    if isinstance(target, SessionTarget):
        content["session_name"] = target.session_name
    return content


def _read_target(found: Mapping[str, str]) -> Target:
    principal = PrincipalTarget(
        found["partition"], found["account_id"], PrincipalKind(found["kind"]), found["name"]
    )
    if "session_name" in found:
        return SessionTarget(principal, found["session_name"])
    return principal


def _write_cause(cause: DenyCause) -> dict[str, Any]:
    return {
        "key": _write_key(cause.key),
        "until": write_time(cause.until),
        "unit": cause.amount.unit.value,
        "limit": cause.amount.limit,
        "used": cause.used,
        "reserve": cause.reserve,
    }


def _read_cause(found: Mapping[str, Any]) -> DenyCause:
    return DenyCause(
        _read_key(found["key"]),
        datetime.fromisoformat(found["until"]),
        BudgetAmount(BudgetUnit(found["unit"]), found["limit"]),
        found["used"],
        found["reserve"],
    )


def _write_key(key: CauseKey) -> list[Any]:
    period = [key.period.id, write_time(key.period.start), write_time(key.period.end)]
    return [key.budget, key.generation, key.value, period]


def _read_key(found: Sequence[Any]) -> CauseKey:
    budget, generation, value, (period_id, start, end) = found
    period = BudgetPeriod(period_id, datetime.fromisoformat(start), datetime.fromisoformat(end))
    return CauseKey(budget, generation, value, period)


def _write_watch(watch: ReactionWatch) -> list[Any]:
    return [write_time(watch.began_at), write_time(watch.grown_at), watch.used]


def _read_watch(found: Sequence[Any]) -> ReactionWatch:
    began_at, grown_at, used = found
    return ReactionWatch(
        datetime.fromisoformat(began_at), datetime.fromisoformat(grown_at), int(used)
    )


def _write_optional(moment: datetime | None) -> str | None:
    return None if moment is None else write_time(moment)


def _read_optional(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
