"""Explains to callers why a call is refused, and what they can do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from lambdas.domain.limit_policies.limit_words import write_amount, write_limit
from lambdas.domain.limits import LimitStatus, LimitUnit, RefusalReason, to_moment, to_time

ASK = "Ask whoever runs the gateway"
_Cause: TypeAlias = tuple[str, LimitStatus | None]
_SET, _SHORTEN = "Set maxTokens, or lower it", "send a shorter prompt"
_ADVICE = {LimitUnit.INPUT: _SHORTEN.capitalize(), LimitUnit.OUTPUT: _SET}
_MS = 1_000
_LONG = timedelta(hours=1)
_TO_NEXT_MINUTE = timedelta(seconds=59, microseconds=999_999)


def explain(
    reason: RefusalReason, causes: Sequence[_Cause], retry_ms: int | None, at: datetime
) -> str:
    """Explain a refusal: the limits, what was asked for, and what to do.

    Args:
        reason: The reason.
        causes: The names of the limits that refuse for this reason, with their states if known.
        retry_ms: The advised wait, if there is one.
        at: The time.
    """
    advice = "" if retry_ms is None else f". Try again in {_write_seconds(retry_ms)}"
    named = _name(causes)
    match reason:
        case RefusalReason.NEED_ABOVE_LIMIT:
            return _explain_need(*causes[0])
        case RefusalReason.NEED_UNKNOWN:
            return (
                f"What the call may cost is not known, so the {named} in US dollars cannot admit"
                " it: the model has no price, or an inference profile hides it. Name another"
                f" model. {ASK}"
            )
        case RefusalReason.TOO_MANY_CALLS_A_SECOND:
            return f"More calls a second share the {named} than the gateway can count{advice}"
        case RefusalReason.TOO_MANY_OPEN:
            return f"More calls at a time share the {named} than the gateway can count{advice}"
    return _explain_wait(causes, advice, at)


def get_wait_ms(until: datetime, at: datetime) -> int:
    """Get the milliseconds until a time, 1 at least."""
    return max(1, -(-(to_moment(until) - to_moment(at)) // 1_000))


def _explain_need(name: str, status: LimitStatus | None) -> str:
    if status is None or status.needed is None or not status.limit.amount:
        return f'The limit "{name}" allows no calls. {ASK}'
    unit, allowed = status.limit.unit, write_limit(status.limit)
    verb = "cost" if unit is LimitUnit.USD else "need"
    return (
        f'The call may {verb} {write_amount(unit, status.needed)}, and the limit "{name}" allows'
        f" {allowed}. {_ADVICE.get(unit, f'{_SET}, or {_SHORTEN}')}"
    )


def _explain_wait(causes: Sequence[_Cause], advice: str, at: datetime) -> str:
    reached = f"The {_name(causes)} {'is' if len(causes) == 1 else 'are'} reached"
    statuses = [status for _, status in causes if status is not None]
    if any(status.limit.unit is LimitUnit.CONCURRENT for status in statuses):
        return f"{reached}. There is room once a call has ended{advice}"
    until = [to_time(status.latest_at) for status in statuses if status.latest_at is not None]
    if not until:
        return f"{reached}{advice}"
    latest = f"{_write_wait(max(until), at)} at the latest"
    if not all(status.is_held for status in statuses):
        return f"{reached}. There is room again {latest}"
    return (
        f"Calls that run have reserved what is left of the {_name(causes)}. There is room once they"
        f" have ended, {latest}{advice}"
    )


def _name(causes: Sequence[_Cause]) -> str:
    names = " and ".join(f'"{name}"' for name, _ in causes)
    return f"limit {names}" if len(causes) == 1 else f"limits {names}"


def _write_wait(until: datetime, at: datetime) -> str:
    """Write a wait in seconds, or a long one as the time of its end, in whole minutes."""
    if until - at < _LONG:
        return f"in {_write_seconds(get_wait_ms(until, at))}"
    return f"at {until + _TO_NEXT_MINUTE:%Y-%m-%d %H:%M} UTC"


def _write_seconds(milliseconds: int) -> str:
    return f"{-(-milliseconds // _MS):,} s"
