"""Events of the brake: their JSON, and their messages for people.

They hold no prompt and no secret. `docs/brake-event.schema.json` is the JSON Schema of the detail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from lambdas.domain.alerts import Notice
from lambdas.domain.brake.denies import CREDITS_GENERATION, Deny, DenyCause, ReleaseReason
from lambdas.domain.brake.targets import Exemption, PrincipalTarget, SessionTarget, Target
from lambdas.domain.brake.wanted import Refusal, ShadowDeny
from lambdas.domain.budgets import (
    BudgetAmount,
    BudgetUnit,
    digest_value,
    read_principal,
)
from lambdas.domain.credits import describe_scope, read_scope_key
from lambdas.domain.events import EventScope, EventType, MeterEvent, make_event_id
from lambdas.domain.scope_field import ScopeField
from lambdas.domain.times import read_time, write_seconds
from lambdas.domain.words import cut, exact_text, plural, printable

EventDetail: TypeAlias = dict[str, Any]
BRAKE_EVENT = "Bedrock Meter Brake"
"""The detail type of the event."""
DETAIL_VERSION = "1"
"""The version of the form. A new field keeps it; a field that changes its meaning does not."""
_MAX_ARN_LETTERS = 300
_ROLE = ":role/"
_WHAT_TO_DO = "What to do: docs/runbooks/BrakeMessages.md in the Bedrock Meter repository."
_RELEASED = {
    ReleaseReason.PERIOD_ENDED: "The period of the budget has ended.",
    ReleaseReason.BUDGET_RAISED: "The budget was raised.",
    ReleaseReason.BUDGET_DELETED: "The budget was deleted.",
    ReleaseReason.BUDGET_CHANGED: (
        "The budget has changed: its scope, its brake or its state, or another one replaces it."
    ),
    ReleaseReason.USAGE_CORRECTED: "The usage is below the budget after a correction.",
    ReleaseReason.BY_HAND: "Someone released it by hand.",
    ReleaseReason.SWITCHED_OFF: "The brake was switched off.",
    ReleaseReason.CREDITS_AVAILABLE: "There are credits again, or the grants were voided.",
    ReleaseReason.CREDITS_OFF: (
        "Exhausted credits no longer deny callers: bedrock-meter credits enforce is off, or the"
        " setting credits_exhausted has no brake."
    ),
    ReleaseReason.EXEMPT: (
        "The caller can no longer be denied: a setting exempts it, its role has lost the tag, or"
        " does not exist any more."
    ),
    ReleaseReason.NO_ROOM: "Other sessions take all the room in its role's policies.",
    ReleaseReason.ROOM_AGAIN: "Its denied sessions have room in its policies again.",
    ReleaseReason.UNINSTALLED: "Governance is being removed from the account.",
}


class EventKind(StrEnum):
    """The kind of an event."""

    DENIED = "denied"
    WOULD_DENY = "would_deny"
    RELEASED = "released"
    NOT_ENFORCEABLE = "not_enforceable"
    NOT_ATTACHED = "not_attached"
    CONTESTED = "contested"
    OVERFLOW = "overflow"


_CREDITS_OFF = (
    "The brake or the switch of credits (bedrock-meter credits enforce) is off, so it is not"
    " denied."
)
_GATEWAY_ADVICE = "The gateway refuses its calls if the setting credits_exhausted has gateway."
_SUBJECTS = {
    EventKind.DENIED: "denied",
    EventKind.WOULD_DENY: "would deny",
    EventKind.RELEASED: "released",
    EventKind.NOT_ENFORCEABLE: "cannot deny",
    EventKind.NOT_ATTACHED: "not denied yet",
    EventKind.CONTESTED: "detached",
    EventKind.OVERFLOW: "no room",
}
_TYPES = {
    EventKind.DENIED: EventType.BRAKE_DENIED,
    EventKind.WOULD_DENY: EventType.BRAKE_WOULD_DENY,
    EventKind.RELEASED: EventType.BRAKE_RELEASED,
    EventKind.NOT_ENFORCEABLE: EventType.BRAKE_NOT_ENFORCEABLE,
    EventKind.NOT_ATTACHED: EventType.BRAKE_NOT_ATTACHED,
    EventKind.CONTESTED: EventType.BRAKE_CONTESTED,
    EventKind.OVERFLOW: EventType.BRAKE_OVERFLOW,
}
_OPENINGS = {
    EventKind.DENIED: "Denied",
    EventKind.WOULD_DENY: "Would be denied",
    EventKind.RELEASED: "Released",
    EventKind.NOT_ENFORCEABLE: "Cannot be denied",
    EventKind.NOT_ATTACHED: "Not denied yet",
    EventKind.CONTESTED: "No longer denied",
    EventKind.OVERFLOW: "Role with too many denied sessions",
}


class OverflowMode(StrEnum):
    """The effect on sessions of a role that its policies have no room for."""

    ROLE = "role"
    """The whole role is denied."""
    NOTIFY = "notify"
    """Sessions without room are not denied, which is reported."""


@dataclass(frozen=True, slots=True)
class BrakeEvent:
    """An event.

    Attributes:
        id: A text that no other event has, by which receivers notice repeated messages.
        detail: The content.
    """

    id: str
    detail: EventDetail


def report_denied(deny: Deny, now: datetime) -> BrakeEvent:
    """Report that a caller is denied. It is attached already."""
    return _make(
        f"{deny.id}#denied",
        EventKind.DENIED,
        deny.target,
        deny.causes,
        now,
        explanation=(
            "All its use of Bedrock in this Region is denied. IAM takes some seconds until every"
            " call is refused, and calls that have begun end normally."
        ),
        advice=(
            f"To release it earlier, {_advise(deny.causes)}, or run bedrock-meter deny release"
            f" {deny.target.arn}"
        ),
        until=deny.until,
    )


def report_shadow(shadow: ShadowDeny, now: datetime) -> BrakeEvent:
    """Report a deny that did not happen, once a period."""
    if shadow.cause.key.is_credits:
        reason, explanation = "switched_off", _CREDITS_OFF
    elif shadow.is_switched_off:
        reason, explanation = "switched_off", "The brake is switched off, so it is not denied."
    else:
        reason, explanation = "shadow", "The brake of the budget is shadow, so it is not denied."
    return _make(
        _make_id(EventKind.WOULD_DENY, shadow.target.arn, shadow.cause),
        EventKind.WOULD_DENY,
        shadow.target,
        (shadow.cause,),
        now,
        reason=reason,
        explanation=explanation,
        until=shadow.cause.until,
    )


def report_released(deny: Deny, reason: ReleaseReason, now: datetime) -> BrakeEvent:
    """Report that a caller is no longer denied."""
    return _make(
        f"{deny.id}#released",
        EventKind.RELEASED,
        deny.target,
        deny.causes,
        now,
        reason=reason.value,
        explanation=_RELEASED[reason],
    )


def report_refusal(refusal: Refusal, now: datetime) -> BrakeEvent:
    """Report a caller that cannot be denied, once a period."""
    caller = refusal.caller
    is_at_gateway = refusal.cause.key.is_credits and caller.exemption is Exemption.GATEWAY_CALLER
    return _make(
        _make_id(EventKind.NOT_ENFORCEABLE, caller.arn, refusal.cause),
        EventKind.NOT_ENFORCEABLE,
        caller.arn,
        (refusal.cause,),
        now,
        reason=caller.exemption.value,
        explanation=f"It is not denied: {caller.reason}.",
        advice=_GATEWAY_ADVICE if is_at_gateway else caller.advice,
    )


def report_not_attached(deny: Deny, obstacle: str, advice: str, now: datetime) -> BrakeEvent:
    """Report that IAM did not take a deny, once for each obstacle."""
    return _make(
        f"{deny.id}#not_attached#{obstacle}",
        EventKind.NOT_ATTACHED,
        deny.target,
        deny.causes,
        now,
        reason=obstacle,
        explanation="It is not denied yet. The brake tries again every minute.",
        advice=advice,
    )


def report_contested(deny: Deny, now: datetime) -> BrakeEvent:
    """Report that others take a deny off again and again."""
    return _make(
        f"{deny.id}#contested#{write_seconds(deny.attached_at or deny.decided_at)}",
        EventKind.CONTESTED,
        deny.target,
        deny.causes,
        now,
        reason="taken_off",
        explanation=(
            f"Someone else detached the deny {plural(deny.taken_off + 1, 'time')}. It is not"
            " attached again before the next period, or the length of a window has passed."
        ),
        advice=(
            "Find DetachRolePolicy or DetachUserPolicy in CloudTrail. To release the caller, run"
            " bedrock-meter deny release instead."
        ),
    )


def report_overflow(
    role: PrincipalTarget,
    causes: Sequence[DenyCause],
    sessions: int,
    mode: OverflowMode,
    now: datetime,
) -> BrakeEvent:
    """Report sessions that the policies of their role have no room for.

    Args:
        role: The role.
        causes: The budgets of these sessions.
        sessions: Their number.
        mode: The setting.
        now: The time.
    """
    effect = (
        "so the whole role is denied" if mode is OverflowMode.ROLE else "so they are not denied"
    )
    return _make(
        _make_id(EventKind.OVERFLOW, role.arn, causes[0]),
        EventKind.OVERFLOW,
        role,
        causes,
        now,
        reason=mode.value,
        explanation=f"{plural(sessions, 'session')} of it have no room in its policies, {effect}.",
        advice="Use a budget per principal, or roles with fewer callers.",
    )


def write_brake_notice(detail: EventDetail, link: str | None = None) -> Notice:
    """Write the message of an event, with what webhooks deliver.

    Args:
        detail: The detail.
        link: The address of a dashboard, for webhooks.
    """
    subject, text = _write_subject(detail), "\n".join(map(printable, _list_lines(detail)))
    event_type = _TYPES[EventKind(detail["kind"])]
    event = MeterEvent(
        id=make_event_id(event_type, detail["id"]),
        type=event_type,
        at=read_time(detail["at"]),
        title=subject,
        text=text,
        scope=_read_scope(detail),
        detail=detail,
        link=link,
    )
    # The id of an event of EventBridge. A delivery of a webhook has another one.
    return Notice(subject, f"{text}\nEvent id: {printable(detail['id'])}", events=(event,))


def _read_scope(detail: EventDetail) -> EventScope:
    """Read the caller: a role, or a user or session with what budgets know it by.

    Of credits whose scope names no caller, read the scope.
    """
    arn = detail["caller"]["arn"]
    (first, *_) = detail["budgets"]
    if first["generation"] == CREDITS_GENERATION and detail["reason"] == Exemption.NO_CALLER:
        scope_of_credits = read_scope_key(first["value"])
        return {field.value: names for field, names in scope_of_credits.conditions.items()}
    scope = {ScopeField.PRINCIPAL.value: (read_principal(arn),)}
    return scope if _ROLE in arn else scope | {ScopeField.IDENTITY.value: (arn,)}


def _make(  # noqa: PLR0913  # the parts of an event
    event_id: str,
    kind: EventKind,
    caller: Target | str,
    causes: Sequence[DenyCause],
    now: datetime,
    *,
    reason: str | None = None,
    explanation: str,
    advice: str | None = None,
    until: datetime | None = None,
) -> BrakeEvent:
    detail = {
        "version": DETAIL_VERSION,
        "id": event_id,
        "kind": kind.value,
        "at": write_seconds(now),
        "caller": {
            "arn": caller if isinstance(caller, str) else caller.arn,
            "grade": _name_grade(caller),
        },
        "budgets": [write_cause(cause) for cause in causes],
        "until": None if until is None else write_seconds(until),
        "reason": reason,
        "explanation": explanation,
        "advice": advice,
    }
    return BrakeEvent(event_id, detail)


def _advise(causes: Sequence[DenyCause]) -> str:
    """Write what ends a deny, besides a release by hand."""
    kinds = {cause.key.is_credits for cause in causes}
    ways = [
        *(["raise the budget"] if False in kinds else []),
        *(["grant credits"] * (True in kinds)),
    ]
    return " and ".join(ways)


def _make_id(kind: EventKind, arn: str, cause: DenyCause) -> str:
    """Make an id that is the same for one caller and budget during a period."""
    key = cause.key
    names = (key.budget, str(key.generation), cause.notice_period, kind)
    return "#".join([*names, digest_value(arn), digest_value(key.value)])


def _name_grade(caller: Target | str) -> str | None:
    match caller:
        case SessionTarget():
            return "session"
        case PrincipalTarget():
            return "principal"
    return None


def write_cause(cause: DenyCause) -> EventDetail:
    """Write a budget with its usage at the decision, in the unit of its amount, or credits."""
    key, amount = cause.key, cause.amount
    return {
        "name": key.budget,
        "generation": key.generation,
        "value": key.value or None,
        "period": {
            "id": key.period.id,
            "start": write_seconds(key.period.start),
            "end": write_seconds(key.period.end),
        },
        "unit": amount.unit.value,
        "limit": amount.write(amount.limit),
        "used": amount.write(cause.used),
        "reserve": amount.write(cause.reserve),
        "percent_used": exact_text(amount.get_percentage(cause.used)),
    }


def _write_subject(detail: EventDetail) -> str:
    """Write a line of at most 100 ASCII letters: names of budgets have at most 64."""
    subject = _SUBJECTS[EventKind(detail["kind"])]
    return f"Bedrock brake, {detail['budgets'][0]['name']}: {subject}"


def _list_lines(detail: EventDetail) -> Iterator[str]:
    arn = cut(detail["caller"]["arn"], _MAX_ARN_LETTERS)
    yield f"{_OPENINGS[EventKind(detail['kind'])]}: {arn}"
    yield detail["explanation"]
    for budget in detail["budgets"]:
        yield _describe_budget(budget)
    if detail["until"] is not None:
        yield f"Until: {detail['until']}"
    if detail["advice"] is not None:
        yield detail["advice"]
    yield _WHAT_TO_DO


def _describe_budget(budget: EventDetail) -> str:
    unit = BudgetUnit(budget["unit"])
    amount = BudgetAmount.from_text(budget["limit"], unit)
    used, reserve = (
        BudgetAmount.from_text(budget[name], unit).limit for name in ("used", "reserve")
    )
    usage = describe_usage(amount, used, reserve)
    if budget["generation"] == CREDITS_GENERATION:
        scope = describe_scope(read_scope_key(budget["value"]))
        return f"Credits of {cut(scope, _MAX_ARN_LETTERS)} are exhausted: {usage}"
    return f"Budget {budget['name']}: {usage}; its period ends at {budget['period']['end']}"


def describe_usage(amount: BudgetAmount, used: int, reserve: int) -> str:
    """Describe the usage for which a caller is denied.

    Args:
        amount: The amount of the budget.
        used: The usage at the decision, in the unit of the amount.
        reserve: The usage that was expected before the deny would take effect, likewise.
    """
    percent = exact_text(amount.get_percentage(used))
    text = f"{amount.describe(used)} of {amount.describe()} used, {percent}%"
    if not reserve:
        return text
    return f"{text}, and {amount.describe(reserve)} expected before a deny takes effect"
