"""The contract of the alerts of credits, in memory and on DynamoDB (moto)."""

from dataclasses import replace
from datetime import timedelta

import boto3
import pytest

from lambdas.adapters.dynamodb.brake_items import make_item_key
from lambdas.adapters.dynamodb.credit_alert_store import DynamoDbCreditAlerts
from lambdas.domain.budgets import digest_value
from lambdas.domain.budgets.budget_alerts import CLAIM, DeliveryWay
from lambdas.domain.budgets.governance_table import CREDIT_ALERTS
from lambdas.domain.credits import CreditAlert, CreditLevel
from lambdas.domain.credits.alerts import CreditAlertStore, StoredCreditAlert
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.credit_alerts import InMemoryCreditAlerts

KEY = '{"project":["chat"]}'
LOW = StoredCreditAlert(
    alert=CreditAlert(KEY, CreditLevel.LOW, NOON, 3), detail={"id": "evt_1", "level": "low"}
)
WORSE = CreditAlert(KEY, CreditLevel.EXHAUSTED, NOON + timedelta(hours=1), 0)


@pytest.fixture(params=["in memory", "DynamoDB"])
def alerts(request: pytest.FixtureRequest) -> CreditAlertStore:
    if request.param == "in memory":
        return InMemoryCreditAlerts()
    request.getfixturevalue("aws")
    create_governance_table()
    return DynamoDbCreditAlerts(boto3.client("dynamodb"), GOVERNANCE)


def read(alerts: CreditAlertStore) -> StoredCreditAlert:
    (stored,) = alerts.list_alerts()
    return stored


def test_an_alert_is_read_as_it_was_written(alerts: CreditAlertStore) -> None:
    assert alerts.list_alerts() == []
    assert alerts.write(LOW)
    assert read(alerts) == replace(LOW, version=1)


def test_of_two_writers_one_wins(alerts: CreditAlertStore) -> None:
    assert alerts.write(LOW)
    assert not alerts.write(replace(LOW, detail={"id": "evt_2"}))
    before = read(alerts)
    assert alerts.write(replace(before, alert=WORSE, detail={"id": "evt_3"}))
    assert not alerts.write(replace(before, detail={"id": "evt_4"}))
    assert not alerts.remove(before)
    assert read(alerts).detail == {"id": "evt_3"}
    assert alerts.remove(read(alerts))
    assert alerts.list_alerts() == []


def test_one_run_claims_an_alert_for_a_time(alerts: CreditAlertStore) -> None:
    alerts.write(LOW)
    stored = read(alerts)
    assert alerts.claim(stored, NOON)
    assert not alerts.claim(stored, NOON + CLAIM - timedelta(seconds=1))
    assert alerts.claim(stored, NOON + CLAIM)


def test_an_alert_that_was_sent_meanwhile_is_not_claimed(alerts: CreditAlertStore) -> None:
    alerts.write(LOW)
    stored = read(alerts)
    assert alerts.claim(stored, NOON)
    alerts.mark_sent(stored)
    assert not alerts.claim(stored, NOON + 2 * CLAIM)
    assert read(alerts).alert.is_sent


def test_a_postponed_alert_notes_who_has_taken_it(alerts: CreditAlertStore) -> None:
    alerts.write(LOW)
    stored = read(alerts)
    alerts.claim(stored, NOON)
    alerts.postpone(stored, NOON + timedelta(minutes=2), {DeliveryWay.MESSAGE})
    stored = read(alerts)
    assert stored.delivered == {DeliveryWay.MESSAGE}
    assert not alerts.claim(stored, NOON + timedelta(minutes=1))
    assert alerts.claim(stored, NOON + timedelta(minutes=2))


def test_a_worse_alert_is_not_marked_by_the_run_that_sent_the_one_before(
    alerts: CreditAlertStore,
) -> None:
    alerts.write(LOW)
    before = read(alerts)
    alerts.claim(before, NOON)
    alerts.write(replace(before, alert=WORSE, detail={"id": "evt_2"}))
    alerts.mark_sent(before)
    alerts.postpone(before, NOON + CLAIM, {DeliveryWay.EVENT})
    found = read(alerts)
    assert (found.alert, found.delivered) == (WORSE, frozenset())
    assert alerts.claim(found, NOON)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"key": "a", "level": "AWFUL"}'])
def test_an_item_that_cannot_be_read_is_removed(aws: None, content: str) -> None:
    client = boto3.client("dynamodb")
    create_governance_table()
    alerts = DynamoDbCreditAlerts(client, GOVERNANCE)
    key = digest_value(KEY)
    client.put_item(
        TableName=GOVERNANCE,
        Item={**make_item_key(CREDIT_ALERTS, key), "content": {"S": content}},
    )
    assert alerts.list_alerts() == []
    assert not alerts.write(LOW)
    assert alerts.remove_unreadable() == [key]
    assert alerts.remove_unreadable() == []
    assert alerts.write(LOW)


def test_an_alert_under_the_key_of_another_scope_cannot_be_read(aws: None) -> None:
    client = boto3.client("dynamodb")
    create_governance_table()
    alerts = DynamoDbCreditAlerts(client, GOVERNANCE)
    alerts.write(LOW)
    (item,) = client.scan(TableName=GOVERNANCE)["Items"]
    client.put_item(TableName=GOVERNANCE, Item={**item, **make_item_key(CREDIT_ALERTS, "other")})
    assert alerts.remove_unreadable() == ["other"]
    assert read(alerts).alert.key == KEY
