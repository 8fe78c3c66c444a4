"""Books of credits in memory, by the rules alone: what a booker does, without a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from lambdas.domain.budgets import BudgetScope
from lambdas.domain.counters import UsageLabels
from lambdas.domain.credits import (
    Balances,
    BookedCell,
    Booking,
    CellDifference,
    CellId,
    CreditBook,
    CreditEntry,
    CreditGrant,
    CreditSnapshot,
    apply_booking,
    balance_at,
    book_cells,
    expire,
    find_differences,
    grant_entry,
    take_snapshot,
    void,
)
from tests.builders import ANA, NOON

HOUR = timedelta(hours=1)


def make_grant(name: str = "june", amount: int = 100, **changes: Any) -> CreditGrant:
    """Make a grant of pico-dollars for the account, from noon on."""
    fields: dict[str, Any] = {
        "id": name,
        "picodollars": amount,
        "effective_from": NOON,
        "created_at": NOON,
    }
    return CreditGrant(**fields | changes)


def make_scope(project: str | None = None, **conditions: tuple[str, ...]) -> BudgetScope:
    """Make the scope of a project, or of the account."""
    return BudgetScope(**({"project": (project,)} if project else {}), **conditions)


def make_cell(project: str = "chat", hours: int = 0, model: str = "nova-lite") -> CellId:
    """Name the cell of a project, some hours after noon."""
    labels = UsageLabels(
        identity_arn=ANA,
        project=project,
        department="research",
        use_case="support",
        model_id=model,
        provider="amazon",
        region="eu-central-1",
        service_tier="standard",
    )
    return CellId(NOON + hours * HOUR, labels)


class Books:
    """The books of credits, with what counters have counted.

    Attributes:
        book: All grants.
        cells: What is booked of cells.
        entries: All entries, in the order of booking.
        counted: The counted cost of cells.
    """

    def __init__(self) -> None:
        self.book = CreditBook({})
        self.cells: dict[CellId, BookedCell] = {}
        self.entries: list[CreditEntry] = []
        self.counted: dict[CellId, int] = {}

    def grant(self, grant: CreditGrant) -> None:
        """Add a grant."""
        self.commit(grant_entry(grant))

    def void(self, name: str, at: datetime) -> None:
        """Void a grant."""
        booking = void(self.book.grants[name], at)
        if booking is not None:
            self.commit(booking)

    def expire(self, now: datetime) -> None:
        """Let grants expire that are due."""
        for booking in expire(self.book, now):
            self.commit(booking)

    def find_differences(self) -> Sequence[CellDifference]:
        """Find what has to be booked."""
        return find_differences(self.book, self.counted, self.cells)

    def book_cells(self, differences: Sequence[CellDifference], at: datetime) -> Iterable[Booking]:
        """Make the bookings of differences."""
        return book_cells(self.book, differences, at)

    def use(self, counted: Mapping[CellId, int], at: datetime = NOON) -> None:
        """Set the counted cost of cells, and book all differences."""
        self.counted |= counted
        self.reconcile(at)

    def reconcile(self, at: datetime) -> None:
        """Book all differences."""
        for booking in self.book_cells(self.find_differences(), at):
            self.commit(booking)

    def commit(self, booking: Booking) -> None:
        """Write a booking, as one transaction does."""
        self.book = apply_booking(self.book, booking)
        self.cells |= {cell.id: cell for cell in booking.cells}
        self.entries.append(booking.entry)

    def take_snapshot(self, at: datetime) -> CreditSnapshot:
        """Take a snapshot."""
        return take_snapshot(self.entries, at)

    def balance_at(self, at: datetime, snapshot: CreditSnapshot | None = None) -> Balances:
        """Calculate the balances as of a time."""
        return balance_at(self.entries, at, snapshot)

    def get_rest(self, name: str) -> int:
        """Get what is left of a grant."""
        return self.book.grants[name].picodollars
