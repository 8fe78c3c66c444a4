"""Grants, usage, corrections, voids and expiries in any order, and what always holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdas.domain.budgets import BudgetScope
from lambdas.domain.credits import (
    NO_BURN,
    Account,
    AccountKind,
    Balances,
    BookedCell,
    Booking,
    CellId,
    CreditBook,
    CreditEntry,
    CreditGrant,
    CreditSnapshot,
    get_account,
    is_under_credits,
    scope_key,
    sum_balances,
    sum_burned,
)
from tests.builders import NOON
from tests.credit_books import HOUR, Books, make_cell, make_grant, make_scope

PROJECTS = ("chat", "batch")
SCOPES = (
    make_scope(),
    make_scope("chat"),
    make_scope("batch"),
    make_scope(model=("nova-*", "other")),
    BudgetScope(project=("chat", "batch")),
)
CELLS = st.builds(
    make_cell,
    project=st.sampled_from(PROJECTS),
    hours=st.integers(-2, 8),
    model=st.sampled_from(["nova-lite", "nova-pro"]),
)
AMOUNTS = st.integers(1, 60)
COSTS = st.integers(0, 60)


class CreditMachine(RuleBasedStateMachine):
    """Books of credits under everything that happens to them.

    Attributes:
        now: The time, which never goes back.
        snapshots: Snapshots at random times.
        balances_at: The balances that were calculated at earlier times.
        past: The entries as they were after the last step.
    """

    books_class = Books

    def __init__(self) -> None:
        super().__init__()
        self.books = self.books_class()
        self.now = NOON
        self.snapshots: list[CreditSnapshot] = []
        self.balances_at: dict[datetime, Balances] = {}
        self.past: tuple[CreditEntry, ...] = ()

    @rule(
        amount=AMOUNTS,
        scope=st.sampled_from(SCOPES),
        priority=st.integers(0, 2),
        delay=st.integers(0, 2),
        length=st.none() | st.integers(1, 5),
    )
    def grant(
        self, amount: int, scope: BudgetScope, priority: int, delay: int, length: int | None
    ) -> None:
        start = self.now.replace(minute=0) + delay * HOUR
        grant = make_grant(
            f"grant-{len(self.books.book.grants)}",
            amount,
            scope=scope,
            priority=priority,
            effective_from=start,
            expires_at=None if length is None else start + length * HOUR,
            created_at=self.now,
        )
        self.books.grant(grant)

    @rule(cell=CELLS, cost=COSTS)
    def count(self, cell: CellId, cost: int) -> None:
        """Count usage of any hour, late or not, and correct it up or down."""
        self.books.counted[cell] = cost

    @precondition(lambda self: self.books.counted)
    @rule(percent=st.sampled_from([0, 50, 150]))
    def correct_prices(self, percent: int) -> None:
        for cell, cost in self.books.counted.items():
            self.books.counted[cell] = cost * percent // 100

    @precondition(lambda self: self.books.counted)
    @rule(data=st.data(), project=st.sampled_from(PROJECTS))
    def attribute_again(self, data: st.DataObject, project: str) -> None:
        """Move usage to another project."""
        cell = data.draw(st.sampled_from(sorted(self.books.counted)))
        other = cell._replace(labels=cell.labels._replace(project=project))
        cost = self.books.counted.pop(cell)
        self.books.counted[other] = self.books.counted.get(other, 0) + cost

    @rule(data=st.data())
    def book_some(self, data: st.DataObject) -> None:
        """Book differences in any order and any parts, and stop anywhere."""
        differences = data.draw(st.permutations(self.books.find_differences()))
        while differences:
            size = data.draw(st.integers(1, len(differences)))
            part, differences = differences[:size], differences[size:]
            for booking in self.books.book_cells(part, self.now):
                self.commit(booking)
            if data.draw(st.booleans()):
                return

    @rule()
    def book_all(self) -> None:
        differences = self.books.find_differences()
        bookings = list(self.books.book_cells(differences, self.now))
        self.books.book = CreditBook(dict(reversed([*self.books.book.grants.items()])))
        assert list(self.books.book_cells(differences, self.now)) == bookings
        for booking in bookings:
            self.commit(booking)
        for cell in {*self.books.counted, *self.books.cells}:
            if is_under_credits(self.books.book, *cell):
                assert self.get_booked(cell) == self.books.counted.get(cell, 0)
        assert not self.books.find_differences()

    @precondition(lambda self: self.books.book.grants)
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.books.book.grants)))
        self.books.void(name, self.now)
        self.books.void(name, self.now)

    @precondition(lambda self: self.list_open())
    @rule(data=st.data())
    def void_and_grant_the_rest(self, data: st.DataObject) -> None:
        """The balance of the scope stays."""
        before = self.books.book.grants[data.draw(st.sampled_from(self.list_open()))]
        key, sums = scope_key(before.grant.scope), self.sum_rests()
        self.books.void(before.grant.id, self.now)
        again = make_grant(
            f"grant-{len(self.books.book.grants)}",
            before.picodollars,
            scope=before.grant.scope,
            priority=before.grant.priority,
            effective_from=max(before.grant.effective_from, self.now.replace(minute=0)),
            created_at=self.now,
        )
        self.books.grant(again)
        assert self.sum_rests()[key] == sums[key]
        assert self.sum_rests() == sums

    @rule(minutes=st.sampled_from([1, 30, 60, 240]))
    def wait(self, minutes: int) -> None:
        self.balances_at[self.now] = self.books.balance_at(self.now)
        self.now += timedelta(minutes=minutes)

    @rule()
    def expire(self) -> None:
        self.books.expire(self.now)
        count = len(self.books.entries)
        self.books.expire(self.now)
        assert len(self.books.entries) == count

    @rule()
    def take_snapshot(self) -> None:
        """Take a snapshot of the time before now: nothing is booked there any more."""
        self.snapshots.append(self.books.take_snapshot(self.now))

    @rule(cell=CELLS, added=st.integers(1, 30), data=st.data())
    def correct_down_then_up(self, cell: CellId, added: int, data: st.DataObject) -> None:
        """Take back a part of the last booking and book it again: nothing has changed."""
        self.book_all()
        cost = self.books.counted.get(cell, 0)
        self.books.use({cell: cost + added}, self.now)
        before = self.books.balance_at(self.now), self.get_booked(cell)
        fall = data.draw(st.integers(1, added))
        self.books.use({cell: cost + added - fall}, self.now)
        self.books.use({cell: cost + added}, self.now)
        assert (self.books.balance_at(self.now), self.get_booked(cell)) == before

    def commit(self, booking: Booking) -> None:
        """Commit a booking, and check that each grant could pay what it has paid."""
        grants, cells = self.books.book.grants, self.books.cells
        for cell in booking.cells:
            assert cell.version == cells.get(cell.id, BookedCell(id=cell.id)).version + 1
            paid = _sum_payments(cell)
            paid.subtract(_sum_payments(cells.get(cell.id)))
            for account, picodollars in paid.items():
                if account.kind is AccountKind.GRANT and picodollars > 0:
                    balance = grants[account.name]
                    assert balance.is_open
                    assert balance.grant.is_effective(cell.id.hour)
                    assert balance.grant.scope.includes(cell.id.labels)
        for balance in booking.grants:
            assert balance.version == grants[balance.grant.id].version + 1
        rests, payments = self.pay_one_by_one(booking.cells)
        self.books.commit(booking)
        assert rests == {name: self.books.get_rest(name) for name in rests}
        for cell in booking.cells:
            assert _sum_payments(self.books.cells[cell.id]) == Counter(payments[cell.id])

    def pay_one_by_one(
        self, cells: Sequence[BookedCell]
    ) -> tuple[dict[str, int], dict[CellId, list[Account]]]:
        """Pay and give back each pico-dollar by itself: slow, and easy to check by reading."""
        grants = self.books.book.grants
        rests = {name: balance.picodollars for name, balance in grants.items()}
        payments = dict[CellId, list[Account]]()
        for cell in cells:
            before = self.books.cells.get(cell.id, BookedCell(id=cell.id))
            paid = [account for account, amount in before.payments for _ in range(amount)]
            while len(paid) > cell.picodollars:
                account = paid.pop()
                if account.name in grants and grants[account.name].is_open:
                    rests[account.name] += 1
            while len(paid) < cell.picodollars:
                account = self._find_next_payer(cell.id, rests)
                paid.append(account)
                if account.kind is AccountKind.GRANT:
                    rests[account.name] -= 1
            payments[cell.id] = paid
        return rests, payments

    def _find_next_payer(self, cell: CellId, rests: Mapping[str, int]) -> Account:
        covering = [
            balance
            for balance in self.books.book.grants.values()
            if balance.grant.scope.includes(cell.labels)
            and balance.grant.effective_from <= cell.hour
            and not balance.is_voided
        ]
        able = [
            balance.grant
            for balance in covering
            if rests[balance.grant.id] and balance.is_open and balance.grant.is_effective(cell.hour)
        ]
        if able:
            return Account(AccountKind.GRANT, min(able, key=_get_order).id)
        last = max((balance.grant for balance in covering), key=_get_order)
        return Account(AccountKind.OVERAGE, scope_key(last.scope))

    def list_open(self) -> list[str]:
        grants = self.books.book.grants.values()
        return [
            balance.grant.id
            for balance in sorted(grants, key=lambda balance: balance.grant.id)
            if balance.is_open and balance.picodollars
        ]

    def get_booked(self, cell: CellId) -> int:
        return self.books.cells[cell].picodollars if cell in self.books.cells else 0

    def sum_rests(self) -> Counter[str]:
        rests = Counter[str]()
        for balance in self.books.book.grants.values():
            rests[scope_key(balance.grant.scope)] += balance.picodollars
        return rests

    @invariant()
    def all_accounts_sum_to_0(self) -> None:
        assert sum(sum_balances(self.books.entries).values()) == 0

    @invariant()
    def grants_have_the_balance_of_their_entries(self) -> None:
        balances = sum_balances(self.books.entries)
        for balance in self.books.book.grants.values():
            assert balance.picodollars == balances.get(get_account(balance.grant), 0)
            assert 0 <= balance.picodollars <= balance.grant.picodollars
            assert balance.is_open or not balance.picodollars

    @invariant()
    def usage_is_what_is_booked_of_cells(self) -> None:
        used, overage = Counter[str](), Counter[str]()
        for cell in self.books.cells.values():
            for account, picodollars in cell.payments:
                assert picodollars > 0
                is_overage = account.kind is AccountKind.OVERAGE
                scope = (
                    account.name
                    if is_overage
                    else scope_key(self.books.book.grants[account.name].grant.scope)
                )
                used[scope] += picodollars
                overage[scope] += picodollars if is_overage else 0
        for account, picodollars in sum_balances(self.books.entries).items():
            if account.kind is AccountKind.USAGE:
                assert picodollars == used.pop(account.name)
            elif account.kind is AccountKind.OVERAGE:
                assert -picodollars == overage[account.name]
        assert not used.total()

    @invariant()
    def past_entries_never_change(self) -> None:
        entries = tuple(self.books.entries)
        assert entries[: len(self.past)] == self.past
        assert len({entry.id for entry in entries}) == len(entries)
        self.past = entries

    @invariant()
    def past_balances_depend_on_no_snapshot_and_no_order(self) -> None:
        for at, balances in self.balances_at.items():
            for snapshot in (None, *self.snapshots):
                assert self.books.balance_at(at, snapshot) == balances
        now = self.books.balance_at(self.now)
        assert sum_balances(reversed(self.books.entries)) == now
        for snapshot in self.snapshots:
            assert self.books.balance_at(self.now, snapshot) == now

    @invariant()
    def burns_of_times_in_a_row_add_up(self) -> None:
        times = [*self.balances_at, self.now + HOUR]
        for start, middle, end in zip(times, times[1:], times[2:], strict=False):
            first, second, both = (
                sum_burned(self.books.entries, *times)
                for times in [(start, middle), (middle, end), (start, end)]
            )
            for scope in {*first, *second, *both}:
                one, other = first.get(scope, NO_BURN), second.get(scope, NO_BURN)
                total = both.get(scope, NO_BURN)
                assert total.picodollars == one.picodollars + other.picodollars
                assert total.paid_picodollars == one.paid_picodollars + other.paid_picodollars


def _get_order(grant: CreditGrant) -> tuple[int, datetime, datetime, str]:
    never = datetime.max.replace(tzinfo=UTC)
    return grant.priority, grant.expires_at or never, grant.created_at, grant.id


def _sum_payments(cell: BookedCell | None) -> Counter[Account]:
    payments = Counter[Account]()
    for account, picodollars in () if cell is None else cell.payments:
        payments[account] += picodollars
    return payments
