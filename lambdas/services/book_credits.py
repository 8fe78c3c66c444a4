"""Books counted usage on credits: compares the cells of changed hours with what is booked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from lambdas.domain.counters import Cell, CellSpan, CountingState
from lambdas.domain.credits import (
    BOOKABLE_TIME,
    Booking,
    CellDifference,
    CellId,
    ChangedHour,
    ChangedHours,
    CreditBook,
    CreditEntry,
    CreditsChangedError,
    CreditStore,
    CreditsUnavailableError,
    apply_booking,
    book_cells,
    expire,
    find_differences,
    floor_hour,
    is_bookable,
    is_under_credits,
    take_snapshot,
)
from lambdas.domain.words import OUT_OF_TIME
from lambdas.observability import logger

HOUR = timedelta(hours=1)
NEW_GRANT_TIME = timedelta(hours=2)
"""The time after a grant was made in which its first hours are compared at every run: their notes
may have been removed before it was there."""
_WRITE_TIME = timedelta(minutes=15)  # between the time in an entry and its commit, at most
_SNAPSHOT_DELAY = timedelta(hours=1)
_CYCLE = BOOKABLE_TIME // HOUR
_MAX_ATTEMPTS = 5
_UNREADABLE = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError)

NO_COUNTERS = "usage is not counted yet"
COUNTING_AGAIN = "all calls are counted again, so that cells lack usage; credits wait for the end"
UNREADABLE_GRANTS = "grants cannot be read, and what they pay for is not known; restore their items"


class CountedCells(Protocol):
    """Reads counted cells."""

    def read_state(self) -> CountingState | None:
        """Read the counting state; `None` before the first."""

    def read_cells(
        self, generation: int, span: CellSpan, start: datetime, end: datetime
    ) -> Iterator[Cell]:
        """Read the cells that begin in a range of time."""


class BookingReport(NamedTuple):
    """The outcome of a run.

    Attributes:
        book: The grants afterwards.
        entries: The entries that the run has booked.
        failed: The hours with cells that could not be booked. They are tried again.
        mismatches: The hours whose cells differed from what was booked, and that had no note.
        waiting_since: The time of the earliest change that is not booked yet; `None` if none is.
        unreadable: The ids of grants that cannot be read.
        reason: The reason why a part of the work is left to another run; `None` if none is.
    """

    book: CreditBook
    entries: tuple[CreditEntry, ...] = ()
    failed: tuple[datetime, ...] = ()
    mismatches: tuple[datetime, ...] = ()
    waiting_since: datetime | None = None
    unreadable: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditBooker:
    """Books the difference between counted and booked cost, cell by cell.

    A run can end at any moment, and runs can overlap: an entry is written with the cells and grants
    that it changes, on condition that they are as they were read.

    Attributes:
        store: The books.
        counters: The counted cells.
        hours: The notes of hours whose cost has changed.
        span: The length of the short cells.
        ledger_retention: The time for which the ledger keeps calls. Calls that are older are
            missing where all calls were counted again.
    """

    store: CreditStore
    counters: CountedCells
    hours: ChangedHours
    span: CellSpan
    ledger_retention: timedelta

    def book(self, now: datetime, has_time: Callable[[], bool] = lambda: True) -> BookingReport:
        """Book what is due: changed hours, one hour that was booked before, expiries, a snapshot.

        Args:
            now: The time.
            has_time: Asked before each hour and each entry.
        """
        notes = self.hours.list_changed()  # before anything that they are about
        run = _Run(now, has_time, self.store.read_book(), notes)
        try:
            run.check_grants()
            for hour in run.list_hours():
                self._book_hour(run, hour)
            if run.reason is None:
                self._expire(run)
            self._take_snapshot(run)
        except (_StoppedError, CreditsUnavailableError) as error:
            run.reason = str(error)
        return run.report()

    def _book_hour(self, run: _Run, hour: datetime) -> None:
        """Book an hour, and remove its notes unless a cell is left."""
        if run.needs_booking(hour):
            run.check_time()
            self._read_book(run)  # a grant may have been added since the last hour
            run.is_suspect, entries = False, len(run.entries)
            try:
                is_done = self._book_cells(run, hour) or self._book_each_cell(run, hour)
            except CreditsUnavailableError as error:
                run.reason = str(error)  # the other hours do not wait for this one
                return
            except _UNREADABLE as error:
                logger.error("An hour of credits cannot be read", hour=hour, error=repr(error))
                is_done = False
            if not is_done:
                run.failed.append(hour)
                return
            if run.is_suspect and len(run.entries) > entries:
                run.mismatches.append(hour)
        for note in run.notes.pop(hour, ()):
            self.hours.remove(note)

    def _book_cells(self, run: _Run, hour: datetime) -> bool:
        """Book the differences of an hour.

        Returns:
            `False` if others changed the same all the time, or a cell cannot be booked.
        """
        for _ in range(_MAX_ATTEMPTS):
            differences = self._compare(run, hour)
            try:
                for booking in book_cells(run.book, differences, run.now):
                    self._commit(run, booking)
            except CreditsChangedError:
                self._read_book(run)
            except _UNREADABLE:  # of one cell, such as a payment of a grant that is missing
                return False
            else:
                return True
        return False

    def _book_each_cell(self, run: _Run, hour: datetime) -> bool:
        """Book each difference by itself; `False` if one of them is refused."""
        is_done = True
        for difference in self._compare(run, hour):
            if not is_under_credits(run.book, *difference.booked.id):
                continue  # its grants were voided meanwhile
            try:
                for booking in book_cells(run.book, [difference], run.now):
                    self._commit(run, booking)
            except CreditsChangedError:
                is_done = False
                self._read_book(run)
            except _UNREADABLE as error:
                is_done = False
                logger.error("A cell of credits cannot be booked", hour=hour, error=repr(error))
        return is_done

    def _read_book(self, run: _Run) -> None:
        """Read the grants again.

        Raises:
            _StoppedError: Some cannot be read.
        """
        run.book = self.store.read_book()
        run.check_grants()

    def _compare(self, run: _Run, hour: datetime) -> Sequence[CellDifference]:
        """Compare an hour with what is booked.

        The booked cells are read before the counted ones, and the counting state after them. So if
        another run books a later count meanwhile, the versions differ; and no run books cells of a
        generation that another one has replaced.
        """
        state = self._read_state(None)
        if not self._is_kept(state, hour):
            return ()
        booked = self.store.read_booked(hour)
        counted = self._count(state.generation, hour)
        self._read_state(state)
        differences = find_differences(run.book, counted, booked)
        run.is_suspect = bool(differences) and run.is_unexpected(hour) and not self._is_noted(hour)
        return differences

    def _read_state(self, before: CountingState | None) -> CountingState:
        """Read the counting state of complete cells, of the same generation as before.

        Raises:
            _StoppedError: There are none.
        """
        state = self.counters.read_state()
        if state is None:
            raise _StoppedError(NO_COUNTERS)
        if state.incomplete_since or (before and before.generation != state.generation):
            raise _StoppedError(COUNTING_AGAIN)
        return state

    def _is_kept(self, state: CountingState, hour: datetime) -> bool:
        """Say if the ledger had all calls of an hour when the generation of cells began."""
        first_count = state.counted_since - self.ledger_retention
        return state.generation == 1 or hour >= first_count + timedelta(days=1)

    def _count(self, generation: int, hour: datetime) -> Mapping[CellId, int]:
        counted: defaultdict[CellId, int] = defaultdict(int)
        for cell in self.counters.read_cells(generation, self.span, hour, hour + HOUR):
            counted[CellId(hour, cell.key.labels)] += cell.totals.cost_picodollars
        return counted

    def _is_noted(self, hour: datetime) -> bool:
        """Say if cells of an hour have changed since notes were listed."""
        return any(note.hour == hour for note in self.hours.list_changed())

    def _commit(self, run: _Run, booking: Booking) -> None:
        run.check_time()
        self.store.commit(*booking)
        run.note(booking)

    def _expire(self, run: _Run) -> None:
        """Let grants expire, after all usage that is noted, and not while it is counted again."""
        bookings = expire(run.book, run.now)
        if bookings:
            self._read_state(None)
        for booking in bookings:
            try:
                self._commit(run, booking)
            except CreditsChangedError:
                self._read_book(run)

    def _take_snapshot(self, run: _Run) -> None:
        """Take the snapshot of the day, and let no entry of the day before follow."""
        at = run.now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        has_entries = any(each.grant.created_at < at for each in run.book.grants.values())
        if run.now < at + _SNAPSHOT_DELAY or not has_entries:
            return
        before = self.store.read_snapshot(at)
        if before is not None and before.at == at:
            return
        run.check_time()
        self.store.close_until(at)  # before entries are read
        try:
            entries = self.store.list_entries(None if before is None else before.at, at)
            self.store.write_snapshot(take_snapshot(entries, at, before))
        except ValueError as error:
            raise _StoppedError(str(error)) from error


class _StoppedError(Exception):
    """The run ends; another one goes on."""


@dataclass(slots=True)
class _Run:
    """The progress of a run.

    Attributes:
        now: The time.
        has_time: Says if there is time for another step.
        book: The grants as they are by now.
        listed: The notes as they were at the beginning.
        notes: Those that are left, by hour.
        entries: The entries that were booked.
        failed: Hours with cells that could not be booked.
        mismatches: Hours that differed without a note.
        is_suspect: True if the last hour that was compared differs without a note.
        reason: The reason why the run ended early.
    """

    now: datetime
    has_time: Callable[[], bool]
    book: CreditBook
    listed: Sequence[ChangedHour]
    notes: dict[datetime, list[ChangedHour]] = field(default_factory=dict)
    entries: list[CreditEntry] = field(default_factory=list)
    failed: list[datetime] = field(default_factory=list)
    mismatches: list[datetime] = field(default_factory=list)
    is_suspect: bool = False
    reason: str | None = None

    def __post_init__(self) -> None:
        for note in self.listed:
            self.notes.setdefault(note.hour, []).append(note)

    def list_hours(self) -> Sequence[datetime]:
        """List the hours to compare, the latest first: a backlog does not delay current usage."""
        noted = sorted({*self.notes, *self._list_new()}, reverse=True)
        checked = self._choose_checked()
        return noted if checked in noted else [*noted, checked]

    def needs_booking(self, hour: datetime) -> bool:
        """Say if cells of an hour exist, and may be under credits."""
        is_governed = any(
            not balance.is_voided and balance.grant.effective_from <= hour
            for balance in self.book.grants.values()
        )
        return is_governed and is_bookable(hour, self.now)

    def is_unexpected(self, hour: datetime) -> bool:
        """Say if an hour should not differ from what is booked."""
        return hour not in self.notes and hour not in self._list_new()

    def check_grants(self) -> None:
        """Go on if all grants can be read.

        Raises:
            _StoppedError: Some cannot.
        """
        if self.book.unreadable:
            raise _StoppedError(UNREADABLE_GRANTS)

    def check_time(self) -> None:
        """Go on if there is time.

        Raises:
            _StoppedError: The time is up.
        """
        if not self.has_time():
            raise _StoppedError(OUT_OF_TIME)

    def note(self, booking: Booking) -> None:
        """Note that a booking is committed."""
        self.entries.append(booking.entry)
        self.book = apply_booking(self.book, booking)

    def report(self) -> BookingReport:
        """Report what was done, and what is left."""
        left = [note.changed_at for notes in self.notes.values() for note in notes]
        return BookingReport(
            book=self.book,
            entries=tuple(self.entries),
            failed=tuple(self.failed),
            mismatches=tuple(self.mismatches),
            waiting_since=min(left, default=None),
            unreadable=self.book.unreadable,
            reason=self.reason,
        )

    def _list_new(self) -> set[datetime]:
        """List the hours that may have been booked before a new grant was there."""
        hours = set[datetime]()
        for balance in self.book.grants.values():
            grant = balance.grant
            if not balance.is_voided and self.now < grant.created_at + NEW_GRANT_TIME:
                hour = floor_hour(grant.effective_from)
                while hour <= min(grant.created_at + _WRITE_TIME, self.now):
                    hours.add(hour)
                    hour += HOUR
        return hours

    def _choose_checked(self) -> datetime:
        """Choose the hour to compare without a note: each one within 16 hours, minute by minute."""
        minutes = int(self.now.timestamp()) // 60
        return CellSpan.HOUR.get_start(self.now) - (minutes % _CYCLE) * HOUR
