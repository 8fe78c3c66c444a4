"""Calls of a gateway that is always stopped before it settles them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from lambdas.adapters.dynamodb.items import TableUnavailableError
from lambdas.adapters.dynamodb.reserved_calls import DynamoDbReservedCalls
from lambdas.adapters.dynamodb.usage_item import from_item
from lambdas.domain.counters import measure_amounts
from lambdas.domain.ledger import find_reservation
from lambdas.domain.limits import (
    NO_USE,
    Amounts,
    CalendarUnit,
    LimitStoreError,
    StoredReservation,
    make_calendar_window,
)
from lambdas.services.settle_calls import LedgerUse, OpenCallSettler
from tests.limits import InMemoryLimits, limit, subject, tokens
from tests.simulation.account import LEDGER, Account
from tests.simulation.drivers.books import current_books
from tests.simulation.drivers.driver import Driver
from tests.simulation.phases import END, FAULTS_END
from tests.simulation.ports import Port
from tests.simulation.traffic import GATEWAY_ROLE
from tests.simulation.world import START

_CALLER = subject(limit(10**15, make_calendar_window(CalendarUnit.MONTH)), name="caller")
_NEED = tokens(30_000)


class NotedLimits(InMemoryLimits):
    """Limits that note how each reservation was settled.

    Attributes:
        settled: The amounts, by reservation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.settled: dict[str, Amounts] = {}

    def settle(self, reservation: StoredReservation, used: Amounts, at: datetime) -> bool:
        is_settled = super().settle(reservation, used, at)
        if is_settled:
            self.settled[reservation.id] = used
        return is_settled


class LimitSettlerDriver(Driver):
    """Settles what the gateway left open."""

    function = "limit_settler"
    expected_errors = (LimitStoreError, TableUnavailableError)

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.limits = NotedLimits()
        self.wrong: list[str] = []

    def make(self) -> OpenCallSettler:
        recorded = LedgerUse(
            calls=DynamoDbReservedCalls(self.dynamodb, LEDGER),
            caller_role=GATEWAY_ROLE,
            get_books=current_books(self).get,
            clock=lambda: self.account.now,
        )
        port: Any = Port(self.account.world, self.limits, LimitStoreError)
        return OpenCallSettler(port, recorded)

    def run(self, _event: Any) -> None:
        before, known = self._read_ledger(), {*self.limits.settled}
        try:
            self.service.settle(self.account.now)
        finally:
            self._compare(before, known)

    def start(self) -> None:
        for (_, _, request_id), record in self.account.traffic.calls.items():
            if find_reservation(record, GATEWAY_ROLE) is not None:
                made_at = self.account.traffic.made_at[request_id]
                self.account.world.at(made_at, self._admit, request_id)
        self.every(timedelta(minutes=11), START + timedelta(minutes=5), FAULTS_END, retries=0)
        self.every(timedelta(minutes=97), FAULTS_END + timedelta(minutes=5), END, retries=0)

    def check(self) -> Iterator[str]:
        yield from self.wrong[:3]
        state = self.limits.states.get(_CALLER.id)
        if state is None:
            return
        if state.entries:
            yield f"{len(state.entries)} reservations are still open"
        key = _CALLER.limits[0].key
        assert key is not None
        used = sum(amounts.quota_tokens or 0 for amounts in self.limits.settled.values())
        if state.get_total(key) != used:
            yield f"the counter has {state.get_total(key)}, and settled calls used {used}"

    def _admit(self, reservation_id: str) -> None:
        self.limits.reserve(_CALLER, reservation_id, _NEED, self.account.now)

    def _read_ledger(self) -> dict[str, Amounts]:
        """Read what the calls of reservations have used, with no fault in the way."""
        books, now = current_books(self).get(), self.account.now
        records = [from_item(item) for item in self.account.tables[LEDGER].items.values()]
        return {
            reservation: measure_amounts(books.enrich([record], now))
            for record in records
            if (reservation := find_reservation(record, GATEWAY_ROLE)) is not None
        }

    def _compare(self, before: dict[str, Amounts], known: set[str]) -> None:
        """Compare what was settled with the ledger: it may have changed while a run read it."""
        after = self._read_ledger()
        for reservation, used in self.limits.settled.items():
            if reservation in known:
                continue
            allowed = [before.get(reservation, NO_USE), after.get(reservation, NO_USE)]
            if used not in allowed:
                self.wrong.append(f"{reservation} was settled by {used}, not by {allowed}")
