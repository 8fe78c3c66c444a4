"""Credits over past usage, as a deployment would have booked it hour by hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lambdas.domain.credits.booked_cells import BookedCell, CellId
from lambdas.domain.credits.booking import (
    EXPIRY_DELAY,
    Booking,
    apply_booking,
    book_cells,
    expire,
    find_differences,
    grant_entry,
)
from lambdas.domain.credits.entries import CreditEntry
from lambdas.domain.credits.grants import CreditBook, CreditGrant
from lambdas.domain.credits.status import list_scopes


@dataclass(slots=True)
class CreditReplay:
    """The books after past usage.

    Attributes:
        book: All grants that have begun.
        cells: What is booked of cells.
        entries: The entries, in the order of booking.
        exhausted_in: The hours in which the credits of a scope were exhausted, by its key: a new
            grant ends the first time, and the second may follow.
    """

    book: CreditBook = field(default_factory=lambda: CreditBook({}))
    cells: dict[CellId, BookedCell] = field(default_factory=dict)
    entries: list[CreditEntry] = field(default_factory=list)
    exhausted_in: dict[str, list[datetime]] = field(default_factory=dict)
    _exhausted: set[str] = field(default_factory=set)

    def commit(self, bookings: Iterable[Booking]) -> None:
        """Take bookings in, one after the other."""
        for booking in bookings:
            self.book = apply_booking(self.book, booking)
            self.cells |= {cell.id: cell for cell in booking.cells}
            self.entries.append(booking.entry)

    def note_exhausted(self, hour: datetime) -> None:
        """Note the scopes that have no credit left in an hour."""
        scopes = list_scopes(self.book, hour)
        exhausted = {scope.key for scope in scopes if not scope.balance_picodollars}
        for key in sorted(exhausted - self._exhausted):
            self.exhausted_in.setdefault(key, []).append(hour)
        self._exhausted = exhausted


def replay_credits(
    grants: Sequence[CreditGrant], counted: Mapping[CellId, int], end: datetime
) -> CreditReplay:
    """Book past usage hour by hour, each in its hour.

    Args:
        grants: The grants. Each begins at its effective hour.
        counted: The cost of cells, in pico-dollars.
        end: The end, to which grants begin and expire.
    """
    replay, waiting = CreditReplay(), sorted(grants, key=_get_start, reverse=True)
    by_hour = defaultdict[datetime, dict[CellId, int]](dict)
    for cell, picodollars in counted.items():
        by_hour[cell.hour][cell] = picodollars
    for hour in sorted({*by_hour, *_list_changes(grants)}):
        if hour >= end:
            break
        while waiting and waiting[-1].effective_from <= hour:
            replay.commit([grant_entry(waiting.pop())])
        replay.commit(expire(replay.book, hour))
        differences = find_differences(replay.book, by_hour.get(hour, {}), {})
        replay.commit(book_cells(replay.book, differences, hour))
        replay.note_exhausted(hour)
    return replay


def _get_start(grant: CreditGrant) -> tuple[datetime, str]:
    return grant.effective_from, grant.id


def _list_changes(grants: Iterable[CreditGrant]) -> Iterator[datetime]:
    """List the hours in which grants begin, end and expire."""
    for grant in grants:
        yield grant.effective_from
        if grant.expires_at is not None:
            yield grant.expires_at
            yield grant.expires_at + EXPIRY_DELAY
