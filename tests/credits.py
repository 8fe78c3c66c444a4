"""In-memory twins of the books of credits, which can stop between any two writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count

from lambdas.domain.counters import MAX_ACTIONS
from lambdas.domain.credits import (
    BookedCell,
    BooksClosedError,
    CellId,
    ChangedHour,
    CreditBook,
    CreditEntry,
    CreditsChangedError,
    CreditSnapshot,
    CreditsUnavailableError,
    GrantBalance,
    GrantExistsError,
)
from tests.brake import Effects

HOUR = timedelta(hours=1)


class InMemoryCreditStore:
    """The books of credits in dictionaries.

    Attributes:
        grants: The grants by id.
        cells: What is booked of cells.
        snapshots: The snapshots by time.
        closed_until: The time before which no entry is taken.
        unreadable: The ids of grants that cannot be read.
        effects: Counts writes, and can end the process at one of them.
        busy: The number of writes that are refused next.
        interleaved: Things that others do just before a write, each before another one.
    """

    def __init__(self, balances: Iterable[GrantBalance] = ()) -> None:
        self.grants = {balance.grant.id: balance for balance in balances}
        self.cells: dict[CellId, BookedCell] = {}
        self.effects = Effects()
        self.busy = 0
        self.interleaved: list[Callable[[], None]] = []
        self.snapshots: dict[datetime, CreditSnapshot] = {}
        self.unreadable: tuple[str, ...] = ()
        self.closed_until: datetime | None = None
        self._entries: dict[tuple[datetime, str], CreditEntry] = {}

    def read_book(self) -> CreditBook:
        return CreditBook(dict(self.grants), self.unreadable)

    def add_grant(self, balance: GrantBalance, entry: CreditEntry) -> None:
        self._write(lambda: self._add_grant(balance, entry))

    def _add_grant(self, balance: GrantBalance, entry: CreditEntry) -> None:
        stored = self.grants.get(balance.grant.id)
        if stored is not None:
            if stored.grant != balance.grant:
                raise GrantExistsError(balance.grant.id)
            return
        self._check_open(entry)
        self.grants[balance.grant.id] = balance
        self._entries[entry.booked_at, entry.id] = entry

    def read_booked(self, hour: datetime) -> Mapping[CellId, BookedCell]:
        return {key: cell for key, cell in self.cells.items() if key.hour == hour}

    def commit(
        self,
        entry: CreditEntry,
        grants: Sequence[GrantBalance],
        cells: Sequence[BookedCell] = (),
    ) -> None:
        self._write(lambda: self._commit(entry, grants, cells))

    def _commit(
        self, entry: CreditEntry, grants: Sequence[GrantBalance], cells: Sequence[BookedCell]
    ) -> None:
        assert 2 + len(grants) + len(cells) <= MAX_ACTIONS
        key = entry.booked_at, entry.id
        versions = [(cell.version, self.cells.get(cell.id)) for cell in cells]
        stored = [(grant.version, self.grants[grant.grant.id]) for grant in grants]
        if (
            key in self._entries
            or any(version != (cell.version if cell else 0) + 1 for version, cell in versions)
            or any(version != grant.version + 1 for version, grant in stored)
        ):
            raise CreditsChangedError(entry.id)
        self._check_open(entry)
        self.grants |= {grant.grant.id: grant for grant in grants}
        self.cells |= {cell.id: cell for cell in cells}
        self._entries[key] = entry

    def list_entries(
        self, start: datetime | None = None, end: datetime | None = None
    ) -> Iterator[CreditEntry]:
        for booked_at, name in sorted(self._entries):
            if (start is None or start <= booked_at) and (end is None or booked_at < end):
                yield self._entries[booked_at, name]

    def close_until(self, at: datetime) -> None:
        def close() -> None:
            self.closed_until = at if self.closed_until is None else max(self.closed_until, at)

        self._write(close)

    def _check_open(self, entry: CreditEntry) -> None:
        if self.closed_until is not None and entry.booked_at < self.closed_until:
            raise BooksClosedError(entry.booked_at)

    def read_snapshot(self, until: datetime) -> CreditSnapshot | None:
        known = [at for at in self.snapshots if at <= until]
        return self.snapshots[max(known)] if known else None

    def write_snapshot(self, snapshot: CreditSnapshot) -> None:
        def write() -> None:
            self.snapshots[snapshot.at] = snapshot

        self._write(write)

    def _write(self, write: Callable[[], None]) -> None:
        if self.busy:
            self.busy -= 1
            message = "others were in the way"
            raise CreditsUnavailableError(message)
        if self.interleaved:
            self.interleaved.pop()()
        self.effects.run(write)


class InMemoryChangedHours:
    """Notes of changed hours in a dictionary.

    Attributes:
        notes: The notes, by hour and writer.
        effects: Counts removals, and can end the process at one of them.
    """

    def __init__(self) -> None:
        self.notes: dict[tuple[datetime, str], ChangedHour] = {}
        self.effects = Effects()
        self._tokens = count(1)

    def note(self, hour: datetime, writer: str, now: datetime) -> None:
        """Note an hour, as counters do in the transaction of the change."""
        token = str(next(self._tokens))
        self.notes[hour, writer] = ChangedHour(hour, token, writer, now)

    def list_changed(self) -> Sequence[ChangedHour]:
        return [self.notes[key] for key in sorted(self.notes)]

    def remove(self, changed: ChangedHour) -> None:
        self.effects.run(lambda: self._remove(changed))

    def _remove(self, changed: ChangedHour) -> None:
        key = changed.hour, changed.writer
        if self.notes.get(key) == changed:
            del self.notes[key]
