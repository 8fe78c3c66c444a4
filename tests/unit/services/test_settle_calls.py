"""Reservations that a stopped gateway left open are settled by the ledger, or given back."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta

import pytest

from lambdas.domain.limits import (
    Amounts,
    CalendarUnit,
    LimitStoreError,
    StoredReservation,
    make_calendar_window,
)
from lambdas.services.settle_calls import OpenCall, OpenCallSettler
from tests.builders import NOON
from tests.limits import (
    FailingLimits,
    InMemoryLimits,
    InMemoryRecords,
    limit,
    make_admitter,
    subject,
    tokens,
)
from tests.unit.services.test_admit_call import get_reservation, used_by

MINUTE = timedelta(minutes=1)
ANA = subject(limit(1000, make_calendar_window(CalendarUnit.MONTH)), name="ana")
PROJECT = subject(limit(5000), name="project")


def test_a_call_is_settled_by_its_record_after_the_longest_call() -> None:
    store, records = InMemoryLimits(), InMemoryRecords()
    reservation = get_reservation(make_admitter(store).admit([ANA, PROJECT], tokens(400), NOON))
    records.uses[reservation.id] = tokens(70)
    settler = OpenCallSettler(store, records)
    assert settler.settle(NOON + 16 * MINUTE) == {}
    assert settler.settle(NOON + 17 * MINUTE) == {OpenCall.BY_RECORD: 2}
    assert not store.states["ana"].entries
    assert used_by(store, ANA) == 70
    assert settler.settle(NOON + 17 * MINUTE) == {}


def test_a_call_without_a_record_is_given_back_after_an_hour() -> None:
    store = InMemoryLimits()
    make_admitter(store).admit([ANA], tokens(400), NOON)
    settler = OpenCallSettler(store, InMemoryRecords())
    assert settler.settle(NOON + 59 * MINUTE) == {OpenCall.WAITING: 1}
    assert settler.settle(NOON + 60 * MINUTE) == {OpenCall.GIVEN_BACK: 1}
    assert not store.states["ana"].entries
    assert used_by(store, ANA) == 0


def test_a_subject_that_fails_stops_no_other_one() -> None:
    store = FailingLimits()
    make_admitter(store).admit([ANA, PROJECT], tokens(400), NOON)
    store.failing.add("ana")
    settler = OpenCallSettler(store, InMemoryRecords())
    assert settler.settle(NOON + 60 * MINUTE) == {OpenCall.FAILED: 1, OpenCall.GIVEN_BACK: 1}
    assert used_by(store, ANA) == 400


class PartlyUnreadable(InMemoryLimits):
    """Limits with a subject that cannot be read."""

    def list_open(self, before: datetime) -> Iterator[StoredReservation]:
        yield from super().list_open(before)
        message = "a subject cannot be read"
        raise LimitStoreError(message)


def test_what_can_be_read_is_settled_before_a_failure_is_raised() -> None:
    store = PartlyUnreadable()
    make_admitter(store).admit([ANA, PROJECT], tokens(400), NOON)
    with pytest.raises(LimitStoreError, match="cannot be read"):
        OpenCallSettler(store, InMemoryRecords()).settle(NOON + 60 * MINUTE)
    assert not any(state.entries for state in store.states.values())


class SettledMeanwhile(InMemoryRecords):
    """Records that are read while the gateway settles."""

    def __init__(self, store: InMemoryLimits) -> None:
        super().__init__()
        self._store = store

    def find(self, reservation_ids: Collection[str]) -> Mapping[str, Amounts]:
        for reservation in list(self._store.list_open(NOON + 60 * MINUTE)):
            self._store.settle(reservation, tokens(3), NOON)
        return super().find(reservation_ids)


def test_a_call_that_the_gateway_settles_meanwhile_counts_once() -> None:
    store = InMemoryLimits()
    make_admitter(store).admit([ANA], tokens(400), NOON)
    counts = OpenCallSettler(store, SettledMeanwhile(store)).settle(NOON + 60 * MINUTE)
    assert counts == {OpenCall.SETTLED_BEFORE: 1}
    assert used_by(store, ANA) == 3
