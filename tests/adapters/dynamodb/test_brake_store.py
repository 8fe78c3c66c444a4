"""The stores of the brake in DynamoDB (moto); `test_brake_stores.py` has their contract."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.brake_events import DynamoDbBrakeEvents
from lambdas.adapters.dynamodb.brake_items import query_partition
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
from lambdas.domain.brake import (
    MAX_REACTIONS,
    BrakeSwitch,
    CauseKey,
    Deny,
    DenyCause,
    PrincipalKind,
    PrincipalTarget,
    SessionTarget,
    make_releases,
    report_denied,
)
from lambdas.domain.budgets import BudgetAmount, BudgetUnit, DayPeriods
from tests.brake import ACCOUNT
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON

APP = PrincipalTarget("aws", ACCOUNT, PrincipalKind.ROLE, "app")
CARL = PrincipalTarget("aws", ACCOUNT, PrincipalKind.USER, "carl")
ANA = SessionTarget(APP, "ana@example.com")
PERIOD = DayPeriods("UTC").period_at(NOON)
MINUTE = timedelta(minutes=1)


def deny(target: PrincipalTarget | SessionTarget = APP, **changes: Any) -> Deny:
    amount = BudgetAmount(BudgetUnit.USD, 5 * 10**12)
    cause = DenyCause(CauseKey("chat", 3, "", PERIOD), PERIOD.end, amount, 4 * 10**12, 10**12)
    return replace(Deny(target=target, causes=(cause,), decided_at=NOON), **changes)


def test_a_deny_of_an_earlier_version_has_no_token_and_is_written_and_deleted(aws: None) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    store = DynamoDbDenies(client, GOVERNANCE)
    store.write(deny(), None)
    item = {"pk": {"S": "brake-denies"}, "sk": {"S": APP.arn}}
    client.update_item(TableName=GOVERNANCE, Key=item, UpdateExpression="REMOVE deny_token")
    (before,) = store.list_denies()
    assert before.id == f"{APP.arn}#{NOON:%Y-%m-%dT%H:%M:%S.%fZ}"
    written = store.write(replace(before, taken_off=1), None)
    assert list(store.list_denies()) == [written]
    store.delete(written, None)
    assert list(store.list_denies()) == []


@pytest.mark.parametrize(
    "content", [None, {"S": "{"}, {"S": "[]"}, {"S": '{"target": {"kind": "group"}}'}]
)
def test_a_deny_that_cannot_be_read_is_left_out_and_replaced(aws: None, content: Any) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    store = DynamoDbDenies(client, GOVERNANCE)
    kept = store.write(deny(CARL), None)
    item = {"pk": {"S": "brake-denies"}, "sk": {"S": APP.arn}}
    client.put_item(
        TableName=GOVERNANCE, Item=item | ({} if content is None else {"content": content})
    )
    assert list(store.list_denies()) == [kept]
    replaced = store.write(deny(), None)
    assert {each.target for each in store.list_denies()} == {APP, CARL}
    assert replaced.revision == 1


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
    items = query_partition(client, GOVERNANCE, "brake-releases")
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


def test_reaction_times_before_the_last_ones_are_deleted(aws: None) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    state = DynamoDbBrakeState(client, GOVERNANCE)
    for number in range(MAX_REACTIONS + 3):
        state.add_reaction(deny(decided_at=NOON + number * MINUTE).id, MINUTE)
    assert client.scan(TableName=GOVERNANCE)["Count"] == MAX_REACTIONS


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
    item: Any = {"pk": {"S": "brake"}, "sk": {"S": "switch"}, "is_on": {"BOOL": True}}
    client.put_item(TableName=GOVERNANCE, Item=item)
    assert DynamoDbBrakeState(client, GOVERNANCE).read_switch() == BrakeSwitch()
