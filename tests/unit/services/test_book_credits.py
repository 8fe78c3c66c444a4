"""Credits are booked as usage is counted, once, whatever happens in between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.domain.budgets import BudgetScope
from lambdas.domain.counters import (
    AffectedCalls,
    Cell,
    CellSpan,
    Chunk,
    CountingState,
    PriceEdition,
    Recount,
    SumUp,
    UsageChange,
    UsageLabels,
    UsageTotals,
)
from lambdas.domain.credits import (
    EXPIRY_DELAY,
    AccountKind,
    BookedCell,
    BooksClosedError,
    CellId,
    CreditGrant,
    CreditsChangedError,
    CreditsUnavailableError,
    EntryKind,
    GrantExistsError,
    balance_at,
    grant_entry,
    is_under_credits,
    sum_balances,
    void,
)
from lambdas.domain.words import OUT_OF_TIME
from lambdas.services.book_credits import (
    COUNTING_AGAIN,
    NO_COUNTERS,
    UNREADABLE_GRANTS,
    BookingReport,
    CreditBooker,
)
from tests.brake import Crash
from tests.builders import ANA, HAIKU_3, NOON
from tests.counters import InMemoryCounters
from tests.credits import HOUR, InMemoryCreditStore
from tests.examples import percent_of_examples

DOLLAR = 10**12
MINUTE = timedelta(minutes=1)
REFUSED = (CreditsChangedError, CreditsUnavailableError, GrantExistsError)
"""The errors of a command that others were faster than."""
NEVER_RECOUNTED = CountingState(1, "stack", PriceEdition("shipped"), (), NOON, revision=1)


def labels(project: str = "chat") -> UsageLabels:
    return UsageLabels(
        *(ANA, project, "support", "unattributed"),
        *(HAIKU_3, "anthropic", "us-east-1", "standard"),
    )


@dataclass
class World:
    """Counters, books and a booker.

    Attributes:
        spans: The lengths of cells.
        now: The time.
        counters: The counters.
        store: The books.
        retention: The time for which the ledger keeps calls.
    """

    spans: tuple[CellSpan, ...] = (CellSpan.HOUR, CellSpan.DAY)
    now: datetime = NOON + timedelta(minutes=30)
    counters: InMemoryCounters = field(default_factory=InMemoryCounters)
    store: InMemoryCreditStore = field(default_factory=InMemoryCreditStore)
    retention: timedelta = timedelta(days=90)
    numbers: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __post_init__(self) -> None:
        self.counters.state = NEVER_RECOUNTED

    @property
    def booker(self) -> CreditBooker:
        return CreditBooker(
            store=self.store,
            counters=self.counters,
            hours=self.counters.changed_hours,
            span=self.spans[0],
            ledger_retention=self.retention,
        )

    @property
    def generation(self) -> int:
        assert self.counters.state is not None
        return self.counters.state.generation

    def count(
        self,
        usd: float = 1,
        at: datetime = NOON,
        project: str = "chat",
        *,
        shard: str = "shard-1",
        notes_hours: bool = True,
    ) -> None:
        """Count a call as `usage_counter` does."""
        self.numbers[shard] += 1
        number = self.numbers[shard]
        totals = UsageTotals(calls=1, cost_picodollars=int(usd * DOLLAR))
        summed = SumUp(self.spans, notes_hours=notes_hours).sum_up(
            [UsageChange(labels(project), at, totals)], self.now
        )
        self.counters.commit(Chunk(self.generation, shard, number, number, summed, (), self.now))

    def grant(self, name: str = "start", usd: float = 10, **changes: Any) -> CreditGrant:
        """Grant credits as the command does."""
        made = CreditGrant(
            id=name,
            picodollars=int(usd * DOLLAR),
            effective_from=CellSpan.HOUR.get_start(self.now),
            created_at=self.now,
        )
        made = replace(made, **changes)
        booking = grant_entry(made)
        self.store.add_grant(booking.grants[0], booking.entry)
        return made

    def void(self, name: str = "start", at: datetime | None = None) -> None:
        booking = void(self.store.grants[name], at or self.now)
        if booking is not None:
            self.store.commit(*booking)

    def book(self, has_time: Callable[[], bool] = lambda: True) -> BookingReport:
        return self.booker.book(self.now, has_time)

    def rest(self, name: str = "start") -> float:
        return self.store.grants[name].picodollars / DOLLAR

    def overage(self) -> float:
        sums = sum_balances(self.store.list_entries())
        kinds = AccountKind.OVERAGE
        return -sum(amount for account, amount in sums.items() if account.kind is kinds) / DOLLAR

    def check(self) -> None:
        """Check that the books are consistent at this moment."""
        entries = list(self.store.list_entries())
        sums = sum_balances(entries)
        assert sum(sums.values()) == 0
        assert len({entry.id for entry in entries}) == len(entries)
        for balance in self.store.grants.values():
            assert 0 <= balance.picodollars <= balance.grant.picodollars
            (account,) = {
                posting.account
                for posting in grant_entry(balance.grant).entry.postings
                if posting.account.kind is AccountKind.GRANT
            }
            assert sums.get(account, 0) == balance.picodollars
        usage = sum(amount for account, amount in sums.items() if account.kind is AccountKind.USAGE)
        assert usage == sum(cell.picodollars for cell in self.store.cells.values())

    def check_booked(self) -> None:
        """Check that everything under credits is booked as it is counted."""
        self.check()
        counted: defaultdict[CellId, int] = defaultdict(int)
        for (generation, key), totals in self.counters.cells.items():
            if generation == self.generation and key.span is self.spans[0]:
                hour = CellSpan.HOUR.get_start(key.start)
                counted[CellId(hour, key.labels)] += totals.cost_picodollars
        book = self.store.read_book()
        for cell in {*counted, *self.store.cells}:
            if is_under_credits(book, *cell):
                booked = self.store.cells.get(cell, BookedCell(id=cell))
                assert booked.picodollars == max(counted[cell], 0), cell


@pytest.fixture
def world() -> World:
    return World()


def test_usage_burns_a_grant_down(world: World) -> None:
    world.grant()
    world.count(2)
    world.count(1.5, project="batch")
    report = world.book()
    assert world.rest() == 6.5
    assert [entry.kind for entry in report.entries] == [EntryKind.USAGE]
    assert report.book.grants["start"].picodollars == 6.5 * DOLLAR
    assert (report.waiting_since, report.reason, report.mismatches) == (None, None, ())
    assert not world.counters.changed_hours.notes
    world.check_booked()


def test_a_run_without_changes_books_nothing(world: World) -> None:
    world.grant()
    world.count(2)
    world.book()
    assert world.book().entries == ()
    assert world.rest() == 8


def test_usage_beyond_the_last_grant_is_overage(world: World) -> None:
    world.grant("first", 2)
    world.grant("second", 3, priority=60)
    world.count(6)
    world.book()
    assert (world.rest("first"), world.rest("second"), world.overage()) == (0, 0, 1)
    world.check_booked()


def test_usage_of_no_scope_is_not_booked_and_its_note_goes(world: World) -> None:
    world.count(2)
    assert world.book().entries == ()
    world.count(2)
    world.grant(scope=BudgetScope(project=("other",)))
    assert world.book().entries == ()
    assert not world.counters.changed_hours.notes
    assert world.rest() == 10


def test_a_correction_gives_back_what_was_paid_last(world: World) -> None:
    world.grant("first", 2)
    world.grant("second", 3, priority=60)
    world.count(4)
    world.book()
    world.count(-3)
    world.book()
    assert (world.rest("first"), world.rest("second")) == (1, 3)
    world.check_booked()


def test_a_late_call_burns_the_grants_of_its_hour(world: World) -> None:
    world.grant("old", expires_at=NOON + HOUR)
    world.now += HOUR
    world.grant("new", priority=1)
    world.count(3, NOON)
    world.book()
    assert (world.rest("old"), world.rest("new")) == (7, 10)


def test_quarters_of_an_hour_are_booked_as_one_hour() -> None:
    world = World(spans=(CellSpan.QUARTER, CellSpan.DAY))
    world.grant()
    for minute in (0, 14, 15, 59):
        world.count(1, NOON.replace(minute=minute))
    (entry,) = world.book().entries
    assert (entry.hour, world.rest()) == (NOON, 6)
    assert [cell.id.hour for cell in world.store.cells.values()] == [NOON]


def test_calls_that_were_counted_in_the_hour_before_the_first_grant_are_paid(world: World) -> None:
    """Also those from before credits were switched on, in hours without a note."""
    world.count(1, notes_hours=False)
    world.count(2, NOON - HOUR)
    world.count(3)
    world.book()
    world.now += MINUTE
    world.grant()
    report = world.book()
    assert world.rest() == 6
    assert report.mismatches == ()
    world.check_booked()


def test_a_call_that_a_run_saw_before_the_grant_of_its_hour_was_stored_is_paid(
    world: World,
) -> None:
    world.now = NOON + timedelta(minutes=59, seconds=59)
    made_at, world.now = world.now, NOON + HOUR
    world.count(1, world.now)
    world.book()
    world.grant(created_at=made_at, effective_from=NOON)
    world.now += MINUTE
    world.book()
    assert world.rest() == 9


def test_a_grant_of_a_later_hour_pays_from_then_on(world: World) -> None:
    world.grant(effective_from=NOON + 2 * HOUR)
    world.count(1)
    world.book()
    world.now = NOON + 2 * HOUR + MINUTE
    world.count(2, world.now)
    world.book()
    assert world.rest() == 8


def test_a_note_stays_if_the_hour_changes_while_it_is_booked(world: World) -> None:
    world.grant()
    world.count(1)
    world.store.interleaved = [lambda: world.count(2)]
    world.book()
    assert list(world.counters.changed_hours.notes) == [(NOON, "shard-1")]
    world.book()
    assert world.rest() == 7
    assert not world.counters.changed_hours.notes


def test_two_bookers_at_once_book_once(world: World) -> None:
    world.grant()
    world.count(3)
    world.store.interleaved = [lambda: _run(world)]
    report = world.book()
    assert world.rest() == 7
    assert report.entries == ()
    world.check_booked()


def _run(world: World) -> None:
    world.book()


def test_a_run_that_was_overtaken_does_not_book_an_older_count(world: World) -> None:
    """The other run books a later count, and removes its note, after this one has read cells."""
    world.grant(usd=1)
    world.count(1)
    world.book()
    world.count(1)  # overage, so that no version of a grant helps
    read, left = world.counters.read_cells, [2.0]

    def read_then_count_and_book(*arguments: Any) -> Iterator[Cell]:
        cells = list(read(*arguments))
        if left:
            world.count(left.pop())
            world.book()
        return iter(cells)

    counters: Any = world.counters
    counters.read_cells = read_then_count_and_book
    world.book()
    assert (world.rest(), world.overage()) == (0, 3)
    world.check_booked()


def test_a_void_while_usage_is_booked_is_seen(world: World) -> None:
    world.grant("first")
    world.grant("second", priority=60)
    world.count(3)
    world.store.interleaved = [lambda: world.void("first")]
    world.book()
    assert (world.rest("first"), world.rest("second")) == (0, 7)
    world.check_booked()


def test_a_grant_expires_after_its_last_hours_were_booked(world: World) -> None:
    world.grant(expires_at=NOON + HOUR)
    world.now = NOON + HOUR + EXPIRY_DELAY - MINUTE
    world.book()
    assert world.rest() == 10
    world.now += MINUTE
    world.count(4)
    report = world.book()
    assert [entry.kind for entry in report.entries] == [EntryKind.USAGE, EntryKind.EXPIRY]
    sums = sum_balances(world.store.list_entries())
    assert {account.kind: amount for account, amount in sums.items()} == {
        AccountKind.GRANTED: -10 * DOLLAR,
        AccountKind.USAGE: 4 * DOLLAR,
        AccountKind.EXPIRED: 6 * DOLLAR,
    }
    assert world.book().entries == ()


def test_a_scope_leaves_credits_when_its_expired_grant_is_voided(world: World) -> None:
    world.grant(expires_at=NOON + HOUR)
    world.now = NOON + HOUR + EXPIRY_DELAY
    world.book()
    world.count(1, world.now)
    world.book()
    assert world.overage() == 1
    expired = world.store.grants["start"]
    world.now += MINUTE
    world.void()
    voided = world.store.grants["start"]
    assert (voided.closed_at, voided.voided_at) == (expired.closed_at, world.now)
    world.count(1, world.now)
    assert world.book().entries == ()
    assert world.overage() == 1
    world.check_booked()
    world.void()
    assert world.store.grants["start"] == voided


def test_what_goes_back_to_an_expired_grant_that_was_voided_is_voided(world: World) -> None:
    world.grant(expires_at=NOON + HOUR)
    world.grant("second", priority=60)
    world.count(2)
    world.now = NOON + HOUR + EXPIRY_DELAY
    world.book()
    world.void()
    world.count(-1)
    world.book()
    sums = sum_balances(world.store.list_entries())
    closed = {AccountKind.EXPIRED, AccountKind.VOIDED}
    assert {account.kind: amount for account, amount in sums.items() if account.kind in closed} == {
        AccountKind.EXPIRED: 8 * DOLLAR,
        AccountKind.VOIDED: DOLLAR,
    }
    world.check_booked()


def test_the_end_of_the_calendar_stops_no_booking(world: World) -> None:
    """A stored grant may have an end that the command refuses."""
    world.grant(expires_at=datetime(9999, 12, 31, 23, tzinfo=UTC))
    world.grant("other", expires_at=NOON + HOUR)
    world.now = NOON + HOUR + EXPIRY_DELAY
    assert [entry.id for entry in world.book().entries] == ["expiry-other"]


def test_usage_is_burned_once_by_a_stored_grant_of_half_an_hour(world: World) -> None:
    half = timedelta(minutes=30)
    world.now += half
    world.grant(effective_from=(NOON + half).astimezone(timezone(timedelta(hours=5, minutes=30))))
    world.now = NOON + HOUR + half
    world.count(10, NOON + HOUR)
    world.book()
    assert {cell.hour for cell in world.store.cells} == {NOON + HOUR}
    world.check_booked()


def test_a_grant_does_not_expire_before_the_usage_that_waits(world: World) -> None:
    world.grant(expires_at=NOON + HOUR)
    world.count(4)
    world.now = NOON + HOUR + EXPIRY_DELAY
    report = world.book(lambda: False)
    assert (report.reason, world.rest()) == (OUT_OF_TIME, 10)


def test_cells_of_a_new_count_are_booked_when_it_is_complete(world: World) -> None:
    world.grant()
    world.count(4)
    world.book()
    state = world.counters.state
    assert state is not None
    begun_at = world.now
    recount = Recount(2, None, AffectedCalls(), begun_at)
    following = state.following(generation=2, recounts=(recount,), counted_since=begun_at)
    world.counters.state = following
    world.count(1)  # of the four dollars; the rest is still to be counted
    report = world.book()
    assert (report.reason, report.entries) == (COUNTING_AGAIN, ())
    assert report.waiting_since == world.now
    world.count(2)
    world.counters.state = following.following(recounts=(replace(recount, scanned_at=world.now),))
    world.book()
    assert world.rest() == 7
    world.check_booked()


def test_no_grant_expires_while_all_calls_are_counted_again(world: World) -> None:
    world.grant(expires_at=NOON + HOUR)
    world.now = NOON + HOUR + EXPIRY_DELAY
    state = world.counters.state
    assert state is not None
    recount = Recount(2, None, AffectedCalls(), world.now)
    world.counters.state = state.following(
        generation=2, recounts=(recount,), counted_since=world.now
    )
    report = world.book()
    assert (report.reason, world.rest()) == (COUNTING_AGAIN, 10)


def test_a_new_count_that_begins_while_cells_are_read_stops_the_run(world: World) -> None:
    world.grant()
    world.count(4)
    read = world.store.read_booked

    def begin_count(hour: datetime) -> Any:
        state = world.counters.state
        assert state is not None
        world.counters.state = state.following(generation=state.generation + 1)
        return read(hour)

    store: Any = world.store
    store.read_booked = begin_count
    assert world.book().reason == COUNTING_AGAIN
    assert world.rest() == 10


def test_hours_that_a_new_count_lacks_calls_of_are_left_alone(world: World) -> None:
    world.retention = timedelta(days=5)
    world.grant()
    world.count(4)
    world.book()
    state = world.counters.state
    assert state is not None
    world.now += timedelta(days=4, hours=1)
    world.counters.state = state.following(generation=2, counted_since=world.now)
    world.count(1)  # a part of the calls was deleted before
    report = world.book()
    assert (report.entries, report.reason) == ((), None)
    assert world.rest() == 6
    assert not world.counters.changed_hours.notes


def test_nothing_is_booked_before_anything_is_counted(world: World) -> None:
    world.grant()
    world.counters.state = None
    world.counters.changed_hours.note(NOON, "shard-1", world.now)
    assert world.book().reason == NO_COUNTERS


def test_hours_whose_cells_are_deleted_are_left_alone(world: World) -> None:
    world.grant()
    world.count(4)
    world.book()
    world.counters.cells.clear()
    world.counters.changed_hours.note(NOON, "shard-1", world.now)
    world.now = NOON + CellSpan.HOUR.retention - timedelta(minutes=59)
    report = world.book()
    assert (report.entries, world.rest()) == ((), 6)
    assert not world.counters.changed_hours.notes


def test_every_hour_is_compared_without_a_note_within_a_day(world: World) -> None:
    world.grant()
    world.now += timedelta(days=30)
    world.count(4, notes_hours=False)
    found = list[datetime]()
    for _ in range(960):
        world.now += MINUTE
        found += world.book().mismatches
    assert found == [NOON]
    assert world.rest() == 6


def test_changes_while_an_hour_is_compared_are_no_mismatch(world: World) -> None:
    world.grant()
    world.now += timedelta(days=30)
    read, left = world.counters.read_cells, [4.0]

    def count_then_read(generation: int, span: CellSpan, start: datetime, end: datetime) -> Any:
        if start == NOON and left:
            world.count(left.pop())
        return read(generation, span, start, end)

    counters: Any = world.counters
    counters.read_cells = count_then_read
    while left:
        world.now += MINUTE
        report = world.book()
    assert len(report.entries) == 1
    assert report.mismatches == ()
    world.book()
    assert not world.counters.changed_hours.notes


def test_a_cell_that_cannot_be_booked_keeps_its_note_and_holds_no_other_up(world: World) -> None:
    world.grant()
    for number in range(70):
        world.count(0.125, project=f"project-{number}")
    world.count(1, NOON + HOUR)
    poison = CellId(NOON, labels("project-3"))
    read = world.store.read_booked
    world.store.cells[poison] = BookedCell(id=poison, version=7)
    store: Any = world.store
    store.read_booked = lambda hour: {
        cell: booked for cell, booked in read(hour).items() if cell != poison
    }
    world.now += HOUR
    report = world.book()
    assert report.failed == (NOON,)
    assert report.waiting_since == NOON + timedelta(minutes=30)
    assert [hour for hour, _ in world.counters.changed_hours.notes] == [NOON]
    assert world.rest() == 10 - 69 * 0.125 - 1
    world.check()


def test_a_payment_of_a_missing_grant_holds_no_other_cell_up(world: World) -> None:
    world.grant("first", 1)
    world.grant("second", 10, priority=60)
    world.count(2)
    world.book()
    del world.store.grants["first"]
    world.count(-2)
    world.count(3, project="batch")
    report = world.book()
    assert (report.failed, world.rest("second")) == ((NOON,), 6)
    assert world.store.cells[CellId(NOON, labels())].picodollars == 2 * DOLLAR
    assert [hour for hour, _ in world.counters.changed_hours.notes] == [NOON]


def test_a_void_while_cells_are_booked_one_by_one_ends_the_hour(world: World) -> None:
    """A cell that is not under credits any more is left out."""
    world.grant()
    world.count(1)
    world.count(1, project="batch")
    commits = [_book_elsewhere] * 5

    def interfere() -> None:
        if commits:
            commits.pop()(world)
            world.store.interleaved.append(interfere)
        else:
            world.void()

    world.store.interleaved = [interfere]
    world.book()
    world.check_booked()


def _book_elsewhere(world: World) -> None:
    """Change the version of the grant, as a booking of another hour does."""
    balance = world.store.grants["start"]
    world.store.grants["start"] = replace(balance, version=balance.version + 1)


def test_an_hour_that_cannot_be_read_keeps_its_note_and_holds_no_other_up(world: World) -> None:
    world.grant()
    world.count(1)
    world.count(1, NOON + HOUR)
    read = world.counters.read_cells

    def read_or_fail(generation: int, span: CellSpan, start: datetime, end: datetime) -> Any:
        if start == NOON:
            raise KeyError(start)
        return read(generation, span, start, end)

    counters: Any = world.counters
    counters.read_cells = read_or_fail
    report = world.book()
    assert (report.failed, world.rest()) == ((NOON,), 9)
    assert [hour for hour, _ in world.counters.changed_hours.notes] == [NOON]


def test_a_grant_that_cannot_be_read_stops_the_books(world: World) -> None:
    """Others would pay instead, and entries never change."""
    world.grant()
    world.count(1)
    world.store.unreadable = ("damaged",)
    report = world.book()
    assert (report.reason, report.unreadable) == (UNREADABLE_GRANTS, ("damaged",))
    assert world.rest() == 10
    world.store.unreadable = ()
    world.book()
    assert world.rest() == 9


def test_a_run_ends_when_there_is_no_time(world: World) -> None:
    world.grant()
    for hour in range(3):
        world.count(1, NOON + hour * HOUR)
    left = [True, True]  # an hour, and its entry
    report = world.book(lambda: bool(left) and left.pop())
    assert (report.reason, len(report.entries), world.rest()) == (OUT_OF_TIME, 1, 9)
    assert [entry.hour for entry in report.entries] == [NOON + 2 * HOUR]
    assert len(world.counters.changed_hours.notes) == 2
    world.book()
    world.check_booked()


def test_a_busy_store_is_a_reason_to_come_again(world: World) -> None:
    world.grant()
    world.count(1)
    world.store.busy = 1
    report = world.book()
    assert report.reason == "others were in the way"
    assert report.waiting_since == world.now
    world.book()
    world.check_booked()


def test_an_hour_that_others_book_now_holds_no_other_up(world: World) -> None:
    world.grant(expires_at=NOON + 2 * HOUR)
    world.count(1)
    world.count(2, NOON + HOUR)
    world.now = NOON + 2 * HOUR + EXPIRY_DELAY
    world.store.busy = 1
    report = world.book()
    assert [entry.hour for entry in report.entries] == [NOON]
    assert report.reason == "others were in the way"
    world.book()
    world.check_booked()
    assert world.overage() == 0


def test_a_grant_that_is_added_during_a_run_pays(world: World) -> None:
    world.grant("first", 1)
    world.count(3)
    world.count(1, NOON + HOUR)
    world.now += HOUR

    def grant() -> None:
        world.grant("second", 5, effective_from=NOON)

    world.store.interleaved = [grant]  # before the entry of the later hour
    world.book()
    assert (world.rest("first"), world.rest("second"), world.overage()) == (0, 2, 0)


def test_a_grant_that_becomes_unreadable_during_a_run_stops_it(world: World) -> None:
    world.grant()
    world.count(1)
    world.count(1, NOON + HOUR)
    world.now += HOUR

    def damage() -> None:
        world.store.unreadable = ("damaged",)

    world.store.interleaved = [damage]
    report = world.book()
    assert (report.reason, len(report.entries)) == (UNREADABLE_GRANTS, 1)


def test_a_snapshot_is_taken_once_a_day(world: World) -> None:
    world.grant()
    world.count(4)
    world.book()
    assert not world.store.snapshots
    midnight = NOON.replace(hour=0) + timedelta(days=1)
    world.now = midnight + timedelta(minutes=59)
    world.book()
    assert not world.store.snapshots
    world.now += MINUTE
    world.count(1, world.now)
    writes = world.book()
    assert list(world.store.snapshots) == [midnight]
    snapshot = world.store.snapshots[midnight]
    assert snapshot.balances == balance_at(world.store.list_entries(), midnight)
    world.now += timedelta(days=1)
    assert writes.reason is None
    world.book()
    later = world.store.snapshots[midnight + timedelta(days=1)]
    world.store.snapshots.clear()
    world.book()
    assert world.store.snapshots == {later.at: later}


def test_no_entry_is_booked_before_a_snapshot(world: World) -> None:
    """A clock that is behind, or a run that was held up, cannot change earlier balances."""
    world.grant()
    world.count(4)
    world.book()
    behind = world.now
    world.now = NOON.replace(hour=1) + timedelta(days=1)
    world.book()
    entries = list(world.store.list_entries())
    with pytest.raises(BooksClosedError, match="this clock is behind, set it right"):
        world.void(at=behind)
    with pytest.raises(BooksClosedError):
        world.grant("late", created_at=behind)
    world.count(1)
    report = world.booker.book(behind)
    assert "are closed already" in (report.reason or "")
    assert list(world.store.list_entries()) == entries
    world.book()
    world.check_booked()


@pytest.mark.parametrize(("writes", "is_in_time"), [(0, True), (1, False)])
def test_an_entry_during_a_snapshot_is_in_it_or_refused(
    world: World, writes: int, is_in_time: bool
) -> None:
    """Either before the run closes the books, its first write, or before it writes the snapshot."""
    world.grant()
    world.count(4)
    world.book()
    behind = world.now
    world.now = NOON.replace(hour=1) + timedelta(days=1)

    def void_behind() -> None:
        with suppress(BooksClosedError):
            world.void(at=behind)

    world.store.interleaved = [void_behind, *[lambda: None] * writes]
    world.book()
    assert world.store.grants["start"].is_voided is is_in_time
    entries, snapshot = list(world.store.list_entries()), world.store.read_snapshot(world.now)
    assert snapshot is not None
    assert balance_at(entries, world.now, snapshot) == balance_at(entries, world.now)


def test_an_entry_that_cannot_be_read_is_reported(world: World) -> None:
    world.grant()
    world.now += timedelta(days=1)

    def fail(*_: Any) -> Any:
        message = "the entry 1 of credits cannot be read"
        raise ValueError(message)

    store: Any = world.store
    store.list_entries = fail
    assert world.book().reason == "the entry 1 of credits cannot be read"


# any order of things

amounts = st.sampled_from([0.25, 1, 2, 5])
hours_of_use = st.integers(-1, 3)
projects = st.sampled_from(["chat", "batch"])
shards = st.sampled_from(["shard-1", "recount"])
Step = Callable[[World], object]


def _count(usd: float, hour: int, project: str, shard: str) -> Step:
    def step(world: World) -> None:
        world.count(usd, NOON + hour * HOUR, project, shard=shard)

    return step


def _correct(share: float, place: int) -> Step:
    """Lower the cost of a cell, which never falls below 0."""

    def step(world: World) -> None:
        cells = [
            (key, totals)
            for (_, key), totals in sorted(world.counters.cells.items())
            if key.span is CellSpan.HOUR and totals.cost_picodollars > 0
        ]
        if cells:
            key, totals = cells[place % len(cells)]
            usd = totals.cost_picodollars / DOLLAR
            world.count(-usd * share, key.start, key.labels.project)

    return step


def _grant(name: str, usd: float, project: str | None, priority: int, hours: int | None) -> Step:
    def step(world: World) -> None:
        if name not in world.store.grants:
            start = CellSpan.HOUR.get_start(world.now)
            with suppress(*REFUSED):
                world.grant(
                    name,
                    usd,
                    scope=BudgetScope(project=(project,) if project else ()),
                    priority=priority,
                    expires_at=None if hours is None else start + hours * HOUR,
                )

    return step


def _void(name: str) -> Step:
    def step(world: World) -> None:
        if name in world.store.grants:
            with suppress(*REFUSED):
                world.void(name)

    return step


def _wait(minutes: int) -> Step:
    def step(world: World) -> None:
        world.now += minutes * MINUTE

    return step


names = st.sampled_from(["a", "b", "c"])
counts = st.builds(_count, amounts, hours_of_use, projects, shards)
corrections = st.builds(_correct, st.sampled_from([0.25, 1]), st.integers(0, 9))
grants = st.builds(
    _grant,
    names,
    amounts,
    st.one_of(st.none(), projects),
    st.integers(1, 3),
    st.one_of(st.none(), st.integers(1, 3)),
)
voids = st.builds(_void, names)
bookings = st.just(World.book)
waits = st.builds(_wait, st.sampled_from([0, 1, 30, 200]))
steps = st.lists(
    st.one_of(counts, counts, corrections, grants, voids, bookings, bookings, waits), max_size=25
)
others = st.lists(st.one_of(counts, corrections, voids, grants, bookings), max_size=5)


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=percent_of_examples(100),
)
@given(steps, others, st.lists(st.integers(0, 12), max_size=4), st.integers(0, 3))
def test_books_equal_the_counters_after_any_faults(
    steps: list[Step], others: list[Step], crashes: list[int], busy: int
) -> None:
    world = World()
    world.grant("first", 4)
    world.store.interleaved = [lambda step=step: step(world) for step in others]  # type: ignore[misc]
    world.store.busy = busy
    for step in steps:
        effects = world.counters.changed_hours.effects = world.store.effects
        effects.left = crashes.pop() if crashes and step is World.book else None
        try:
            step(world)
        except Crash:
            pass
        finally:
            effects.left = None
        world.check()
    world.store.interleaved, world.store.busy = [], 0
    world.now += MINUTE
    world.book()
    world.check_booked()
    entries = list(world.store.list_entries())
    world.now += MINUTE
    assert world.book().entries == ()
    assert list(world.store.list_entries()) == entries
