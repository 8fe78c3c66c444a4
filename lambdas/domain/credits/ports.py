"""The ports through which credits reach the outside world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from lambdas.domain.credits.balances import CreditSnapshot
from lambdas.domain.credits.booked_cells import BookedCell, CellId
from lambdas.domain.credits.entries import CreditEntry
from lambdas.domain.credits.grants import CreditBook, GrantBalance
from lambdas.domain.times import write_seconds


class CreditsChangedError(Exception):
    """A grant or a booked cell has changed since it was read. Read it and try again."""


class GrantExistsError(Exception):
    """A grant has this id already."""


class CreditsUnavailableError(Exception):
    """The store was too busy at every attempt. Trying again is safe."""


class BooksClosedError(CreditsUnavailableError):
    """The books are closed for the time of an entry: the clock that gave it is behind."""

    def __init__(self, booked_at: datetime) -> None:
        """Name the time of the entry."""
        super().__init__(
            f"the books of {write_seconds(booked_at)} are closed already: this clock is behind, set"
            " it right"
        )


class CreditStore(Protocol):
    """The books of credits. Each write is one transaction: all of it or nothing."""

    def read_book(self) -> CreditBook:
        """Read all grants, closed ones too. Those that cannot be read are named."""

    def add_grant(self, balance: GrantBalance, entry: CreditEntry) -> None:
        """Add a grant with its entry. Repeating the same changes nothing.

        Raises:
            GrantExistsError: Another grant has its id.
            BooksClosedError: The books are closed for the time of the entry.
            CreditsUnavailableError: Others were in the way every time.
        """

    def read_booked(self, hour: datetime) -> Mapping[CellId, BookedCell]:
        """Read what is booked of the cells of an hour.

        A cell that cannot be read is left out, and a commit of it is refused.
        """

    def commit(
        self,
        entry: CreditEntry,
        grants: Sequence[GrantBalance],
        cells: Sequence[BookedCell] = (),
    ) -> None:
        """Write an entry with the grants and the cells that it changes.

        Each grant and each cell has a version that is one above the one that it replaces.

        Raises:
            CreditsChangedError: One of them has another version by now, or the entry exists.
            BooksClosedError: The books are closed for the time of the entry.
            CreditsUnavailableError: Others were in the way every time.
        """

    def list_entries(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> Iterator[CreditEntry]:
        """List entries that were booked from a time until before another, in order of booking."""

    def close_until(self, at: datetime) -> None:
        """Take no entry any more that is booked before a time. An earlier time changes nothing.

        A snapshot of that time has all entries before it, if they are read afterwards.
        """

    def read_snapshot(self, until: datetime) -> CreditSnapshot | None:
        """Read the latest snapshot that is not later than a time; `None` before the first."""

    def write_snapshot(self, snapshot: CreditSnapshot) -> None:
        """Write a snapshot, over one of the same time. One that is too large is left out."""


class ChangedHour(NamedTuple):
    """An hour with cells that have changed since they were booked.

    Attributes:
        hour: The start of the hour, UTC.
        token: A text that differs after each change.
        writer: What changed the cells, such as a shard of the stream: each has a note of its own.
        changed_at: The time of the last change.
    """

    hour: datetime
    token: str
    writer: str
    changed_at: datetime


class ChangedHours(Protocol):
    """The hours with changed cells, which counters note in the transaction of the change."""

    def list_changed(self) -> Sequence[ChangedHour]:
        """List their notes, the earliest hour first. An hour can have several."""

    def remove(self, changed: ChangedHour) -> None:
        """Remove a note, unless cells have changed since: then it stays, with another token."""
