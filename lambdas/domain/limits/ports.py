"""Ports of limits: the store of subjects, and the record of what calls have used."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lambdas.domain.limits.amounts import Amounts
from lambdas.domain.limits.decision import Decision
from lambdas.domain.limits.limit import Limit, LimitSubject
from lambdas.domain.limits.subject_state import OpenReservation, SubjectState


class LimitStoreError(Exception):
    """The store did not answer, or was too busy at every attempt. Repeating a request is safe."""


class UnreadableSubjectError(LimitStoreError):
    """The stored state of subjects cannot be read: another version wrote it, or someone changed it.

    To repeat a request does not help.
    """


@dataclass(frozen=True, slots=True)
class StoredReservation:
    """An open reservation of a subject.

    Attributes:
        subject: The id of the subject.
        id: The id of the reservation, which those of one call have in common.
        entry: What was reserved.
    """

    subject: str
    id: str
    entry: OpenReservation


class LimitStore(Protocol):
    """Stores the state of each subject. Each request is one atomic change of one subject."""

    def reserve(
        self, subject: LimitSubject, reservation_id: str, need: Amounts, at: datetime
    ) -> Decision:
        """Reserve what a call needs, or refuse it. A repeated request reserves once.

        Raises:
            LimitStoreError: It may be reserved or not.
        """

    def expects_refusal(self, subject: LimitSubject, need: Amounts, at: datetime, /) -> bool:
        """True if a subject will probably refuse a call, as far as is known without a request."""

    def settle(self, reservation: StoredReservation, used: Amounts, at: datetime) -> bool:
        """Replace what was reserved by what was used. To repeat it changes nothing.

        Returns:
            False if it was settled before.

        Raises:
            LimitStoreError: It may be settled or not.
        """

    def set_aside(self, reservation: StoredReservation) -> bool:
        """Note that a call has ended, and that what it has used is not known yet.

        Returns:
            False if it was noted or settled before.

        Raises:
            LimitStoreError: It may be noted or not.
        """

    def read(self, subject_id: str) -> SubjectState | None:
        """Read the state of a subject; `None` if it has none yet.

        Raises:
            LimitStoreError: It was not read.
        """

    def list_open(self, before: datetime) -> Iterator[StoredReservation]:
        """List the reservations of all subjects that are not settled and do not run any more.

        They were made before a time, or their calls have ended.

        Raises:
            LimitStoreError: They were not all read. Those that can be read come before.
        """


class RecordedUse(Protocol):
    """The use of calls, by the records of the ledger."""

    def find(self, reservation_ids: Collection[str]) -> Mapping[str, Amounts]:
        """Find what the calls of reservations have used. Those without a record are left out."""


class CountedLimits(Protocol):
    """Stores the state of each subject, whose counters follow what is counted elsewhere."""

    def raise_counter(
        self, subject: LimitSubject, limit: Limit, counted: int, at: datetime
    ) -> bool:
        """Raise the counter of a limit by the calendar to what was counted in its period.

        Args:
            subject: The subject.
            limit: Its limit, which has a window.
            counted: What was counted in the period, from all sources.
            at: The time, in the period.

        Returns:
            False if it was so before.

        Raises:
            LimitStoreError: It may be raised or not.
        """
