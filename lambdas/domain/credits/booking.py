"""Entries of the books: grants, usage, expiries and voids, with everything that each changes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from lambdas.domain.counters import CellSpan
from lambdas.domain.credits.booked_cells import BookedCell, CellId, Payment
from lambdas.domain.credits.burn_down import (
    GrantFinder,
    append_payment,
    burn_down,
    find_overage,
    find_payers,
    get_account,
    reverse,
    take_back,
)
from lambdas.domain.credits.entries import (
    GRANTED,
    Account,
    AccountKind,
    CreditEntry,
    EntryKind,
    Posting,
)
from lambdas.domain.credits.grants import CreditBook, CreditGrant, GrantBalance
from lambdas.domain.credits.scopes import scope_key
from lambdas.domain.times import write_time

MAX_COMMIT_TIME = timedelta(minutes=30)
"""The time from that of an entry until it is stored, taken high."""
EXPIRY_DELAY = timedelta(hours=3)
"""The time from the end of a grant until its rest expires: usage of its last hours may be counted
late."""
MAX_CELLS = 60
"""The cells of an entry, whose transaction has at most 100 actions."""
MAX_GRANTS_OF_AN_ENTRY = 35
"""The grants that an entry of usage changes. What they do not pay, the next entry books."""
BOOKABLE_TIME = CellSpan.HOUR.retention - timedelta(hours=1)
"""The time for which an hour is booked after it began. Cells are deleted after it: without them, a
counted cost of 0 would take all payments back."""
EXPIRED = Account(AccountKind.EXPIRED)
VOIDED = Account(AccountKind.VOIDED)


class CellDifference(NamedTuple):
    """A cell whose booked cost is not its counted cost.

    Attributes:
        booked: What is booked.
        counted_picodollars: The counted cost, at least 0.
    """

    booked: BookedCell
    counted_picodollars: int

    @property
    def picodollars(self) -> int:
        """The counted cost less the booked one."""
        return self.counted_picodollars - self.booked.picodollars


class Booking(NamedTuple):
    """An entry with everything that one transaction writes with it.

    Attributes:
        entry: The entry.
        grants: The grants that it changes, as they are afterwards.
        cells: The cells that it changes, as they are afterwards.
    """

    entry: CreditEntry
    grants: tuple[GrantBalance, ...]
    cells: tuple[BookedCell, ...] = ()


def grant_entry(grant: CreditGrant) -> Booking:
    """Make the entry of a new grant."""
    entry = CreditEntry(
        id=f"grant-{grant.id}",
        kind=EntryKind.GRANT,
        booked_at=grant.created_at,
        postings=_write_postings(
            {GRANTED: -grant.picodollars, get_account(grant): grant.picodollars}
        ),
    )
    return Booking(entry, (GrantBalance(grant=grant, picodollars=grant.picodollars, version=1),))


def void(balance: GrantBalance, at: datetime) -> Booking | None:
    """Void a grant from now on; `None` if it is voided already.

    Its rest is lost, and nothing is booked on it any more, whatever the hour of use. One that has
    expired can be voided, too: it does not keep its scope under credits any more.
    """
    return None if balance.is_voided else _close(balance, at, EntryKind.VOID, VOIDED)


def expire(book: CreditBook, now: datetime) -> tuple[Booking, ...]:
    """Let grants expire that ended at least `EXPIRY_DELAY` ago, each by an entry."""
    return tuple(
        _close(balance, now, EntryKind.EXPIRY, EXPIRED)
        for balance in sorted(book.grants.values(), key=lambda balance: balance.grant.burn_order)
        if balance.is_open
        and balance.grant.expires_at is not None
        and balance.grant.expires_at <= now - EXPIRY_DELAY
    )


def is_bookable(hour: datetime, now: datetime) -> bool:
    """Say if the cells of an hour still exist, so that it can be booked."""
    return now - BOOKABLE_TIME < hour


def find_differences(
    book: CreditBook, counted: Mapping[CellId, int], booked: Mapping[CellId, BookedCell]
) -> tuple[CellDifference, ...]:
    """Find the cells under credits whose booked cost is not their counted cost.

    A cell that is not counted any more has a cost of 0. Costs that fall come first: what they give
    back can pay for the others, such as usage that moves to another project.

    Args:
        book: All grants.
        counted: The counted cost of cells, in pico-dollars.
        booked: What is booked of the same hours.
    """
    cells = (
        CellDifference(booked.get(cell, BookedCell(id=cell)), max(counted.get(cell, 0), 0))
        for cell in sorted({*counted, *booked})
    )
    finder = GrantFinder(book.grants.values())
    differences = (
        cell
        for cell in cells
        if cell.picodollars and finder.find_governing(book.grants, *cell.booked.id)
    )
    return tuple(sorted(differences, key=lambda cell: cell.picodollars > 0))


def book_cells(
    book: CreditBook, differences: Sequence[CellDifference], booked_at: datetime
) -> Iterator[Booking]:
    """Book differences: what one transaction can write, then the rest on top of it, and so on.

    Each booking assumes that those before it are committed. If one cannot be committed, read
    everything again.

    Args:
        book: All grants.
        differences: Differences of cells under credits, as `find_differences` finds them in the
            same book, in its order.
        booked_at: The time of booking.
    """
    finder = GrantFinder(book.grants.values())
    for hour in sorted({cell.booked.id.hour for cell in differences}):
        waiting: Sequence[CellDifference] = [
            cell for cell in differences if cell.booked.id.hour == hour
        ]
        while waiting:
            transaction = _Transaction(dict(book.grants), finder)
            waiting = transaction.add_cells(waiting)
            booking = transaction.close(hour, booked_at)
            book = apply_booking(book, booking)
            yield booking


def apply_booking(book: CreditBook, booking: Booking) -> CreditBook:
    """Change a book as a committed booking has changed the stored one."""
    return CreditBook({**book.grants, **{balance.grant.id: balance for balance in booking.grants}})


@dataclass(slots=True)
class _Transaction:
    """The cells of one entry, as they are added one by one.

    Attributes:
        grants: All grants, as they are after the cells so far.
        finder: Finds them for cells.
        changed: The ids of those that it changes.
        cells: The cells, as they are afterwards.
        changes: The changes of accounts.
    """

    grants: dict[str, GrantBalance]
    finder: GrantFinder
    changed: set[str] = field(default_factory=set)
    cells: list[BookedCell] = field(default_factory=list)
    changes: defaultdict[Account, int] = field(default_factory=lambda: defaultdict(int))

    def add_cells(self, differences: Sequence[CellDifference]) -> Sequence[CellDifference]:
        """Add differences until one does not fit, and return what is left of them."""
        for place, difference in enumerate(differences):
            if len(self.cells) == MAX_CELLS:
                return differences[place:]
            payments = self._move(difference)
            if payments != difference.booked.payments:
                cell = difference.booked
                cell = replace(cell, payments=payments, version=cell.version + 1)
                self.cells.append(cell)
                difference = difference._replace(booked=cell)  # noqa: PLW2901  # what is left of it
            if difference.picodollars:
                return [difference, *differences[place + 1 :]]
        return ()

    def close(self, hour: datetime, booked_at: datetime) -> Booking:
        """Make the entry with all that it changes."""
        entry = CreditEntry(
            id=_make_usage_id(self.cells),
            kind=EntryKind.USAGE,
            booked_at=booked_at,
            hour=hour,
            postings=_write_postings(self.changes),
        )
        changed = (self.grants[name] for name in sorted(self.changed))
        grants = (replace(balance, version=balance.version + 1) for balance in changed)
        return Booking(entry, tuple(grants), tuple(self.cells))

    def _move(self, difference: CellDifference) -> tuple[Payment, ...]:
        """Pay a difference or give it back, as far as it fits; return the payments of the cell."""
        payments = difference.booked.payments
        if difference.picodollars < 0:
            for returned in reverse(payments, -difference.picodollars):
                if not self._fits(returned.account):
                    break
                self._change(returned.account, returned.picodollars)
                payments = take_back(payments, returned.picodollars)
            return payments
        hour, labels = difference.booked.id
        governing = self.finder.find_governing(self.grants, hour, labels)
        payers, overage = find_payers(governing, hour), find_overage(governing)
        for payment in burn_down(payers, difference.picodollars, overage):
            if not self._fits(payment.account):
                break
            self._change(payment.account, -payment.picodollars)
            payments = append_payment(payments, payment)
        return payments

    def _fits(self, account: Account) -> bool:
        is_new = account.kind is AccountKind.GRANT and account.name not in self.changed
        return not is_new or len(self.changed) < MAX_GRANTS_OF_AN_ENTRY

    def _change(self, account: Account, picodollars: int) -> None:
        """Change the balance of a grant or of overage; usage changes by as much the other way."""
        if account.kind is AccountKind.OVERAGE:
            self.changes[account] += picodollars
            self.changes[Account(AccountKind.USAGE, account.name)] -= picodollars
            return
        balance = self.grants[account.name]
        self.changes[Account(AccountKind.USAGE, scope_key(balance.grant.scope))] -= picodollars
        if not balance.is_open:
            self.changes[VOIDED if balance.is_voided else EXPIRED] += picodollars
            return
        self.changes[account] += picodollars
        self.grants[account.name] = replace(balance, picodollars=balance.picodollars + picodollars)
        self.changed.add(account.name)


def _close(balance: GrantBalance, at: datetime, kind: EntryKind, account: Account) -> Booking:
    """Close a grant; an entry without postings closes one that has nothing left."""
    rest = balance.picodollars
    entry = CreditEntry(
        id=f"{kind}-{balance.grant.id}",
        kind=kind,
        booked_at=at,
        postings=_write_postings({get_account(balance.grant): -rest, account: rest}),
    )
    closed = replace(
        balance,
        picodollars=0,
        version=balance.version + 1,
        closed_at=balance.closed_at or at,
        voided_at=at if kind is EntryKind.VOID else None,
    )
    return Booking(entry, (closed,))


def _write_postings(changes: Mapping[Account, int]) -> tuple[Posting, ...]:
    return tuple(
        Posting(account, changes[account]) for account in sorted(changes) if changes[account]
    )


def _make_usage_id(cells: Sequence[BookedCell]) -> str:
    """Make the id from the cause: the cells, their versions and their booked cost."""
    parts = [
        [write_time(cell.id.hour), *cell.id.labels, cell.version, cell.picodollars]
        for cell in sorted(cells, key=lambda cell: cell.id)
    ]
    return f"usage-{sha256(json.dumps(parts).encode()).hexdigest()[:32]}"
