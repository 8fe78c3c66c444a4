"""Marks of limits, an in-memory twin of their store, and an inbox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from lambdas.domain.alerts import Notice
from lambdas.domain.limit_notices import (
    DueMark,
    MarkDetail,
    MarksNotDeliveredError,
    write_due_mark,
)
from lambdas.domain.limit_policies import NearMark, Partition
from lambdas.domain.limits import to_moment
from tests.builders import NOON

CALLERS = "arn:aws:iam::111122223333:role/callers"
HOUR = timedelta(hours=1)


def near_mark(caller: str = "ana@example.com", **changes: Any) -> NearMark:
    """A mark of a limit of 1,000 tokens, in the hour that begins at noon."""
    mark = NearMark(
        f"tokens|caller={caller}",
        "tokens",
        80,
        to_moment(NOON),
        to_moment(NOON + HOUR),
        amount=1_000,
        used=812,
        counted_by=((Partition.CALLER, caller),),
    )
    return mark._replace(**changes)


def due_mark(caller: str = "ana@example.com", at: datetime = NOON, **changes: Any) -> DueMark:
    """Such a mark, as it is sent."""
    return write_due_mark(near_mark(caller, **changes), CALLERS, at)


class InMemoryDueMarks:
    """Marks in a dictionary."""

    def __init__(self, *marks: DueMark) -> None:
        self.marks = {mark.id: mark for mark in marks}
        self.claims: dict[str, datetime] = {}

    def list_due(self) -> Iterator[DueMark]:
        return iter(sorted(self.marks.values(), key=lambda mark: (mark.detail["at"], mark.id)))

    def claim(self, mark_id: str, now: datetime) -> bool:
        if mark_id not in self.marks or self.claims.get(mark_id, now) > now:
            return False
        self.claims[mark_id] = now + timedelta(minutes=10)
        return True

    def postpone(self, mark_id: str, until: datetime) -> None:
        self.claims[mark_id] = until

    def remove(self, mark_id: str) -> None:
        self.marks.pop(mark_id, None)


class MarkInbox:
    """Collects messages, unless a way is down."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.events: list[MarkDetail] = []
        self.is_down = False

    def publish(self, notice: Notice, details: Sequence[MarkDetail]) -> None:
        if self.is_down:
            message = "SNS: down"
            raise MarksNotDeliveredError(message)
        self.notices.append(notice)
        self.events += details
