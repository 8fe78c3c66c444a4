"""Admits calls by the limits of their subjects, and settles what was reserved for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple, TypeVar

from lambdas.domain.limits import (
    NO_USE,
    Admission,
    Amounts,
    CallReservation,
    Decision,
    FailMode,
    Limit,
    LimitStore,
    LimitStoreError,
    LimitSubject,
    LimitUnit,
    RecentEntries,
    Refusal,
    RefusalReason,
    Settlement,
    StoredReservation,
    UnreadableSubjectError,
    to_time,
)
from lambdas.logs import logger

MAX_RECENT = 1000
REFUSAL_AGE = timedelta(seconds=1)
"""The longest time for which a subject is refused without asking the store."""
ATTEMPT_AGE = timedelta(minutes=5)
"""The longest time after which the repeat of a refused attempt is recognized."""
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class _RecentRefusal(NamedTuple):
    """A reason to refuse any call that needs as much of a unit, until a time."""

    reason: RefusalReason
    unit: LimitUnit
    amount: int
    until: datetime

    def applies_to(self, need: Amounts, at: datetime) -> bool:
        """Say if it refuses a call."""
        needed = need.get(self.unit)
        return needed is not None and needed >= self.amount and at < self.until


class _RecentDecision(NamedTuple):
    """A refused call, and the limits by which it was.

    Calls of another tier, or of a caller who is never refused, have other limits.
    """

    limits: tuple[Limit, ...]
    decision: Decision
    refusals: tuple[_RecentRefusal, ...]


@dataclass(frozen=True, slots=True)
class CallAdmitter:
    """Admits calls by all limits of all their subjects, or refuses them without a trace.

    Each admitted call has a reservation of its own, whatever the caller says of its attempts.

    Attributes:
        store: The store of limits.
        make_id: Makes an id that no other reservation has.
        executor: Runs the requests of several subjects at a time.
    """

    store: LimitStore
    make_id: Callable[[], str]
    executor: Executor
    _refusals: RecentEntries[str, _RecentDecision] = field(
        default_factory=lambda: RecentEntries(REFUSAL_AGE, MAX_RECENT), init=False
    )
    _attempts: RecentEntries[bytes, bool] = field(
        default_factory=lambda: RecentEntries(ATTEMPT_AGE, MAX_RECENT), init=False
    )

    def admit(
        self,
        subjects: Sequence[LimitSubject],
        need: Amounts,
        at: datetime,
        attempt: tuple[str, str] | None = None,
    ) -> Admission:
        """Reserve what a call needs of each of its subjects, or refuse it.

        Args:
            subjects: The subjects with their limits, each once.
            need: What the call needs at most.
            at: The time.
            attempt: The caller and the id that its SDK gives to all attempts of one call.
        """
        admission = self._refuse_again(subjects, need, at) or self._reserve(subjects, need, at)
        if admission.refusal is None or attempt is None:
            return admission
        key = sha256("\0".join(attempt).encode()).digest()
        is_repeat = self._attempts.get(key, at) is not None
        self._attempts.add(key, value=True, now=at)
        return replace(admission, refusal=replace(admission.refusal, is_repeat=is_repeat))

    def settle(self, reservation: CallReservation, used: Amounts, at: datetime) -> Settlement:
        """Replace what was reserved by what the call has used; to repeat it changes nothing.

        Args:
            reservation: The reservation.
            used: What the call has used. What is not known stays as reserved.
            at: The time.
        """
        return self._settle_parts(reservation.parts, replace(used, requests=1), at)

    def give_back(self, reservation: CallReservation, at: datetime) -> Settlement:
        """Give back what was reserved for a call that Bedrock has not answered."""
        return self._settle_parts(reservation.parts, NO_USE, at)

    def set_aside(self, reservation: CallReservation) -> Settlement:
        """Note that a call has ended, and that the ledger will say what it has used.

        It no longer counts as running. What is reserved stays so.
        """
        return self._end_parts(reservation.parts, self.store.set_aside)

    def _reserve(self, subjects: Sequence[LimitSubject], need: Amounts, at: datetime) -> Admission:
        reservation_id = self.make_id()
        answers = self._ask_subjects(subjects, reservation_id, need, at)
        decisions = tuple(each for _, each in answers if isinstance(each, Decision))
        failed = [subject for subject, each in answers if isinstance(each, LimitStoreError)]
        refusal = self._find_refusal(decisions, failed)
        parts = tuple(
            StoredReservation(each.subject, reservation_id, each.entry)
            for each in decisions
            if each.entry is not None
        )
        unchecked = (
            *(subject.id for subject in failed),
            *(each.subject for each in decisions if each.entry is None and each.refusal is None),
        )
        if refusal is None:
            reservation = CallReservation(reservation_id, parts)
            return Admission(decisions, reservation, unchecked=unchecked)
        left_open = self._settle_parts(parts, NO_USE, at).left_open
        limits = {subject.id: subject.limits for subject in subjects}
        for decision in decisions:
            self._note_refusal(decision, limits[decision.subject], need, at)
        return Admission(decisions, None, refusal, unchecked, left_open)

    def _ask_subjects(
        self, subjects: Sequence[LimitSubject], reservation_id: str, need: Amounts, at: datetime
    ) -> Sequence[tuple[LimitSubject, Decision | LimitStoreError]]:
        """Ask subjects at a time: first those that will probably refuse, if there are any.

        If one refuses, the others are not asked, and there is nothing to give back.
        """

        def ask(subject: LimitSubject) -> tuple[LimitSubject, Decision | LimitStoreError]:
            return subject, self._ask_store(subject, reservation_id, need, at)

        first = [
            subject
            for subject in subjects
            if len(subjects) > 1 and self.store.expects_refusal(subject, need, at)
        ]
        answers = self._run(ask, first)
        decisions = [each for _, each in answers if isinstance(each, Decision)]
        if any(decision.refusal is not None for decision in decisions):
            return answers
        others = [subject for subject in subjects if subject not in first]
        return [*answers, *self._run(ask, others)]

    def _ask_store(
        self, subject: LimitSubject, reservation_id: str, need: Amounts, at: datetime
    ) -> Decision | LimitStoreError:
        try:
            return self.store.reserve(subject, reservation_id, need, at)
        except UnreadableSubjectError as error:
            logger.error("The limits of a subject cannot be read", subject=subject.id)
            return error
        except LimitStoreError as error:
            return error

    def _find_refusal(
        self, decisions: Sequence[Decision], failed: Sequence[LimitSubject]
    ) -> Refusal | None:
        """Find the refusal that lasts longest."""
        refusals = [
            Refusal(each.subject, each.refusal, to_time(each.retry_at) if each.retry_at else None)
            for each in decisions
            if each.refusal is not None
        ]
        if refusals:
            return max(refusals, key=lambda each: (each.retry_at is None, each.retry_at))
        for subject in failed:
            if subject.is_enforced and subject.fail is FailMode.CLOSED:
                return Refusal(subject.id, RefusalReason.STORE_FAILED, None)
        return None

    def _settle_parts(
        self, parts: Sequence[StoredReservation], used: Amounts, at: datetime
    ) -> Settlement:
        return self._end_parts(parts, lambda part: self.store.settle(part, used, at))

    def _end_parts(
        self, parts: Sequence[StoredReservation], end: Callable[[StoredReservation], bool]
    ) -> Settlement:
        settled = self._run(lambda part: self._end_part(part, end), parts)
        left_open = [part for part, done in zip(parts, settled, strict=True) if done is None]
        return Settlement(sum(done is True for done in settled), tuple(left_open))

    def _end_part(
        self, part: StoredReservation, end: Callable[[StoredReservation], bool]
    ) -> bool | None:
        self._refusals.remove(part.subject)
        try:
            return end(part)
        except LimitStoreError:
            return None

    def _run(
        self, request: Callable[[_Item], _Result], items: Sequence[_Item]
    ) -> Sequence[_Result]:
        if len(items) <= 1:
            return [request(item) for item in items]
        return list(self.executor.map(request, items))

    def _note_refusal(
        self, decision: Decision, limits: tuple[Limit, ...], need: Amounts, at: datetime
    ) -> None:
        """Note a refusal that holds for a while. A call that runs may end at any moment."""
        noted = [
            _RecentRefusal(status.refusal, status.limit.unit, amount, to_time(status.retry_at))
            for status in decision.statuses
            if status.limit.is_enforced
            and status.limit.unit is not LimitUnit.CONCURRENT
            and status.refusal is not None
            and status.retry_at is not None
            and (amount := need.get(status.limit.unit)) is not None
        ]
        reason, retry_at = decision.refusal, decision.retry_at
        if reason is RefusalReason.TOO_MANY_CALLS_A_SECOND and retry_at is not None:
            noted.append(_RecentRefusal(reason, LimitUnit.REQUESTS, 1, to_time(retry_at)))
        if reason is not None and noted:
            recent = _RecentDecision(limits, decision, tuple(noted))
            self._refusals.add(decision.subject, recent, at)

    def _refuse_again(
        self, subjects: Sequence[LimitSubject], need: Amounts, at: datetime
    ) -> Admission | None:
        """Refuse a call that needs no less than one that was refused a moment ago."""
        for subject in subjects:
            recent = self._refusals.get(subject.id, at)
            if recent is None or recent.limits != subject.limits:
                continue
            found = next((each for each in recent.refusals if each.applies_to(need, at)), None)
            if found is not None:
                refusal = Refusal(subject.id, found.reason, found.until)
                return Admission((recent.decision,), refusal=refusal, is_recent=True)
        return None
