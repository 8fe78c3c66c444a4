"""Finds limits that are nearly used up or refuse calls, to report each once in a window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from lambdas.domain.limit_policies.answers import get_window_seconds, name_limit
from lambdas.domain.limit_policies.policy import Partition, PolicyLimit
from lambdas.domain.limit_policies.subjects import PolicySubject
from lambdas.domain.limits import (
    SECOND,
    Amounts,
    LimitStatus,
    LimitUnit,
    RefusalReason,
    RollingWindow,
    to_moment,
)

MARKS = "limit-marks"
"""The partition of marks that were reached, in the table of limits; the sort key is the id."""
DUE_MARKS = "due-limit-marks"
"""The partition of copies of marks that are to be sent."""
MIN_MARK_SECONDS = 3_600
"""The shortest time after which a mark is reported again, however short its window is."""
_PERCENT = 100
_DIGEST_LETTERS = 16
_REFUSED = "refused"


class NearMark(NamedTuple):
    """A mark that the usage of a limit has reached, or its first refusal in a window.

    Attributes:
        subject: The id of the subject.
        limit: The name of the limit.
        percent: The mark; of a refusal what is used, in whole percent.
        window: The moment at which the window began, or a time of an hour at least for one that
            moves or is shorter. With the others it is the identity of the mark.
        ends_at: The moment from which the mark can be reported again.
        unit: The unit of the limit.
        amount: The amount of the limit.
        used: What is used of it, without the call that has reached the mark.
        is_enforced: True if the limit refuses calls.
        counted_by: What the limit counts by, with the values; empty if all calls count together.
        is_refusal: True if the limit has refused a call.
    """

    subject: str
    limit: str
    percent: int
    window: int
    ends_at: int
    unit: LimitUnit = LimitUnit.TOTAL
    amount: int = 0
    used: int = 0
    is_enforced: bool = True
    counted_by: tuple[tuple[Partition, str | None], ...] = ()
    is_refusal: bool = False

    @property
    def id(self) -> str:
        """A text that no other mark has, without the names of callers."""
        digest = sha256(self.subject.encode()).hexdigest()[:_DIGEST_LETTERS]
        mark = _REFUSED if self.is_refusal else self.percent
        return f"{self.limit}#{mark}#{self.window}#{digest}"


def find_marks(
    subject: PolicySubject, statuses: Sequence[LimitStatus], need: Amounts, at: datetime
) -> Iterator[NearMark]:
    """Find the highest mark that each limit of a subject has reached.

    What the call itself has just reserved is not counted: most of it is given back.

    Args:
        subject: The subject.
        statuses: The states of its limits, in their order.
        need: What the call has reserved; `NO_USE` for one that was refused.
        at: The time.
    """
    for limit, status in zip(subject.policy.limits, statuses, strict=True):
        used = status.used - (need.get(status.limit.unit) or 0)
        reached = [
            mark
            for mark in limit.near
            if used * _PERCENT >= mark * status.limit.amount and used > 0
        ]
        if reached:
            yield _make_mark(subject, limit, status, at, max(reached))._replace(used=used)


def find_refusals(
    subject: PolicySubject, statuses: Sequence[LimitStatus], at: datetime
) -> Iterator[NearMark]:
    """Find the limits of a subject that have refused a call and admit one as large later.

    The number of calls at a time has no window: it refuses calls for seconds, as often as it may.

    Args:
        subject: The subject.
        statuses: The states of its limits, in their order, without the call.
        at: The time.
    """
    for limit, status in zip(subject.policy.limits, statuses, strict=True):
        if (
            status.refusal is RefusalReason.LIMIT_REACHED
            and status.limit.is_enforced
            and status.limit.unit is not LimitUnit.CONCURRENT
        ):
            percent = status.used * _PERCENT // max(status.limit.amount, 1)
            yield _make_mark(subject, limit, status, at, percent)._replace(is_refusal=True)


def _make_mark(
    subject: PolicySubject, limit: PolicyLimit, status: LimitStatus, at: datetime, percent: int
) -> NearMark:
    begin, end = _get_window(status, to_moment(at))
    return NearMark(
        subject.subject.id,
        name_limit(subject.policy, limit),
        percent,
        begin,
        end,
        status.limit.unit,
        status.limit.amount,
        status.used,
        status.limit.is_enforced,
        tuple(zip(subject.policy.partition_by, subject.values, strict=True)),
    )


def _get_window(status: LimitStatus, moment: int) -> tuple[int, int]:
    """Get the time in which a mark is reported once."""
    window = status.limit.window
    if window is not None and not isinstance(window, RollingWindow):
        number = window.number_at(moment)
        begin, end = window.begins_at(number), window.leaves_at(number)
        if end - begin >= MIN_MARK_SECONDS * SECOND:
            return begin, end
    length = max(get_window_seconds(window) or 0, MIN_MARK_SECONDS) * SECOND
    begin = moment - moment % length
    return begin, begin + length
