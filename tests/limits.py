"""Builders of limits, an in-memory twin of their store, and its table in moto."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from lambdas.domain.limits import (
    Amounts,
    Decision,
    FailMode,
    Limit,
    LimitMode,
    LimitSubject,
    LimitUnit,
    RollingWindow,
    StoredReservation,
    SubjectState,
    reserve,
    settle,
    to_moment,
)


def tokens(amount: int, **others: Any) -> Amounts:
    """Amounts of a call with some tokens in each unit."""
    return Amounts(amount, amount, amount, amount, **others)


def limit(
    amount: int,
    window: Any = None,
    unit: LimitUnit = LimitUnit.QUOTA_TOKENS,
    mode: LimitMode = LimitMode.ENFORCE,
) -> Limit:
    """A limit, of a minute unless said otherwise."""
    if unit is not LimitUnit.CONCURRENT and window is None:
        window = RollingWindow(60)
    return Limit(unit, amount, window, mode)


def subject(*limits: Limit, name: str = "ana", fail: FailMode = FailMode.CLOSED) -> LimitSubject:
    """A subject with some limits."""
    return LimitSubject(name, limits, fail)


class InMemoryLimits:
    """States of subjects in a dictionary. Each request is atomic, as in DynamoDB.

    Attributes:
        states: The states, by subject.
        counts: The number of requests, by method.
    """

    def __init__(self) -> None:
        self.states: dict[str, SubjectState] = {}
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reserve(
        self, subject: LimitSubject, reservation_id: str, need: Amounts, at: datetime
    ) -> Decision:
        with self._lock:
            self.counts["reserve"] += 1
            before = self.states.get(subject.id, SubjectState())
            after, decision = reserve(before, subject, reservation_id, need, to_moment(at))
            if decision.entry is not None:
                self.states[subject.id] = after
            return decision

    def settle(self, reservation: StoredReservation, used: Amounts, at: datetime) -> bool:
        with self._lock:
            self.counts["settle"] += 1
            before = self.states.get(reservation.subject, SubjectState())
            if reservation.id not in before.entries:
                return False
            after = settle(before, reservation.id, used, to_moment(at))
            self.states[reservation.subject] = after
            return True

    def read(self, subject_id: str) -> SubjectState | None:
        return self.states.get(subject_id)

    def list_open(self, before: datetime) -> Iterator[StoredReservation]:
        for name, state in list(self.states.items()):
            for reservation_id, entry in state.entries.items():
                if entry.at < to_moment(before):
                    yield StoredReservation(name, reservation_id, entry)
