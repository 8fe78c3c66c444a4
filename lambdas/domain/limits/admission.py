"""The admission of a call by the limits of all its subjects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lambdas.domain.limits.decision import Decision, LimitStatus, RefusalReason
from lambdas.domain.limits.ports import StoredReservation


@dataclass(frozen=True, slots=True)
class CallReservation:
    """The reservation of a call, with each of its subjects.

    Attributes:
        id: The id, which goes into the request's metadata.
        parts: The reservation of each subject.
    """

    id: str
    parts: tuple[StoredReservation, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The refusal of a call.

    Attributes:
        subject: The id of the subject that refuses it.
        reason: The reason.
        retry_at: The time from which it may be admitted; `None` if waiting does not help.
        is_repeat: True if the same call was refused a moment ago: its SDK tries again.
    """

    subject: str
    reason: RefusalReason
    retry_at: datetime | None
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to a call: either a reservation or a refusal.

    Attributes:
        decisions: The decision of each subject whose limits were checked.
        reservation: What was reserved. Without limits or with a store that fails open, it has no
            parts.
        refusal: Why the call is refused.
        unchecked: The subjects whose limits were not checked, because the store failed.
        left_open: The parts that were not given back after a refusal, because the store failed.
            They are closed later.
        is_recent: True if it repeats a refusal of a moment ago, and no store was asked.
    """

    decisions: tuple[Decision, ...] = ()
    reservation: CallReservation | None = None
    refusal: Refusal | None = None
    unchecked: tuple[str, ...] = ()
    left_open: tuple[StoredReservation, ...] = ()
    is_recent: bool = False

    @property
    def shadow_refusals(self) -> tuple[LimitStatus, ...]:
        """The limits in shadow mode that would have refused the call."""
        return tuple(
            status
            for decision in self.decisions
            for status in decision.statuses
            if status.refusal is not None and not status.limit.is_enforced
        )


@dataclass(frozen=True, slots=True)
class Settlement:
    """The result of a settlement.

    Attributes:
        settled: The number of parts that were settled.
        left_open: The parts that were not, because the store failed. They are closed later.
    """

    settled: int
    left_open: tuple[StoredReservation, ...] = ()
