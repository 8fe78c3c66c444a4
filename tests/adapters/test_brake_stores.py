"""The contract of every store of the brake, run on each of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.domain.brake import (
    MAX_REACTIONS,
    BrakeDecisionStore,
    BrakeEvent,
    BrakeEventStore,
    BrakeSwitch,
    DenyChangedError,
    DenyState,
    DenyStore,
    ReleaseReason,
    make_releases,
    report_denied,
    report_released,
)
from tests.brake import Effects, InMemoryBrakeEvents, InMemoryBrakeState, InMemoryDenies
from tests.builders import NOON
from tests.unit.brake.builders import ANA_SESSION, CHAT, MIDNIGHT, MINUTE, deny

DENIED = report_denied(deny(), NOON)
RELEASED = report_released(deny(), ReleaseReason.BY_HAND, NOON + MINUTE)


@pytest.fixture(params=["in memory"])
def denies() -> DenyStore:
    return InMemoryDenies(Effects())


@pytest.fixture(params=["in memory"])
def state() -> BrakeDecisionStore:
    return InMemoryBrakeState()


@pytest.fixture(params=["in memory"])
def events() -> BrakeEventStore:
    return InMemoryBrakeEvents(Effects())


def test_a_deny_is_stored_until_it_is_deleted(denies: DenyStore) -> None:
    assert denies.list_denies() == []
    written = denies.write(deny())
    assert written == deny()
    assert list(denies.list_denies()) == [written]
    assert [each.revision for each in denies.list_denies()] == [written.revision]
    denies.delete(written)
    assert denies.list_denies() == []


def test_a_deny_has_one_item_for_its_target(denies: DenyStore) -> None:
    first = denies.write(deny())
    denies.write(deny(target=ANA_SESSION))
    denies.write(deny(target=CHAT))
    denied = replace(first, state=DenyState.DENIED)
    denies.write(denied)
    assert {each.target.arn: each.state for each in denies.list_denies()} == {
        ANA_SESSION.arn: DenyState.ATTACHING,
        CHAT.arn: DenyState.ATTACHING,
        denied.target.arn: DenyState.DENIED,
    }


def test_of_two_writers_of_a_deny_one_succeeds(denies: DenyStore) -> None:
    first = denies.write(deny())
    with pytest.raises(DenyChangedError):
        denies.write(deny())
    denies.write(first)
    with pytest.raises(DenyChangedError):
        denies.write(first)
    with pytest.raises(DenyChangedError):
        denies.delete(first)


def test_a_deny_that_is_not_there_is_deleted_and_cannot_be_replaced(denies: DenyStore) -> None:
    written = denies.write(deny())
    denies.delete(written)
    denies.delete(written)
    with pytest.raises(DenyChangedError):
        denies.write(written)


def test_the_brake_is_off_until_it_is_switched_on(state: BrakeDecisionStore) -> None:
    assert not state.read_switch().is_on
    for is_on in (True, False):
        switch = BrakeSwitch(is_on=is_on, by="arn:aws:iam::111122223333:user/ops", at=NOON)
        state.write_switch(switch)
        assert state.read_switch() == switch


def test_a_release_is_stored_once_for_a_caller_and_a_sum(state: BrakeDecisionStore) -> None:
    assert list(state.list_releases()) == []
    (first,) = make_releases(deny(), by="ops", at=NOON, until=None)
    (again,) = make_releases(deny(), by="ops", at=NOON + MINUTE, until=MIDNIGHT)
    (other,) = make_releases(deny(target=CHAT), by="ops", at=NOON, until=None)
    for release in (first, other, again):
        state.add_release(release)
    assert {release.target_arn: release for release in state.list_releases()} == {
        again.target_arn: again,
        CHAT.arn: other,
    }


def test_a_reaction_time_is_kept_once_for_a_deny(state: BrakeDecisionStore) -> None:
    assert list(state.read_reactions()) == []
    for _ in range(2):
        state.add_reaction("one", timedelta(seconds=30))
    state.add_reaction("two", timedelta(seconds=20.5))
    assert sorted(state.read_reactions()) == [timedelta(seconds=20.5), timedelta(seconds=30)]


def test_the_last_reaction_times_are_kept(state: BrakeDecisionStore) -> None:
    for number in range(MAX_REACTIONS + 5):
        state.add_reaction(str(number), timedelta(seconds=number))
    assert sorted(state.read_reactions()) == [
        timedelta(seconds=number) for number in range(5, MAX_REACTIONS + 5)
    ]


def list_ids(events: BrakeEventStore) -> list[str]:
    return [event.id for event in events.list_due()]


def test_events_are_due_in_the_order_of_their_times_until_they_are_sent(
    events: BrakeEventStore,
) -> None:
    for event in (RELEASED, DENIED):
        assert events.add_due(event)
    assert list(events.list_due()) == [DENIED, RELEASED]
    for _ in range(2):
        events.mark_sent(DENIED.id, NOON)
    assert list_ids(events) == [RELEASED.id]


def test_an_event_comes_once_whether_or_not_it_was_sent(events: BrakeEventStore) -> None:
    assert events.add_due(DENIED)
    assert not events.add_due(BrakeEvent(DENIED.id, RELEASED.detail))
    events.mark_sent(DENIED.id, NOON)
    assert not events.add_due(DENIED)
    assert list_ids(events) == []


def test_one_run_claims_an_event_until_it_gives_it_up_or_ten_minutes_have_passed(
    events: BrakeEventStore,
) -> None:
    events.add_due(DENIED)
    assert events.claim(DENIED.id, NOON)
    assert not events.claim(DENIED.id, NOON + MINUTE)
    events.release(DENIED.id)
    assert events.claim(DENIED.id, NOON + MINUTE)
    assert not events.claim(DENIED.id, NOON + 10 * MINUTE)
    assert events.claim(DENIED.id, NOON + 11 * MINUTE)
    events.mark_sent(DENIED.id, NOON)
    assert not events.claim(DENIED.id, NOON + timedelta(days=1))
