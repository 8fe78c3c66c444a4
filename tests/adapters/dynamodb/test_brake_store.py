"""The contract of the stores of the brake, run on each of them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.brake_events import DynamoDbBrakeEvents
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
from lambdas.domain.brake import (
    MAX_REACTIONS,
    BrakeEventStore,
    BrakeStateStore,
    BrakeSwitch,
    CauseKey,
    Deny,
    DenyCause,
    DenyChangedError,
    DenyState,
    DenyStore,
    PrincipalKind,
    PrincipalTarget,
    ReactionWatch,
    ReleaseReason,
    SessionTarget,
    make_releases,
    report_denied,
)
from lambdas.domain.budgets import BudgetAmount, BudgetUnit, DayPeriods
from tests.brake import (
    ACCOUNT,
    Effects,
    InMemoryBrakeEvents,
    InMemoryBrakeState,
    InMemoryDenies,
)
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON

APP = PrincipalTarget("aws", ACCOUNT, PrincipalKind.ROLE, "app")
CARL = PrincipalTarget("aws", ACCOUNT, PrincipalKind.USER, "carl")
ANA = SessionTarget(APP, "ana@example.com")
PERIOD = DayPeriods("UTC").period_at(NOON)
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["in memory", "dynamodb"])
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "dynamodb":
        request.getfixturevalue("aws")
        create_governance_table()
    name: str = request.param
    return name


@pytest.fixture
def denies(kind: str) -> DenyStore:
    if kind == "in memory":
        return InMemoryDenies(Effects())
    return DynamoDbDenies(boto3.client("dynamodb"), GOVERNANCE)


@pytest.fixture
def state(kind: str) -> BrakeStateStore:
    if kind == "in memory":
        return InMemoryBrakeState()
    return DynamoDbBrakeState(boto3.client("dynamodb"), GOVERNANCE)


@pytest.fixture
def events(kind: str) -> BrakeEventStore:
    if kind == "in memory":
        return InMemoryBrakeEvents(Effects())
    return DynamoDbBrakeEvents(boto3.client("dynamodb"), GOVERNANCE)


def deny(target: PrincipalTarget | SessionTarget = APP, **changes: Any) -> Deny:
    amount = BudgetAmount(BudgetUnit.USD, 5 * 10**12)
    cause = DenyCause(CauseKey("chat", 3, "", PERIOD), PERIOD.end, amount, 4 * 10**12, 10**12)
    return replace(Deny(target=target, causes=(cause,), decided_at=NOON), **changes)


def test_a_deny_is_read_as_it_was_written(denies: DenyStore) -> None:
    plain = denies.write(deny())
    full = denies.write(
        deny(
            ANA,
            state=DenyState.RELEASING,
            attached_at=NOON + timedelta(microseconds=7),
            taken_off=2,
            release=ReleaseReason.BY_HAND,
            watch=ReactionWatch(NOON, NOON + MINUTE, 17),
        )
    )
    found = {each.target: each for each in denies.list_denies()}
    assert found == {APP: plain, ANA: full}
    assert {each.revision for each in found.values()} == {1}


def test_a_deny_that_another_run_has_written_is_not_overwritten(denies: DenyStore) -> None:
    first = denies.write(deny())
    second = denies.write(replace(first, state=DenyState.DENIED))
    for stale in (deny(), first):
        with pytest.raises(DenyChangedError):
            denies.write(replace(stale, state=DenyState.CONTESTED))
    with pytest.raises(DenyChangedError):
        denies.delete(first)
    assert list(denies.list_denies()) == [second]


def test_a_deleted_deny_cannot_come_back_by_an_old_write(denies: DenyStore) -> None:
    first = denies.write(deny())
    denies.delete(first)
    denies.delete(first)
    assert list(denies.list_denies()) == []
    with pytest.raises(DenyChangedError):
        denies.write(first)
    assert denies.write(deny()).revision == 1


@pytest.mark.parametrize(
    "content", [None, {"S": "{"}, {"S": "[]"}, {"S": '{"target": {"kind": "group"}}'}]
)
def test_a_deny_that_cannot_be_read_is_left_out_and_replaced(aws: None, content: Any) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    store = DynamoDbDenies(client, GOVERNANCE)
    kept = store.write(deny(CARL))
    item = {"pk": {"S": "brake-denies"}, "sk": {"S": APP.arn}}
    client.put_item(
        TableName=GOVERNANCE, Item=item | ({} if content is None else {"content": content})
    )
    assert list(store.list_denies()) == [kept]
    replaced = store.write(deny())
    assert {each.target for each in store.list_denies()} == {APP, CARL}
    assert replaced.revision == 1


def test_the_switch_is_off_until_someone_sets_it(state: BrakeStateStore) -> None:
    assert state.read_switch() == BrakeSwitch()


def test_the_switch_names_who_set_it(aws: None) -> None:
    create_governance_table()
    state = DynamoDbBrakeState(boto3.client("dynamodb"), GOVERNANCE)
    for is_on in (True, False):
        switch = BrakeSwitch(is_on, "arn:aws:iam::111122223333:user/ops", NOON)
        state.write_switch(switch)
        assert state.read_switch() == switch
    with pytest.raises(ValueError, match="no time"):
        state.write_switch(BrakeSwitch(is_on=True))


def test_a_release_replaces_an_earlier_one_for_the_same_sum(aws: None) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    state = DynamoDbBrakeState(client, GOVERNANCE)
    (first,) = make_releases(deny(), by="ops", at=NOON, until=NOON + MINUTE)
    (second,) = make_releases(deny(), by="ops", at=NOON + MINUTE, until=None)
    (other,) = make_releases(deny(ANA), by="ops", at=NOON, until=None)
    for release in (first, second, other):
        state.add_release(release)
    assert sorted(state.list_releases(), key=lambda release: release.target_arn) == [second, other]
    items = client.scan(TableName=GOVERNANCE)["Items"]
    expiries = {datetime.fromtimestamp(int(item["expires_at"]["N"]), NOON.tzinfo) for item in items}
    assert expiries == {PERIOD.end + timedelta(days=2)}


def test_a_release_that_cannot_be_read_hides_no_other(aws: None) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    state = DynamoDbBrakeState(client, GOVERNANCE)
    (release,) = make_releases(deny(), by="ops", at=NOON, until=None)
    state.add_release(release)
    item = {"pk": {"S": "brake-releases"}, "sk": {"S": "x"}, "content": {"S": "{}"}}
    client.put_item(TableName=GOVERNANCE, Item=item)
    assert list(state.list_releases()) == [release]


def test_the_reaction_time_of_a_deny_counts_once(state: BrakeStateStore) -> None:
    assert list(state.read_reactions()) == []
    for seconds in (41, 99):
        state.add_reaction(deny().id, timedelta(seconds=seconds, microseconds=5))
    assert list(state.read_reactions()) == [timedelta(seconds=41, microseconds=5)]


def test_the_last_reaction_times_are_kept(state: BrakeStateStore) -> None:
    for number in range(MAX_REACTIONS + 3):
        decided = deny(decided_at=NOON + number * MINUTE)
        state.add_reaction(decided.id, timedelta(seconds=number))
    kept = list(state.read_reactions())
    assert kept == [timedelta(seconds=number) for number in range(3, MAX_REACTIONS + 3)]


def test_reaction_times_before_the_last_ones_are_deleted(aws: None) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    state = DynamoDbBrakeState(client, GOVERNANCE)
    for number in range(MAX_REACTIONS + 3):
        state.add_reaction(deny(decided_at=NOON + number * MINUTE).id, MINUTE)
    assert client.scan(TableName=GOVERNANCE)["Count"] == MAX_REACTIONS


def test_an_event_is_due_once_until_it_is_sent(events: BrakeEventStore) -> None:
    later = report_denied(deny(CARL), NOON + MINUTE)
    first = report_denied(deny(), NOON)
    for event in (later, first):
        assert events.add_due(event)
        assert not events.add_due(event)
    assert list(events.list_due()) == [first, later]
    for _ in range(2):
        events.mark_sent(first.id, NOON)
    assert list(events.list_due()) == [later]
    assert not events.add_due(first)


def test_one_run_at_a_time_claims_an_event(events: BrakeEventStore) -> None:
    event = report_denied(deny(), NOON)
    events.add_due(event)
    assert events.claim(event.id, NOON)
    assert not events.claim(event.id, NOON + 9 * MINUTE)
    assert events.claim(event.id, NOON + 10 * MINUTE)
    events.release(event.id)
    assert events.claim(event.id, NOON + 10 * MINUTE)
    events.mark_sent(event.id, NOON)
    events.release(event.id)
    assert not events.claim(event.id, NOON + 60 * MINUTE)
    assert list(events.list_due()) == []


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_an_event_that_cannot_be_read_hides_no_other(aws: None, content: str) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    events = DynamoDbBrakeEvents(client, GOVERNANCE)
    event = report_denied(deny(), NOON)
    events.add_due(event)
    item = {"pk": {"S": "due-brake-events"}, "sk": {"S": "x"}, "detail": {"S": content}}
    client.put_item(TableName=GOVERNANCE, Item=item)
    assert list(events.list_due()) == [event]


def test_events_expire_after_the_longest_period(aws: None) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    DynamoDbBrakeEvents(client, GOVERNANCE).add_due(report_denied(deny(), NOON))
    items = {item["pk"]["S"]: item for item in client.scan(TableName=GOVERNANCE)["Items"]}
    assert set(items) == {"brake-events", "due-brake-events"}
    expires_at = int(items["brake-events"]["expires_at"]["N"])
    assert expires_at == round((NOON + timedelta(days=40)).timestamp())
    assert "expires_at" not in items["due-brake-events"]


def test_a_switch_that_someone_wrote_by_hand_and_that_cannot_be_read_is_off(aws: None) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    item = {"pk": {"S": "brake"}, "sk": {"S": "switch"}, "is_on": {"BOOL": True}}
    client.put_item(TableName=GOVERNANCE, Item=item)
    assert DynamoDbBrakeState(client, GOVERNANCE).read_switch() == BrakeSwitch()
