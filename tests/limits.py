"""Builders of limits, an in-memory twin of their store, and its table in moto."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Executor, Future
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

from lambdas.domain.invocations import UsageRecord
from lambdas.domain.invocations.request_metadata import RESERVATION_NAME
from lambdas.domain.limits import (
    NO_USE,
    Amounts,
    Decision,
    FailMode,
    Limit,
    LimitMode,
    LimitStore,
    LimitStoreError,
    LimitSubject,
    LimitUnit,
    RollingWindow,
    StoredReservation,
    SubjectState,
    make_charges,
    raise_counter,
    reserve,
    set_aside,
    settle,
    to_moment,
)
from lambdas.services.admit_call import CallAdmitter
from tests.builders import usage_record

_Result = TypeVar("_Result")


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

    def expects_refusal(self, _subject: LimitSubject, _need: Amounts, _at: datetime) -> bool:
        return False  # there is no image of an item, so everyone is asked

    def settle(self, reservation: StoredReservation, used: Amounts, at: datetime) -> bool:
        with self._lock:
            self.counts["settle"] += 1
            before = self.states.get(reservation.subject, SubjectState())
            if reservation.id not in before.entries:
                return False
            after = settle(before, reservation.id, used, to_moment(at))
            self.states[reservation.subject] = after
            return True

    def set_aside(self, reservation: StoredReservation) -> bool:
        with self._lock:
            self.counts["set_aside"] += 1
            before = self.states.get(reservation.subject, SubjectState())
            after = set_aside(before, reservation.id)
            self.states[reservation.subject] = after
            return after is not before

    def raise_counter(
        self, subject: LimitSubject, limit: Limit, counted: int, at: datetime
    ) -> bool:
        assert limit.key is not None
        with self._lock:
            before = self.states.get(subject.id, SubjectState())
            keys = make_charges(subject, NO_USE)
            after = raise_counter(before, keys, limit.key, counted, to_moment(at))
            if after is not before:
                self.states[subject.id] = after
            return after is not before

    def read(self, subject_id: str) -> SubjectState | None:
        return self.states.get(subject_id)

    def list_open(self, before: datetime) -> Iterator[StoredReservation]:
        for name, state in list(self.states.items()):
            for reservation_id, entry in state.entries.items():
                if entry.has_ended or entry.at < to_moment(before):
                    yield StoredReservation(name, reservation_id, entry)


class InlineExecutor(Executor):
    """Runs one thing after another."""

    def submit(self, fn: Callable[..., _Result], /, *args: Any, **kwargs: Any) -> Future[_Result]:
        done: Future[_Result] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  # whoever waits for the result gets it
            done.set_exception(error)
        return done


def make_admitter(store: LimitStore) -> CallAdmitter:
    """An admitter whose reservations are numbered."""
    numbers = count()
    return CallAdmitter(store, lambda: f"call-{next(numbers)}", InlineExecutor())


class FailingLimits(InMemoryLimits):
    """A store that fails for some subjects.

    Attributes:
        failing: The ids of these subjects.
    """

    def __init__(
        self,
        *failing: str,
        methods: Collection[str] = ("reserve", "settle"),
        error: type[LimitStoreError] = LimitStoreError,
    ) -> None:
        super().__init__()
        self.failing = {*failing}
        self._methods, self._error = methods, error

    def reserve(
        self, subject: LimitSubject, reservation_id: str, need: Amounts, at: datetime
    ) -> Decision:
        self._fail("reserve", subject.id)
        return super().reserve(subject, reservation_id, need, at)

    def settle(self, reservation: StoredReservation, used: Amounts, at: datetime) -> bool:
        self._fail("settle", reservation.subject)
        return super().settle(reservation, used, at)

    def set_aside(self, reservation: StoredReservation) -> bool:
        self._fail("set_aside", reservation.subject)
        return super().set_aside(reservation)

    def _fail(self, method: str, subject_id: str) -> None:
        if method in self._methods and subject_id in self.failing:
            message = "the store is down"
            raise self._error(message)


class InMemoryRecords:
    """The use of calls, in a dictionary."""

    def __init__(self) -> None:
        self.uses: dict[str, Amounts] = {}

    def find(self, reservation_ids: Collection[str]) -> Mapping[str, Amounts]:
        return {each: self.uses[each] for each in reservation_ids if each in self.uses}


CALLER_ROLE = "BedrockGatewayCaller"
"""The role that the gateway assumes for each caller."""


def gateway_call(reservation: str, **changes: Any) -> UsageRecord:
    """A call that the gateway made for Ana, with a reservation in its metadata."""
    made_by = {
        "identity_arn": f"arn:aws:sts::111122223333:assumed-role/{CALLER_ROLE}/ana",
        "request_id": f"request-of-{reservation}",
        "request_metadata": ((RESERVATION_NAME, reservation),),
    }
    return usage_record(**{**made_by, **changes})
