"""Credits from the stream of the ledger to the message, over the tables as they are deployed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from jsonschema import Draft202012Validator

from lambdas.adapters.dynamodb.brake_items import make_item_key
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.adapters.dynamodb.credit_items import grant_item
from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore
from lambdas.adapters.dynamodb.exhausted_scopes import DynamoDbExhaustedScopes
from lambdas.domain.budgets import BudgetScope
from lambdas.domain.budgets.governance_table import CREDIT_ENTRIES, CREDIT_GRANTS
from lambdas.domain.counters import CellSpan
from lambdas.domain.credits import CreditGrant, floor_hour, grant_entry, void
from lambdas.domain.metrics.catalog import CREDIT_BALANCE, CREDIT_DELAYS, CREDIT_MISMATCH
from lambdas.functions.credit_booker import handler
from lambdas.functions.usage_counter import handler as counter
from lambdas.functions.usage_recounter import handler as recounter
from lambdas.services import recount_usage
from lambdas.services.book_credits import CreditBooker
from tests.adapters.dynamodb.test_usage_counters import COUNTERS, create_table
from tests.aws import (
    clear_caches,
    embedded_metrics,
    lambda_context,
    subscribe_queue,
    take_events,
)
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.functions.test_usage_counter import CONTEXT, NEEDED, NOW, call, change, window

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/credit-alert.schema.json").read_text())
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    create_table()
    create_governance_table()
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CREDITS", "true")
    monkeypatch.setenv("LEDGER_RETENTION_DAYS", "90")
    monkeypatch.setenv("DASHBOARD_URL", "https://console.example.com/credits")
    monkeypatch.setattr(recount_usage, "ANNOUNCEMENT", timedelta(0))


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Any:
    topic, received = subscribe_queue()
    monkeypatch.setenv("TOPIC_ARN", topic)
    return received


def store() -> DynamoDbCreditStore:
    return DynamoDbCreditStore(boto3.client("dynamodb"), GOVERNANCE)


def grant(picodollars: int, name: str = "june", created_at: datetime = NOW) -> None:
    made = CreditGrant(
        id=name,
        picodollars=picodollars,
        scope=BudgetScope(),
        effective_from=floor_hour(created_at) - HOUR,
        created_at=created_at,
    )
    booking = grant_entry(made)
    store().add_grant(booking.grants[0], booking.entry)


def count(*numbers: int) -> int:
    """Count calls; returns the cost of all calls so far."""
    clear_caches()
    answer = counter.lambda_handler(
        window(*(change(number, call(number)) for number in numbers)), CONTEXT
    )
    assert answer["batchItemFailures"] == []
    recounter.lambda_handler({}, CONTEXT)  # ends the first count
    counters = DynamoDbCounters(boto3.client("dynamodb"), COUNTERS)
    state = counters.read_state()
    assert state is not None
    cells = counters.read_cells(
        state.generation, CellSpan.HOUR, floor_hour(NOW) - HOUR, floor_hour(NOW) + 2 * HOUR
    )
    return sum(cell.totals.cost_picodollars for cell in cells)


def book() -> None:
    handler.lambda_handler({}, lambda_context())


def balance(name: str = "june") -> int:
    return store().read_book().grants[name].picodollars


def test_the_balance_falls_by_what_was_counted_to_the_picodollar(inbox: Any) -> None:
    grant(10**12)
    used = count(1, 2, 3)
    assert used > 0
    book()
    assert balance() == 10**12 - used
    book()
    assert balance() == 10**12 - used
    assert inbox() == []
    points = boto3.client("cloudwatch").get_metric_statistics(
        Namespace="BedrockMeter",
        MetricName=CREDIT_BALANCE.name,
        Dimensions=[{"Name": "CreditScope", "Value": "the account"}],
        StartTime=NOW - HOUR,
        EndTime=NOW + HOUR,
        Period=3600,
        Statistics=["Maximum"],
    )["Datapoints"]
    assert max(point["Maximum"] for point in points) == pytest.approx((10**12 - used) / 10**12)


def test_low_and_exhausted_credits_are_messages_events_and_a_scope(inbox: Any) -> None:
    events = take_events()
    used = count(1)
    grant(used + used // 10)
    book()
    used_again = count(2) - used
    assert used_again > used // 10
    book()
    book()
    low, exhausted = inbox()
    assert low["Subject"] == "Bedrock credits low: the account"
    assert exhausted["Subject"] == "Bedrock credits exhausted: the account"
    assert json.loads(low["MessageAttributes"]["event_types"]["Value"]) == ["credits.low"]
    (sent,) = json.loads(exhausted["MessageAttributes"]["events"]["Value"])
    assert sent["type"] == "credits.exhausted"
    assert [event["DetailType"] for event in events] == ["Bedrock Meter Credit Alert"] * 2
    for event in events:
        Draft202012Validator(SCHEMA).validate(json.loads(event["Detail"]))
    assert json.loads(events[1]["Detail"])["balance_usd"] == "0"
    (scope,) = DynamoDbExhaustedScopes(boto3.client("dynamodb"), GOVERNANCE).list_exhausted()
    assert scope.scope == BudgetScope()


def test_a_forged_balance_raises_the_alarm(
    inbox: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    grant(10**12)
    book()
    real = store().read_book().grants["june"]
    forged = replace(real, picodollars=10**15)
    boto3.client("dynamodb").put_item(TableName=GOVERNANCE, Item=grant_item(forged))
    clear_caches()
    capsys.readouterr()
    book()
    found = {metric.name: metric.value for metric in embedded_metrics(capsys.readouterr().out)}
    assert found[CREDIT_MISMATCH.name] == 1
    assert [vars(record).get("grant") for record in caplog.records][-1] == "june"


def test_a_grant_that_cannot_be_read_raises_the_alarm_and_denies_no_one(
    inbox: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    grant(10**12)
    key = make_item_key(CREDIT_GRANTS, "grant#june")
    boto3.client("dynamodb").put_item(TableName=GOVERNANCE, Item={**key, "content": {"S": "{"}})
    book()
    found = {metric.name: metric.value for metric in embedded_metrics(capsys.readouterr().out)}
    assert found[CREDIT_MISMATCH.name] == 1
    scopes = DynamoDbExhaustedScopes(boto3.client("dynamodb"), GOVERNANCE)
    assert (inbox(), scopes.list_exhausted()) == ([], [])


def test_an_entry_that_cannot_be_read_fails_the_run_after_booking(
    inbox: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    grant(10**12)
    used = count(1)
    key = make_item_key(CREDIT_ENTRIES, f"{NOW.isoformat(timespec='microseconds')}#bad")
    boto3.client("dynamodb").put_item(TableName=GOVERNANCE, Item={**key, "content": {"S": "{"}})
    with pytest.raises(handler.CreditRunError, match="alerts not made"):
        book()
    assert balance() == 10**12 - used


def test_booking_that_fails_stops_no_alert(
    inbox: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    grant(1)
    count(1)
    book()
    grant(10**12, "july")
    book()
    voided = void(store().read_book().grants["july"], NOW)
    assert voided is not None
    store().commit(*voided)
    forged = replace(voided.grants[0], picodollars=1)
    boto3.client("dynamodb").put_item(TableName=GOVERNANCE, Item=grant_item(forged))
    monkeypatch.setattr(CreditBooker, "book", lambda *_: 1 / 0)
    capsys.readouterr()
    with pytest.raises(handler.CreditRunError, match="usage not booked: ZeroDivisionError"):
        book()
    assert [message["Subject"] for message in inbox()] == [
        "Bedrock credits exhausted: the account"
    ] * 2
    found = {metric.name: metric.value for metric in embedded_metrics(capsys.readouterr().out)}
    assert (found[CREDIT_MISMATCH.name], found.get(CREDIT_DELAYS.name)) == (1, None)


def test_a_topic_that_is_gone_fails_the_run_and_keeps_the_alert(inbox: Any) -> None:
    take_events()
    grant(1)
    count(1)
    (topic,) = boto3.client("sns").list_topics()["Topics"]
    boto3.client("sns").delete_topic(TopicArn=topic["TopicArn"])
    with pytest.raises(handler.CreditRunError, match="alert not sent: SNS"):
        book()
    items = boto3.client("dynamodb").scan(TableName=GOVERNANCE)["Items"]
    (alert,) = (item for item in items if item["pk"]["S"] == "credit-alerts")
    assert alert["is_sent"] == {"BOOL": False}
    assert alert["delivered"] == {"L": [{"S": "event"}]}
