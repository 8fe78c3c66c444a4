"""The decision on a call by the limits of one subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lambdas.domain.limits.amounts import Amounts, LimitUnit
from lambdas.domain.limits.limit import HOT_LIMIT, CounterKey, Limit, LimitSubject
from lambdas.domain.limits.moments import SECOND
from lambdas.domain.limits.subject_state import (
    MAX_OPEN,
    OpenReservation,
    SubjectState,
    add_reservation,
    advance,
)

_RETRY_SECONDS = 1  # when a running call will end is not known
_HELD_RETRY_SECONDS = 5  # the same, of calls that have reserved what is missing


class RefusalReason(StrEnum):
    """Reasons for which a call is refused."""

    LIMIT_REACHED = "limit_reached"
    """It will be admitted later."""
    NEED_ABOVE_LIMIT = "need_above_limit"
    """It needs more than the limit: it can never be admitted."""
    NEED_UNKNOWN = "need_unknown"
    """Its need is not known in the unit of a limit, such as the cost of an unpriced model."""
    TOO_MANY_CALLS_A_SECOND = "too_many_calls_a_second"
    """Its subject has more calls a second than one item can count."""
    TOO_MANY_OPEN = "too_many_open"
    """Its subject has as many open reservations as one item holds."""
    STORE_FAILED = "store_failed"
    """Its limits could not be read or written."""


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """The state of a limit.

    Attributes:
        limit: The limit.
        used: What has been reserved and used in its window, with the call if it was admitted.
        resets_at: The moment at which some of that leaves the window; `None` if nothing does.
        refusal: Why it refuses the call, or would if it were enforced; `None` if it admits it.
        retry_at: The moment from which it may admit the call; `None` if it admits it now or never.
            Soon, if calls that run have reserved what the call lacks: they give back most of that.
        latest_at: The moment from which it has room for the call, whatever calls that run use;
            `None` if it admits it now or never, or if that is not known.
        needed: What the call needs in its unit; `None` if that is not known.
    """

    limit: Limit
    used: int
    resets_at: int | None
    refusal: RefusalReason | None = None
    retry_at: int | None = None
    latest_at: int | None = None
    needed: int | None = None

    @property
    def is_held(self) -> bool:
        """True if it refuses the call only until calls that run have ended."""
        return self.latest_at is not None and self.retry_at != self.latest_at

    @property
    def remaining(self) -> int:
        """The amount that is left; 0 if more was used than allowed."""
        return max(0, self.limit.amount - self.used)


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on a call.

    Attributes:
        subject: The id of the subject.
        statuses: The state of each of its limits, in their order.
        entry: What was reserved; `None` if the call is refused, or admitted without being counted,
            because no limit is enforced and the item has no room.
        refusal: Why it is refused.
        retry_at: The moment from which it may be admitted; `None` if it never is.
    """

    subject: str
    statuses: tuple[LimitStatus, ...]
    entry: OpenReservation | None = None
    refusal: RefusalReason | None = None
    retry_at: int | None = None


def reserve(
    state: SubjectState, subject: LimitSubject, reservation_id: str, need: Amounts, at: int
) -> tuple[SubjectState, Decision]:
    """Reserve what a call needs, if each limit that is enforced admits it.

    Where none is, the call is admitted, and not counted if it is one of too many at a time or a
    second.

    A reservation that exists is found again, so that a request can be repeated.

    Args:
        state: The state of the subject.
        subject: The subject.
        reservation_id: The id of the reservation.
        need: What the call needs at most.
        at: The time.

    Returns:
        The new state, and the decision. Of a refused call, the state has at most advanced.
    """
    charges = make_charges(subject, need)
    now = advance(state, at, charges)
    existing = now.entries.get(reservation_id)
    if existing is not None:
        return now, describe_admission(now, subject, existing, need)
    checked = [_check(limit, now, need, at) for limit in (*subject.limits, HOT_LIMIT)]
    refused = [status for status in checked if status.refusal and status.limit.is_enforced]
    reason, retry_at = _summarize(refused)
    if len(now.open) >= MAX_OPEN or len(now.late) >= MAX_OPEN:
        reason, retry_at = RefusalReason.TOO_MANY_OPEN, at + _RETRY_SECONDS * SECOND
    if reason is not None:
        statuses = tuple(status for status in checked if status.limit is not HOT_LIMIT)
        if not subject.is_enforced:
            reason = retry_at = None
        return now, Decision(subject.id, statuses, None, reason, retry_at)
    after = add_reservation(now, reservation_id, charges, at)
    return after, describe_admission(after, subject, after.open[reservation_id], need)


def make_charges(subject: LimitSubject, need: Amounts) -> dict[CounterKey, int]:
    """Make the amounts that a call is charged, by counter.

    A need that is not known charges nothing, and what was used is added when the call is settled.
    If a limit of its unit is enforced, the call is refused.
    """
    keys = [limit.key for limit in (*subject.limits, HOT_LIMIT) if limit.key is not None]
    return {key: need.get(key.unit) or 0 for key in (*keys, *subject.counted)}


def describe_admission(
    state: SubjectState, subject: LimitSubject, entry: OpenReservation, need: Amounts
) -> Decision:
    """Describe the limits of a subject after a call was admitted.

    Args:
        state: The state with the reservation.
        subject: The subject.
        entry: The reservation.
        need: What the call needs.
    """
    statuses = tuple(
        _describe(limit, state, need, _get_used(limit, state), entry.at) for limit in subject.limits
    )
    return Decision(subject.id, statuses, entry)


def check(
    state: SubjectState, subject: LimitSubject, need: Amounts, at: int
) -> tuple[LimitStatus, ...]:
    """Check what a call needs against all limits of a subject, without a reservation."""
    now = advance(state, at, make_charges(subject, need))
    return tuple(_check(limit, now, need, at) for limit in subject.limits)


def _check(limit: Limit, state: SubjectState, need: Amounts, at: int) -> LimitStatus:
    """Check a call before it is reserved."""
    wanted = _get_used(limit, state) + (need.get(limit.unit) or 0)
    return _describe(limit, state, need, wanted, at)


def _describe(
    limit: Limit, state: SubjectState, need: Amounts, wanted: int, at: int
) -> LimitStatus:
    """Describe a limit.

    Args:
        limit: The limit.
        state: The state, advanced.
        need: What a call needs.
        wanted: What its window would hold with the call.
        at: The time.
    """
    used, resets_at = _get_used(limit, state), _find_reset(limit.key, state)
    amount = need.get(limit.unit)
    if amount is None:
        return LimitStatus(limit, used, resets_at, RefusalReason.NEED_UNKNOWN)
    if amount > limit.amount:
        above = RefusalReason.NEED_ABOVE_LIMIT
        return LimitStatus(limit, used, resets_at, above, needed=amount)
    if wanted <= limit.amount:
        return LimitStatus(limit, used, resets_at)
    reason = RefusalReason.LIMIT_REACHED
    if limit is HOT_LIMIT:
        reason = RefusalReason.TOO_MANY_CALLS_A_SECOND
    if limit.key is None:
        return LimitStatus(limit, used, resets_at, reason, at + _RETRY_SECONDS * SECOND)
    latest_at = retry_at = _find_latest(limit, limit.key, state, wanted)
    if wanted - _get_held(limit.key, state) <= limit.amount:
        retry_at = min(latest_at, at + _HELD_RETRY_SECONDS * SECOND)
    return LimitStatus(limit, used, resets_at, reason, retry_at, latest_at, amount)


def _get_used(limit: Limit, state: SubjectState) -> int:
    return len(state.open) if limit.key is None else state.get_total(limit.key)


def _find_reset(key: CounterKey | None, state: SubjectState) -> int | None:
    """Find the moment at which the oldest slot of a counter leaves."""
    slots = state.counters.get(key, {}) if key is not None else {}
    return key.window.leaves_at(min(slots)) if key is not None and slots else None


def _find_latest(limit: Limit, key: CounterKey, state: SubjectState, wanted: int) -> int:
    """Find the moment at which enough slots have left for a total to be allowed."""
    slots: Mapping[int, int] = state.counters[key]
    for number in sorted(slots):
        wanted -= slots[number]
        if wanted <= limit.amount:
            return key.window.leaves_at(number)
    return key.window.leaves_at(max(slots))


def _get_held(key: CounterKey, state: SubjectState) -> int:
    """The part of a counter that calls which may be running have reserved, and may give back."""
    if key.unit is LimitUnit.REQUESTS:  # an answered call keeps its one
        return 0
    slots = state.counters[key]
    return sum(
        entry.charges.get(key, 0)
        for entry in state.open.values()
        if key.window.number_at(entry.at) in slots
    )


def _summarize(refused: list[LimitStatus]) -> tuple[RefusalReason | None, int | None]:
    """Choose the reason of several limits: one that no waiting helps, else the longest wait."""
    if not refused:
        return None, None
    last = max(refused, key=lambda status: (status.retry_at is None, status.retry_at or 0))
    return last.refusal, last.retry_at
