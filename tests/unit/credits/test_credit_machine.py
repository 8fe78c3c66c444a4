"""Credits hold under everything in any order, and planted bugs are found."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from lambdas.domain.credits import (
    BookedCell,
    Booking,
    CellDifference,
    CreditBook,
    CreditSnapshot,
    GrantBalance,
    book_cells,
    find_differences,
    sum_balances,
)
from tests.credit_books import Books
from tests.unit.credits.machine import CreditMachine

TestCredits = CreditMachine.TestCase
_MAX_SEARCHED = 400
"""Examples that a planted bug is found in: a search, which ends at the first."""
_MAX_SOUND = 50
_FIND = settings(
    max_examples=_MAX_SEARCHED,
    stateful_step_count=30,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    print_blob=False,
)


class _OtherRules(Books):
    """Books whose grants are booked as if they had other terms."""

    def change(self, balance: GrantBalance) -> GrantBalance:
        raise NotImplementedError

    def book_cells(self, differences: Sequence[CellDifference], at: datetime) -> Iterable[Booking]:
        grants = {name: self.change(balance) for name, balance in self.book.grants.items()}
        for booking in book_cells(CreditBook(grants), differences, at):
            real = (
                replace(balance, grant=self.book.grants[balance.grant.id].grant)
                for balance in booking.grants
            )
            yield booking._replace(grants=tuple(real))


class RulesStay(_OtherRules):
    """A control: what plants bugs is no bug by itself."""

    def change(self, balance: GrantBalance) -> GrantBalance:
        return balance


class ExpiredGrantsPay(_OtherRules):
    def change(self, balance: GrantBalance) -> GrantBalance:
        return replace(balance, grant=replace(balance.grant, expires_at=None))


class GrantsPayForUsageBeforeThem(_OtherRules):
    def change(self, balance: GrantBalance) -> GrantBalance:
        early = balance.grant.effective_from.replace(year=2020)
        return replace(balance, grant=replace(balance.grant, effective_from=early))


class PriorityIsLeftOut(_OtherRules):
    def change(self, balance: GrantBalance) -> GrantBalance:
        return replace(balance, grant=replace(balance.grant, priority=1))


class ClosedGrantsTakeBack(_OtherRules):
    def change(self, balance: GrantBalance) -> GrantBalance:
        return replace(balance, closed_at=None)


class VoidedGrantsKeepTheirRest(Books):
    def void(self, name: str, at: datetime) -> None:
        rest = self.book.grants[name].picodollars
        super().void(name, at)
        voided = replace(self.book.grants[name], picodollars=rest)
        self.book = CreditBook({**self.book.grants, name: voided})


class WholeCostsAreBookedAgain(Books):
    def find_differences(self) -> Sequence[CellDifference]:
        unpaid = {cell: replace(booked, payments=()) for cell, booked in self.cells.items()}
        return find_differences(self.book, self.counted, unpaid)


class BookedCellsAreForgotten(Books):
    def commit(self, booking: Booking) -> None:
        super().commit(booking)
        for cell in booking.cells:
            self.cells[cell.id] = BookedCell(id=cell.id, version=cell.version)


class FirstPaymentsGoBackFirst(Books):
    def book_cells(self, differences: Sequence[CellDifference], at: datetime) -> Iterable[Booking]:
        turned = [
            difference._replace(
                booked=replace(
                    difference.booked, payments=tuple(reversed(difference.booked.payments))
                )
            )
            for difference in differences
        ]
        return book_cells(self.book, turned, at)


class LateUsageIsBookedInThePast(Books):
    def book_cells(self, differences: Sequence[CellDifference], at: datetime) -> Iterable[Booking]:
        for booking in super().book_cells(differences, at):
            assert booking.entry.hour is not None
            yield booking._replace(entry=replace(booking.entry, booked_at=booking.entry.hour))


class SnapshotsHaveTheEntriesOfTheirTime(Books):
    def take_snapshot(self, at: datetime) -> CreditSnapshot:
        return CreditSnapshot(at, sum_balances(self.entries))


class CorrectionsChangeTheFirstEntry(Books):
    def commit(self, booking: Booking) -> None:
        super().commit(booking)
        for place, entry in enumerate(self.entries[:-1]):
            if entry.hour is not None and entry.hour == booking.entry.hour:
                merged = (*entry.postings, *booking.entry.postings)
                self.entries[place] = replace(entry, postings=merged)
                del self.entries[-1]
                return


@pytest.mark.parametrize(
    "bug",
    [
        BookedCellsAreForgotten,
        ClosedGrantsTakeBack,
        CorrectionsChangeTheFirstEntry,
        ExpiredGrantsPay,
        FirstPaymentsGoBackFirst,
        GrantsPayForUsageBeforeThem,
        LateUsageIsBookedInThePast,
        PriorityIsLeftOut,
        SnapshotsHaveTheEntriesOfTheirTime,
        VoidedGrantsKeepTheirRest,
        WholeCostsAreBookedAgain,
    ],
)
def test_the_machine_finds_a_planted_bug(bug: type[Books]) -> None:
    class Buggy(CreditMachine):
        books_class = bug

    with pytest.raises(AssertionError):
        run_state_machine_as_test(Buggy, settings=_FIND)


def test_the_machine_finds_no_bug_in_the_books_that_bugs_are_planted_in() -> None:
    class Sound(CreditMachine):
        books_class = RulesStay

    run_state_machine_as_test(Sound, settings=settings(_FIND, max_examples=_MAX_SOUND))
