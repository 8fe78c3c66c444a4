"""Settles the reservations of calls whose gateway was stopped before it could."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from lambdas.domain.calls import CallBooks
from lambdas.domain.counters import measure_amounts
from lambdas.domain.ledger import ReservedCalls, find_reservation
from lambdas.domain.limits import (
    MAX_CALL_SECONDS,
    NO_USE,
    Amounts,
    LimitStore,
    LimitStoreError,
    RecordedUse,
    StoredReservation,
    to_time,
)

GIVE_BACK_AFTER = timedelta(hours=1)
"""The time after which a call without a record counts as not made."""
MAX_LOOK_UPS = 3000
"""The calls that a run looks up: each takes some milliseconds, and a run has five minutes."""
_BATCH = 100


class OpenCall(StrEnum):
    """Outcomes for an open reservation of one subject."""

    BY_RECORD = "by_record"
    """It was settled by what the ledger has recorded."""
    GIVEN_BACK = "given_back"
    """It was given back, since the ledger has no record."""
    WAITING = "waiting"
    """It is left open, since a record may still come."""
    POSTPONED = "postponed"
    """It is left to the next runs, since too many are older."""
    FAILED = "failed"
    """It is left open, since the store failed."""
    SETTLED_BEFORE = "settled_before"
    """The gateway or another run has settled it meanwhile."""


@dataclass(frozen=True, slots=True)
class LedgerUse:
    """The use of the calls of reservations, by the ledger and at the prices in force.

    Attributes:
        calls: The calls of the ledger.
        caller_role: The name of the role of the gateway's calls. Calls of others count for nothing,
            whatever reservation they name.
        get_books: Gets the books that price calls.
        clock: The time in UTC.
    """

    calls: ReservedCalls
    caller_role: str
    get_books: Callable[[], CallBooks]
    clock: Callable[[], datetime]

    def find(self, reservation_ids: Collection[str]) -> Mapping[str, Amounts]:
        """Find what the calls of reservations have used. Those without a call are left out."""
        found = {
            each: [
                record for record in records if find_reservation(record, self.caller_role) == each
            ]
            for each, records in self.calls.find(reservation_ids).items()
        }
        books, now = self.get_books(), self.clock()
        return {
            each: measure_amounts(books.enrich(records, now))
            for each, records in found.items()
            if records
        }


class SettledCalls(NamedTuple):
    """The result of a run.

    Attributes:
        counts: The number of reservations, by outcome.
        unread: Why some open reservations were not read; `None` if all were.
    """

    counts: Counter[OpenCall]
    unread: LimitStoreError | None


@dataclass(frozen=True, slots=True)
class OpenCallSettler:
    """Settles reservations that are older than the longest call. To repeat a run changes nothing.

    Attributes:
        store: The store of limits.
        recorded: What calls have used, by the ledger.
    """

    store: LimitStore
    recorded: RecordedUse

    def settle(self, now: datetime) -> SettledCalls:
        """Settle what can be settled, the oldest calls first, and count the outcomes."""
        opened, unread = self._read_open(now - timedelta(seconds=MAX_CALL_SECONDS))
        counts = Counter[OpenCall]()
        ids = list(opened)
        for first in range(0, min(len(ids), MAX_LOOK_UPS), _BATCH):
            batch = ids[first : first + _BATCH]
            uses = self.recorded.find(batch)
            for each in batch:
                counts.update(self._settle(part, uses.get(each), now) for part in opened[each])
        if postponed := sum(len(opened[each]) for each in ids[MAX_LOOK_UPS:]):
            counts[OpenCall.POSTPONED] = postponed
        return SettledCalls(counts, unread)

    def _read_open(
        self, before: datetime
    ) -> tuple[Mapping[str, Sequence[StoredReservation]], LimitStoreError | None]:
        """Read the open reservations of each call, the oldest first, as far as they can be read."""
        opened, unread = defaultdict[str, list[StoredReservation]](list), None
        try:
            for reservation in self.store.list_open(before):
                opened[reservation.id].append(reservation)
        except LimitStoreError as error:
            unread = error
        return dict(sorted(opened.items(), key=lambda call: call[1][0].entry.at)), unread

    def _settle(
        self, reservation: StoredReservation, used: Amounts | None, now: datetime
    ) -> OpenCall:
        if used is None and now - to_time(reservation.entry.at) < GIVE_BACK_AFTER:
            return OpenCall.WAITING
        try:
            is_settled = self.store.settle(reservation, NO_USE if used is None else used, now)
        except LimitStoreError:
            return OpenCall.FAILED
        if not is_settled:
            return OpenCall.SETTLED_BEFORE
        return OpenCall.GIVEN_BACK if used is None else OpenCall.BY_RECORD
