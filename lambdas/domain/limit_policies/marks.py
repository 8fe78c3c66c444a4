"""Finds limits that are nearly used up, so that each mark is reported once in a window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from lambdas.domain.limit_policies.answers import get_window_seconds, name_limit
from lambdas.domain.limit_policies.subjects import PolicySubject
from lambdas.domain.limits import SECOND, Amounts, LimitStatus, RollingWindow, to_moment

MARKS = "limit-marks"
"""The partition of marks that were reported, in the table of limits; the sort key is the id."""
_PERCENT = 100
_CONCURRENT_SECONDS = 3_600


class NearMark(NamedTuple):
    """A mark that the usage of a limit has reached.

    Attributes:
        subject: The id of the subject.
        limit: The name of the limit.
        percent: The mark.
        window: The moment at which the window began, or a time of the same length for one that
            moves. With the others it is the identity of the mark.
        ends_at: The moment from which the mark can be reported again.
    """

    subject: str
    limit: str
    percent: int
    window: int
    ends_at: int

    @property
    def id(self) -> str:
        """A text that no other mark has."""
        return f"{self.subject}#{self.limit}#{self.percent}#{self.window}"


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
            begin, end = _get_window(status, to_moment(at))
            name = name_limit(subject.policy, limit)
            yield NearMark(subject.subject.id, name, max(reached), begin, end)


def _get_window(status: LimitStatus, moment: int) -> tuple[int, int]:
    window = status.limit.window
    if window is not None and not isinstance(window, RollingWindow):
        number = window.number_at(moment)
        return window.begins_at(number), window.leaves_at(number)
    length = (get_window_seconds(window) or _CONCURRENT_SECONDS) * SECOND
    begin = moment - moment % length
    return begin, begin + length
