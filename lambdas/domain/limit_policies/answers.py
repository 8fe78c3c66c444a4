"""Says to callers what limits allow, what is left, and why a call is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from lambdas.domain.bedrock_calls import LIMITS_UNAVAILABLE, LimitState, Refusal, refuse_limit
from lambdas.domain.limit_policies.explanations import ASK, explain, get_wait_ms
from lambdas.domain.limit_policies.policy import Policy, PolicyLimit
from lambdas.domain.limit_policies.subjects import CallNotCountableError, PolicySubject
from lambdas.domain.limits import (
    AnyWindow,
    CalendarUnit,
    CalendarWindow,
    LimitStatus,
    LimitUnit,
    RefusalReason,
    to_moment,
    to_time,
)
from lambdas.domain.limits import Refusal as LimitRefusal
from lambdas.domain.money import PICODOLLARS

_HOUR, _DAY = 3_600, 86_400
_CALENDAR_SECONDS = {
    CalendarUnit.HOUR: _HOUR,
    CalendarUnit.DAY: _DAY,
    CalendarUnit.WEEK: 7 * _DAY,
    CalendarUnit.MONTH: 30 * _DAY,
}
_PICO_PER_MICRO = PICODOLLARS // 10**6
_SHOWN_UNITS = {
    LimitUnit.CONCURRENT: "concurrent-requests",
    LimitUnit.USD: "micro-usd",
}
"""The units that headers name otherwise. Numbers in headers have 15 digits at most."""
CREDITS_EXHAUSTED = "credits_exhausted"
"""The reason of a refusal for lack of credits."""
_MICROSECONDS = 10**6


def describe_limit(
    subject: PolicySubject, limit: PolicyLimit, status: LimitStatus, at: datetime
) -> LimitState:
    """Describe a limit as a response shows it.

    Args:
        subject: The subject.
        limit: The limit of its policy.
        status: The state of the limit.
        at: The time.
    """
    policy, unit = subject.policy, status.limit.unit
    reset = None if status.resets_at is None else max(0, status.resets_at - to_moment(at))
    return LimitState(
        name=name_limit(policy, limit),
        quota=_show(status.limit.amount, unit),
        remaining=_show(status.remaining, unit),
        window_seconds=get_window_seconds(status.limit.window),
        reset_seconds=None if reset is None else reset / _MICROSECONDS,
        unit=_SHOWN_UNITS.get(unit, unit.value),
        partition=subject.partition,
        resets_at=None if status.resets_at is None else to_time(status.resets_at),
        models=policy.match.model,
        operations=policy.match.operation,
    )


def name_limit(policy: Policy, limit: PolicyLimit) -> str:
    """Name a limit: as its policy, with unit and window if that has several limits."""
    return policy.name if len(policy.limits) == 1 else f"{policy.name}/{limit.label}"


def get_window_seconds(window: AnyWindow | None) -> int | None:
    """Get the length of a window; that of a month is 30 days."""
    if window is None:
        return None
    return _CALENDAR_SECONDS[window.every] if isinstance(window, CalendarWindow) else window.seconds


def refuse(
    refusal: LimitRefusal,
    subjects: Mapping[str, PolicySubject],
    statuses: Mapping[str, Sequence[LimitStatus]],
    at: datetime,
) -> Refusal:
    """Refuse a call.

    Args:
        refusal: The refusal of the subject that refuses it for the longest time.
        subjects: The subjects by id.
        statuses: The states of limits by subject. A subject that has just refused another call has
            none.
        at: The time.
    """
    if refusal.reason is RefusalReason.STORE_FAILED:
        return LIMITS_UNAVAILABLE
    subject = subjects[refusal.subject]
    violated = [
        found
        for each in subjects.values()
        for found in _list_violated(each, statuses.get(each.subject.id, ()))
    ]
    names = [name for name, _ in violated] or [subject.policy.name]
    causes = [(name, status) for name, status in violated if status.refusal is refusal.reason]
    retry_ms = None if refusal.retry_at is None else get_wait_ms(refusal.retry_at, at)
    has_to_wait = refusal.reason is RefusalReason.LIMIT_REACHED
    if retry_ms is not None and has_to_wait and not subject.policy.says_wait(retry_ms):
        retry_ms = None
    message = explain(refusal.reason, causes or [(name, None) for name in names], retry_ms, at)
    return refuse_limit(message, retry_ms, names)


def refuse_tier(tier: str) -> Refusal:
    """Refuse a key whose tier no policy knows: it would be without limits by mistake."""
    message = f'The API key has the tier "{tier}", which no policy has. {ASK}'
    return Refusal(400, "ServiceQuotaExceededException", message, "unknown_tier")


def refuse_uncountable(error: CallNotCountableError) -> Refusal:
    """Refuse a call that a limit could not count for the right value."""
    message = (
        f'The limit "{error.name}" counts by {error.label}, which is not known before the call. Use'
        f" a key with a {error.label}, and name a model and no application inference profile"
    )
    return refuse_limit(message, None, [error.name])


def refuse_credits(scopes: Sequence[str]) -> Refusal:
    """Refuse a call because no credits are left in scopes that cover it. Waiting does not help."""
    names = " and ".join(f'"{name}"' for name in scopes)
    message = f"No credits are left for {names}. {ASK}"
    refused = refuse_limit(message, None, scopes)
    return refused._replace(reason=CREDITS_EXHAUSTED)


def _list_violated(
    subject: PolicySubject, statuses: Sequence[LimitStatus]
) -> Iterator[tuple[str, LimitStatus]]:
    for limit, status in zip(subject.policy.limits, statuses, strict=False):
        if status.refusal is not None and status.limit.is_enforced:
            yield name_limit(subject.policy, limit), status


def _show(amount: int, unit: LimitUnit) -> int:
    return amount // _PICO_PER_MICRO if unit is LimitUnit.USD else amount
