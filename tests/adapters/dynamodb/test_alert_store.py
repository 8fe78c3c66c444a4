"""The contract of every store of budgets' alerts, run on each of them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.alert_store import (
    ALERT_RETENTION,
    NOTE_RETENTION,
    DynamoDbAlertStore,
)
from lambdas.domain.budgets import DayPeriods, PeriodRule, RollingHours
from lambdas.domain.budgets.budget_alerts import (
    CLAIM,
    HOLD,
    AlertKey,
    AlertState,
    AlertStore,
    BudgetAlert,
    DeliveryWay,
    LastAlert,
    ThresholdKind,
)
from tests.budget_store import GOVERNANCE, InMemoryAlertStore, create_governance_table
from tests.builders import ANA, BEN, NOON

DAILY, HOUR = DayPeriods("UTC"), timedelta(hours=1)


@pytest.fixture(params=["in memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Iterator[AlertStore]:
    if request.param == "in memory":
        yield InMemoryAlertStore()
        return
    request.getfixturevalue("aws")
    create_governance_table()
    yield DynamoDbAlertStore(boto3.client("dynamodb"), GOVERNANCE)


def alert(at: datetime = NOON, rule: PeriodRule = DAILY, **changes: Any) -> BudgetAlert:
    """An alert of a threshold of 80 %, but for the changes."""
    key = AlertKey("chat", 1, "", ThresholdKind.ACTUAL, Decimal(80), rule.period_at(at), 400)
    return BudgetAlert(key._replace(**changes), {"amount": {"used": "400"}})


def test_a_new_alert_is_due_until_it_is_sent(store: AlertStore) -> None:
    first = alert()
    assert store.add_due(first)
    assert list(store.list_due()) == [first]
    store.mark_sent(first.key, NOON)
    assert list(store.list_due()) == []
    (kept,) = store.list_alerts("chat", 1)
    assert kept == BudgetAlert(first.key, first.detail, AlertState.SENT)


def test_a_threshold_alerts_once_a_period(store: AlertStore) -> None:
    assert store.add_due(alert())
    assert not store.add_due(alert(NOON + HOUR))
    store.mark_sent(alert().key, NOON)
    assert not store.add_due(alert(NOON + 2 * HOUR))
    assert list(store.list_due()) == []


def test_a_threshold_alerts_again_in_the_next_period(store: AlertStore) -> None:
    assert store.add_due(alert())
    following = alert(NOON + timedelta(days=1))
    assert store.add_due(following)
    assert list(store.list_due()) == [alert(), following]


def test_an_evaluation_that_comes_late_does_not_alert_for_an_earlier_period(
    store: AlertStore,
) -> None:
    assert store.add_due(alert(NOON + timedelta(days=1)))
    assert not store.add_due(alert(NOON))


@pytest.mark.parametrize(
    "changes",
    [
        {"percent": Decimal(100)},
        {"kind": ThresholdKind.FORECAST},
        {"value": ANA},
        {"generation": 2},
        {"budget": "search"},
    ],
)
def test_another_threshold_value_generation_or_budget_alerts_for_itself(
    store: AlertStore, changes: dict[str, Any]
) -> None:
    assert store.add_due(alert())
    assert store.add_due(alert(**changes))
    assert len(list(store.list_due())) == 2


def test_a_threshold_alerts_again_at_a_higher_level_alone(store: AlertStore) -> None:
    levels = [
        level for level in (400, 400, 399, 401, 400, 500) if store.add_due(alert(level=level))
    ]
    assert levels == [400, 401, 500]
    assert len({due.key.id for due in store.list_due()}) == 3
    store.mark_sent(alert(level=401).key, NOON)
    assert {due.key.level for due in store.list_due()} == {400, 500}
    (last,) = store.read_alerted("chat", 1).values()
    assert last.level == 500
    tomorrow = alert(NOON + timedelta(days=1), level=300)
    assert tomorrow.key.is_new(store.read_alerted("chat", 1))
    assert store.add_due(tomorrow)


def test_a_moving_window_alerts_once_in_its_length(store: AlertStore) -> None:
    window = RollingHours(24)
    at_noon = alert(NOON, window)
    assert store.add_due(at_noon)
    stored = [hours for hours in range(1, 50) if store.add_due(alert(NOON + hours * HOUR, window))]
    assert stored == [24, 48]


def test_marking_twice_is_safe(store: AlertStore) -> None:
    assert store.add_due(alert())
    for _ in range(2):
        store.mark_sent(alert().key, NOON)
    (kept,) = store.list_alerts("chat", 1)
    assert kept.state is AlertState.SENT


def test_the_last_alert_of_each_threshold_is_known(store: AlertStore) -> None:
    assert store.read_alerted("chat", 1) == {}
    days = [alert(), alert(NOON + timedelta(days=1)), alert(value=ANA)]
    for each in (*days, alert(generation=2), alert(budget="search")):
        assert store.add_due(each)
    first, second, other = (each.key for each in days)
    assert first.threshold_id == second.threshold_id
    assert store.read_alerted("chat", 1) == {
        second.threshold_id: LastAlert(second.period.end, 400),
        other.threshold_id: LastAlert(other.period.end, 400),
    }


def test_one_run_at_a_time_claims_an_alert(store: AlertStore) -> None:
    key = alert().key
    store.add_due(alert())
    assert store.claim(key, NOON)
    assert not store.claim(key, NOON + CLAIM - timedelta(seconds=1))
    assert store.claim(key, NOON + CLAIM)
    store.postpone(key, NOON + 2 * CLAIM, {DeliveryWay.EVENT})
    assert not store.claim(key, NOON + 2 * CLAIM - timedelta(seconds=1))
    assert store.claim(key, NOON + 2 * CLAIM)
    (due,) = store.list_due()
    assert due.delivered == {DeliveryWay.EVENT}
    store.mark_sent(key, NOON)
    assert not store.claim(key, NOON + 3 * CLAIM)
    assert list(store.list_due()) == []


def test_a_held_alert_is_due_and_claimed_once_it_has_its_details_or_the_time_is_over(
    store: AlertStore,
) -> None:
    detailed, forgotten = alert(), alert(budget="search")
    for each in (detailed, forgotten):
        assert store.add_due(each, NOON + HOLD)
    assert list(store.list_due()) == [detailed, forgotten]
    assert not store.claim(detailed.key, NOON + HOLD - timedelta(seconds=1))
    with_details = replace(detailed, detail={"drivers": []})
    store.add_details(with_details, NOON + HOLD)
    assert store.claim(detailed.key, NOON)
    assert store.claim(forgotten.key, NOON + HOLD)
    assert list(store.list_due()) == [with_details, forgotten]
    assert list(store.list_alerts("chat", 1)) == [with_details]


def test_details_that_come_late_change_no_alert_that_another_run_sends(store: AlertStore) -> None:
    first = alert()
    store.add_due(first, NOON + HOLD)
    assert store.claim(first.key, NOON + HOLD)
    late = replace(first, detail={"drivers": []})
    store.add_details(late, NOON + HOLD)
    assert not store.claim(first.key, NOON + HOLD)
    store.mark_sent(first.key, NOON + HOLD)
    store.add_details(late, NOON + HOLD)
    assert list(store.list_due()) == []
    (kept,) = store.list_alerts("chat", 1)
    assert kept.detail == first.detail


def test_an_alert_that_was_sent_meanwhile_is_not_postponed(store: AlertStore) -> None:
    store.add_due(alert())
    assert store.claim(alert().key, NOON)
    store.mark_sent(alert().key, NOON)
    store.postpone(alert().key, NOON, ())
    assert list(store.list_due()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"content": {"S": "{"}},
        {"content": {"S": "[]"}},
        {"content": {"S": '{"budget": "chat"}'}},
        {"state": {"S": "paused"}},
    ],
)
def test_an_alert_that_cannot_be_read_hides_no_other(aws: None, changes: Any) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    store = DynamoDbAlertStore(client, GOVERNANCE)
    for budget in ("chat", "search"):
        store.add_due(alert(budget=budget))
    items = client.scan(TableName=GOVERNANCE)["Items"]
    (item,) = (each for each in items if each["sk"]["S"].startswith("chat#"))
    client.put_item(TableName=GOVERNANCE, Item=item | changes)
    assert [due.key.budget for due in store.list_due()] == ["search"]
    assert list(store.list_unreadable()) == [alert().key.id]


def test_alerts_of_values_are_kept_apart(store: AlertStore) -> None:
    for value in (ANA, BEN, "a#b"):
        assert store.add_due(alert(value=value))
    store.mark_sent(alert(value=ANA).key, NOON)
    assert {due.key.value for due in store.list_due()} == {BEN, "a#b"}
    assert len(list(store.list_alerts("chat", 1))) == 3


def test_values_longer_than_a_sort_key_alert_for_themselves(store: AlertStore) -> None:
    values = {"\U00020000" * 256, "\U00020000" * 255}
    for value in values:
        assert store.add_due(alert(value=value))
        assert not store.add_due(alert(value=value))
    assert {due.key.value for due in store.list_due()} == values
    assert len(store.read_alerted("chat", 1)) == 2


def test_a_conflict_with_another_writer_is_an_error_that_is_tried_again(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = boto3.client("dynamodb")

    def refuse(**_: Any) -> None:
        response: Any = {
            "Error": {"Code": "TransactionCanceledException"},
            "CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}],
        }
        raise ClientError(response, "TransactWriteItems")

    monkeypatch.setattr(client, "transact_write_items", refuse)
    with pytest.raises(ClientError):
        DynamoDbAlertStore(client, GOVERNANCE).add_due(alert())


def test_only_pointers_to_due_alerts_never_expire(aws: None) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    DynamoDbAlertStore(client, GOVERNANCE).add_due(alert())
    items = client.scan(TableName=GOVERNANCE)["Items"]
    lasting = [item["pk"]["S"] for item in items if "expires_at" not in item]
    assert lasting == ["due-alerts"]
    assert len(items) == 3


def test_notes_of_last_alerts_expire_soon_after_their_periods_and_alerts_do_not(aws: None) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    DynamoDbAlertStore(client, GOVERNANCE).add_due(alert())
    end = alert().key.period.end.timestamp()
    kept = {
        item["sk"]["S"].startswith("last#"): float(item["expires_at"]["N"]) - end
        for item in client.scan(TableName=GOVERNANCE)["Items"]
        if "expires_at" in item
    }
    assert kept == {
        True: NOTE_RETENTION.total_seconds(),
        False: ALERT_RETENTION.total_seconds(),
    }
