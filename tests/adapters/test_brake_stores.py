"""The contract of every store of the brake, run on its in-memory twin and on DynamoDB (moto)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import boto3
import pytest

from lambdas.adapters.dynamodb.audit_events import DynamoDbAuditEvents, read_audit_event
from lambdas.adapters.dynamodb.brake_events import DynamoDbBrakeEvents
from lambdas.adapters.dynamodb.brake_items import query_partition
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
from lambdas.domain.audit import AuditAction, AuditedChange, AuditEventStore
from lambdas.domain.brake import (
    MAX_REACTIONS,
    BrakeDecisionStore,
    BrakeEvent,
    BrakeEventStore,
    BrakeSwitch,
    Deny,
    DenyChangedError,
    DenyState,
    DenyStore,
    ReactionWatch,
    ReleaseReason,
    describe_deny,
    describe_release,
    make_releases,
    report_denied,
    report_released,
)
from lambdas.domain.budgets.governance_table import AUDIT_EVENTS
from lambdas.domain.change_marks import BRAKE_CONTROLLER, BRAKE_WATCHDOG
from tests.brake import (
    Effects,
    InMemoryAuditEvents,
    InMemoryBrakeEvents,
    InMemoryBrakeState,
    InMemoryDenies,
)
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.unit.brake.builders import ANA_SESSION, CHAT, MIDNIGHT, MINUTE, deny

DENIED = report_denied(deny(), NOON)
RELEASED = report_released(deny(), ReleaseReason.BY_HAND, NOON + MINUTE)


@pytest.fixture(params=["in memory", "DynamoDB"])
def is_in_memory(request: pytest.FixtureRequest) -> bool:
    if request.param == "DynamoDB":
        request.getfixturevalue("aws")
        create_governance_table()
    return bool(request.param == "in memory")


@pytest.fixture
def trail(is_in_memory: bool) -> AuditEventStore:
    if is_in_memory:
        return InMemoryAuditEvents(Effects())
    return DynamoDbAuditEvents(boto3.client("dynamodb"), GOVERNANCE)


@pytest.fixture
def denies(trail: AuditEventStore) -> DenyStore:
    if isinstance(trail, InMemoryAuditEvents):
        return InMemoryDenies(Effects(), trail)
    return DynamoDbDenies(boto3.client("dynamodb"), GOVERNANCE)


@pytest.fixture
def state(trail: AuditEventStore) -> BrakeDecisionStore:
    if isinstance(trail, InMemoryAuditEvents):
        return InMemoryBrakeState()
    return DynamoDbBrakeState(boto3.client("dynamodb"), GOVERNANCE)


@pytest.fixture
def events(is_in_memory: bool) -> BrakeEventStore:
    if is_in_memory:
        return InMemoryBrakeEvents(Effects())
    return DynamoDbBrakeEvents(boto3.client("dynamodb"), GOVERNANCE)


@pytest.fixture
def read_recorded(trail: AuditEventStore) -> Callable[[], list[AuditedChange]]:
    """Reads changes that are stored for the audit trail, in the order of their times."""

    def read() -> list[AuditedChange]:
        if isinstance(trail, InMemoryAuditEvents):
            found = list(trail.changes.values())
        else:
            items = query_partition(boto3.client("dynamodb"), GOVERNANCE, AUDIT_EVENTS)
            plain = [{name: value.get("S") for name, value in item.items()} for item in items]
            found = [
                read_audit_event(item, source=str(item["sk"]), changed_at=NOON) for item in plain
            ]
        return sorted(found, key=lambda change: change.changed_at)

    return read


def decide(decided: Deny) -> AuditedChange | None:
    return describe_deny(None, decided, at=NOON, by=BRAKE_CONTROLLER)


def end(ended: Deny, at: datetime = NOON + MINUTE) -> AuditedChange:
    return describe_release(ended.target, ended, at=at, by=BRAKE_CONTROLLER)


def test_a_deny_is_stored_until_it_is_deleted(denies: DenyStore) -> None:
    assert denies.list_denies() == []
    written = denies.write(deny(), None)
    assert written == deny()
    assert list(denies.list_denies()) == [written]
    assert [each.revision for each in denies.list_denies()] == [written.revision]
    denies.delete(written, end(written))
    assert denies.list_denies() == []


def test_a_deny_is_read_as_it_was_written(denies: DenyStore) -> None:
    full = deny(
        target=ANA_SESSION,
        state=DenyState.RELEASING,
        attached_at=NOON + timedelta(microseconds=7),
        taken_off=2,
        contested_at=NOON + MINUTE,
        release=ReleaseReason.BY_HAND,
        watch=ReactionWatch(NOON, NOON + MINUTE, 17),
    )
    written = denies.write(full, None)
    assert (written, written.revision) == (full, 1)
    assert list(denies.list_denies()) == [written]


def test_a_deny_has_one_item_for_its_target(denies: DenyStore) -> None:
    first = denies.write(deny(), None)
    denies.write(deny(target=ANA_SESSION), None)
    denies.write(deny(target=CHAT), None)
    denied = replace(first, state=DenyState.DENIED)
    denies.write(denied, None)
    assert {each.target.arn: each.state for each in denies.list_denies()} == {
        ANA_SESSION.arn: DenyState.ATTACHING,
        CHAT.arn: DenyState.ATTACHING,
        denied.target.arn: DenyState.DENIED,
    }


def test_of_two_writers_of_a_deny_one_succeeds(denies: DenyStore) -> None:
    first = denies.write(deny(), None)
    second = denies.write(replace(first, state=DenyState.DENIED), None)
    for stale in (deny(), first):
        with pytest.raises(DenyChangedError):
            denies.write(replace(stale, state=DenyState.CONTESTED), None)
    with pytest.raises(DenyChangedError):
        denies.delete(first, end(first))
    assert list(denies.list_denies()) == [second]


def test_a_later_deny_of_a_caller_is_not_changed_by_a_run_that_holds_an_earlier_one(
    denies: DenyStore,
) -> None:
    """Revisions begin again with each deny, so the second one had the revision of the first."""
    old = denies.write(denies.write(deny(), None), None)
    denies.delete(old, None)
    new = denies.write(denies.write(deny(), None), None)
    assert new.revision == old.revision
    assert new.id != old.id  # also if both were decided at the same time
    with pytest.raises(DenyChangedError):
        denies.write(replace(old, state=DenyState.DENIED), None)
    with pytest.raises(DenyChangedError):
        denies.delete(old, None)
    assert [each.id for each in denies.list_denies()] == [new.id]


def test_a_deny_that_is_not_there_is_deleted_and_cannot_be_replaced(denies: DenyStore) -> None:
    written = denies.write(deny(), None)
    for _ in range(2):
        denies.delete(written, end(written))
    with pytest.raises(DenyChangedError):
        denies.write(written, None)
    assert denies.write(deny(), None).revision == 1


def test_a_deny_or_a_release_is_stored_in_one_step_with_its_change(
    denies: DenyStore, read_recorded: Callable[[], list[AuditedChange]]
) -> None:
    written = denies.write(deny(), decide(deny()))
    denies.delete(written, end(written))
    assert read_recorded() == [decide(deny()), end(written)]


def test_what_another_writer_has_stored_meanwhile_is_recorded_once(
    denies: DenyStore, read_recorded: Callable[[], list[AuditedChange]]
) -> None:
    written = denies.write(deny(), decide(deny()))
    with pytest.raises(DenyChangedError):
        denies.write(deny(), describe_deny(None, deny(), at=MIDNIGHT, by=BRAKE_CONTROLLER))
    for minutes in (1, 2):
        denies.delete(written, end(written, NOON + minutes * MINUTE))
    assert [each.action for each in read_recorded()] == [AuditAction.DENY, AuditAction.RELEASE]


def test_a_change_that_no_deny_is_stored_for_is_recorded_once(
    trail: AuditEventStore, read_recorded: Callable[[], list[AuditedChange]]
) -> None:
    change = describe_release(CHAT, None, at=NOON, by=BRAKE_WATCHDOG)
    for _ in range(2):
        trail.add(change)
    assert read_recorded() == [change]


def test_the_brake_is_off_until_it_is_switched_on(state: BrakeDecisionStore) -> None:
    assert not state.read_switch().is_on
    for is_on in (True, False):
        switch = BrakeSwitch(is_on=is_on, by="arn:aws:iam::111122223333:user/ops", at=NOON)
        state.write_switch(switch)
        assert state.read_switch() == switch
    with pytest.raises(ValueError, match="switch"):
        state.write_switch(BrakeSwitch(is_on=True))


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
    first, second = deny(), deny(decided_at=NOON + MINUTE)
    for seconds in (30, 99):
        state.add_reaction(first.id, timedelta(seconds=seconds))
    state.add_reaction(second.id, timedelta(seconds=20, microseconds=5))
    assert list(state.read_reactions()) == [
        timedelta(seconds=30),
        timedelta(seconds=20, microseconds=5),
    ]


def test_the_last_reaction_times_are_kept(state: BrakeDecisionStore) -> None:
    for number in range(MAX_REACTIONS + 5):
        decided = deny(decided_at=NOON + number * MINUTE)
        state.add_reaction(decided.id, timedelta(seconds=number))
    assert list(state.read_reactions()) == [
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
    events.release(DENIED.id)
    assert list_ids(events) == []
