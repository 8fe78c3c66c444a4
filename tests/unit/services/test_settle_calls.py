"""Reservations that a stopped gateway left open are settled by the ledger, or given back."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta

from lambdas.domain.limits import (
    Amounts,
    CalendarUnit,
    StoredReservation,
    UnreadableSubjectError,
    make_calendar_window,
)
from lambdas.services.settle_calls import MAX_LOOK_UPS, OpenCall, OpenCallSettler
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
    assert settler.settle(NOON + 16 * MINUTE).counts == {}
    assert settler.settle(NOON + 17 * MINUTE).counts == {OpenCall.BY_RECORD: 2}
    assert not store.states["ana"].entries
    assert used_by(store, ANA) == 70
    assert settler.settle(NOON + 17 * MINUTE).counts == {}


def test_a_call_without_a_record_is_given_back_after_an_hour() -> None:
    store = InMemoryLimits()
    make_admitter(store).admit([ANA], tokens(400), NOON)
    settler = OpenCallSettler(store, InMemoryRecords())
    assert settler.settle(NOON + 59 * MINUTE).counts == {OpenCall.WAITING: 1}
    assert settler.settle(NOON + 60 * MINUTE).counts == {OpenCall.GIVEN_BACK: 1}
    assert not store.states["ana"].entries
    assert used_by(store, ANA) == 0


def test_a_subject_that_fails_stops_no_other_one() -> None:
    store = FailingLimits()
    make_admitter(store).admit([ANA, PROJECT], tokens(400), NOON)
    store.failing.add("ana")
    settler = OpenCallSettler(store, InMemoryRecords())
    counts, unread = settler.settle(NOON + 60 * MINUTE)
    assert counts == {OpenCall.FAILED: 1, OpenCall.GIVEN_BACK: 1}
    assert unread is None
    assert used_by(store, ANA) == 400


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
    counts, _ = OpenCallSettler(store, SettledMeanwhile(store)).settle(NOON + 60 * MINUTE)
    assert counts == {OpenCall.SETTLED_BEFORE: 1}
    assert used_by(store, ANA) == 3


class UnreadableLimits(InMemoryLimits):
    """Limits with a subject that cannot be read."""

    def list_open(self, before: datetime) -> Iterator[StoredReservation]:
        yield from (each for each in super().list_open(before) if each.subject != "project")
        message = "project"
        raise UnreadableSubjectError(message)


def test_a_subject_that_cannot_be_read_stops_no_other_one() -> None:
    store, records = UnreadableLimits(), InMemoryRecords()
    reservation = get_reservation(make_admitter(store).admit([ANA, PROJECT], tokens(400), NOON))
    records.uses[reservation.id] = tokens(70)
    counts, unread = OpenCallSettler(store, records).settle(NOON + 17 * MINUTE)
    assert counts == {OpenCall.BY_RECORD: 1}
    assert str(unread) == "project"
    assert used_by(store, ANA) == 70


class CountedRecords(InMemoryRecords):
    """Records that count what is looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.looked_up: list[str] = []

    def find(self, reservation_ids: Collection[str]) -> Mapping[str, Amounts]:
        self.looked_up += reservation_ids
        return super().find(reservation_ids)


def test_a_run_looks_up_the_oldest_calls_and_leaves_the_others_to_the_next() -> None:
    store, records = InMemoryLimits(), CountedRecords()
    excess = 50
    for number in range((MAX_LOOK_UPS + excess) // 50):
        who = subject(limit(10**6), name=f"s{number}")
        at = NOON - timedelta(seconds=number)  # the last ones are the oldest
        for call in range(50):
            store.reserve(who, f"{number}-{call}", tokens(1), at)
    settler = OpenCallSettler(store, records)
    counts, _ = settler.settle(NOON + 20 * MINUTE)
    assert counts == {OpenCall.WAITING: MAX_LOOK_UPS, OpenCall.POSTPONED: excess}
    assert len(records.looked_up) == MAX_LOOK_UPS
    assert not any(name.startswith("0-") for name in records.looked_up)
    settler.settle(NOON + 60 * MINUTE)
    counts, _ = settler.settle(NOON + 60 * MINUTE)
    assert counts == {OpenCall.GIVEN_BACK: excess}
