"""Budgets from the stream of the ledger to the message, over the tables as they are deployed."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.alert_store import DynamoDbAlertStore
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.counter_items import base_update, sum_update
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.domain.budgets import (
    AccumulatorKey,
    BudgetAmount,
    BudgetChanges,
    BudgetThresholds,
    BudgetUnit,
    DayPeriods,
    StoredBudget,
)
from lambdas.domain.budgets import rebuilding as rebuilding_rules
from lambdas.domain.budgets.budget_alerts import AlertKey, BudgetAlert, ThresholdKind
from lambdas.domain.counters import UsageTotals
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.runs import AFTER_COUNTING
from lambdas.functions.budget_builder import handler as builder
from lambdas.functions.budget_evaluator import handler as evaluator
from lambdas.functions.usage_counter import handler as counter
from lambdas.functions.usage_recounter import handler as recounter
from lambdas.services import build_budgets, evaluate_budgets, recount_usage
from tests.adapters.dynamodb.test_usage_counters import COUNTERS, create_table
from tests.aws import (
    clear_caches,
    embedded_metrics,
    lambda_context,
    subscribe_queue,
    take_events,
)
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import ANA, BEN
from tests.functions.test_usage_counter import CONTEXT, NEEDED, NOW, call, change, window
from tests.unit.budgets.builders import budget

LIFETIME = DayPeriods("UTC", 2, NOW.date())
"""A period that lasts while a test runs, also at midnight."""
SMALL = budget(
    "small",
    amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, 40),
    periods=LIFETIME,
    thresholds=BudgetThresholds(forecast=()),
)


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    create_table()
    create_governance_table()
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DASHBOARD_URL", "https://console.example.com/cost")
    monkeypatch.setattr(rebuilding_rules, "ANNOUNCEMENT", timedelta(0))
    monkeypatch.setattr(recount_usage, "ANNOUNCEMENT", timedelta(0))


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Any:
    topic, received = subscribe_queue()
    monkeypatch.setenv("TOPIC_ARN", topic)
    return received


def budgets() -> DynamoDbBudgetStore:
    return DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE)


def apply(*made: Any) -> None:
    budgets().write(BudgetChanges(made), budgets().read().revision)


def count(*records: UsageRecord, first: int = 1) -> None:
    """Count calls in a process that reads budgets now."""
    clear_caches()
    numbered = enumerate(records, first)
    answer = counter.lambda_handler(window(*(change(*each) for each in numbered)), CONTEXT)
    assert answer["batchItemFailures"] == []
    recounter.lambda_handler({}, CONTEXT)  # ends the first count


def build() -> None:
    for _ in range(2):  # announces, then builds
        builder.lambda_handler({}, lambda_context())


def test_usage_from_before_and_after_a_budget_is_sent_as_one_message(inbox: Any) -> None:
    events = take_events()
    count(call(1), call(2, identity_arn=BEN))
    apply(SMALL)
    build()
    count(call(3), first=3)
    for _ in range(3):
        evaluator.lambda_handler({}, lambda_context())
    (message,) = inbox()
    assert message["Subject"] == "Bedrock budget small: 100% reached"
    (event,) = events
    detail = json.loads(event["Detail"])
    assert json.loads(message["MessageAttributes"]["detail"]["Value"]) == detail
    assert detail["dashboard_url"] in message["Message"]
    assert [entry["percent"] for entry in detail["crossings"]] == ["50", "80", "100"]
    assert {driver["label"]: driver["name"] for driver in detail["drivers"]}["identity"] == ANA
    assert detail["amount"]["used"] == "45"
    assert detail["incomplete_since"] is None


def test_a_budget_that_is_building_sends_nothing(inbox: Any) -> None:
    count(call(1))
    apply(SMALL)
    builder.lambda_handler({}, lambda_context())
    evaluator.lambda_handler({}, lambda_context())
    assert inbox() == []
    assert not budgets().read().budgets["small"].is_active


def test_an_alert_that_is_not_delivered_stays_due_and_fails_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take_events()
    monkeypatch.setenv("TOPIC_ARN", "arn:aws:sns:us-east-1:111122223333:missing")
    count(call(1), call(2), call(3))
    apply(SMALL)
    build()
    with pytest.raises(evaluator.BudgetRunError, match=r"alert not sent: .*SNS"):
        evaluator.lambda_handler({}, lambda_context())
    assert list(DynamoDbAlertStore(boto3.client("dynamodb"), GOVERNANCE).list_due())


def refuse_broken_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail to read the alerts of the budget `broken`."""
    read = DynamoDbAlertStore.read_alerted

    def refuse_one(self: DynamoDbAlertStore, budget: str, generation: int) -> Any:
        if budget == "broken":
            message = "too long"
            raise ValueError(message)
        return read(self, budget, generation)

    monkeypatch.setattr(DynamoDbAlertStore, "read_alerted", refuse_one)


def test_a_budget_that_fails_fails_the_run_after_the_alerts_of_others_are_sent(
    inbox: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    take_events()
    count(call(1), call(2), call(3))
    apply(SMALL, replace(SMALL, name="broken"))
    build()
    refuse_broken_budget(monkeypatch)
    with pytest.raises(evaluator.BudgetRunError, match=r"^budget not evaluated: broken$"):
        evaluator.lambda_handler({}, lambda_context())
    assert [message["Subject"] for message in inbox()] == ["Bedrock budget small: 100% reached"]
    assert [vars(line)["budget"] for line in caplog.records if "not evaluated" in line.message] == [
        "broken"
    ]


def test_a_run_that_is_cut_off_leaves_no_earlier_alert_unsent(
    inbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_events()
    count(call(1), call(2), call(3))
    apply(SMALL)
    build()
    monkeypatch.setattr(evaluate_budgets, "HOLD", timedelta(0))

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    for method, sent in (("read_cells", []), ("read_state", ["small: 100% reached"])):
        monkeypatch.setattr(DynamoDbCounters, method, die)
        with pytest.raises(KeyboardInterrupt):
            evaluator.lambda_handler({}, lambda_context())
        assert [message["Subject"] for message in inbox()] == [
            f"Bedrock budget {subject}" for subject in sent
        ]


def test_forecasts_are_made_by_the_schedule_and_not_after_counting(
    inbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = list[str]()
    read_cells = DynamoDbCounters.read_cells

    def note(self: DynamoDbCounters, *arguments: Any) -> Any:
        requests.append("cells")
        return read_cells(self, *arguments)

    monkeypatch.setattr(DynamoDbCounters, "read_cells", note)
    count(call(1))
    apply(
        replace(
            SMALL,
            amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, 10**9),
            thresholds=BudgetThresholds((), (Decimal(100),)),
        )
    )
    build()
    requests.clear()
    evaluator.lambda_handler(AFTER_COUNTING, lambda_context())
    assert requests == []
    evaluator.lambda_handler({}, lambda_context())
    assert requests
    assert inbox() == []


def test_all_that_fails_in_a_run_is_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    take_events()
    monkeypatch.setenv("TOPIC_ARN", "arn:aws:sns:us-east-1:111122223333:missing")
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:9")
    count(call(1), call(2), call(3))
    apply(SMALL, replace(SMALL, name="broken"))
    build()
    refuse_broken_budget(monkeypatch)
    with pytest.raises(evaluator.BudgetRunError) as failed:
        evaluator.lambda_handler({}, lambda_context())
    for part in ("budget not evaluated: broken", "metrics not published: ", "alert not sent: "):
        assert part in str(failed.value)
    for line in ("A budget is not evaluated", "Metrics of budgets are not published"):
        assert line in caplog.messages


def test_an_alert_that_fails_is_logged_and_fails_the_run(
    inbox: Any, caplog: pytest.LogCaptureFixture
) -> None:
    key = AlertKey("small", 1, "", ThresholdKind.ACTUAL, Decimal(50), LIFETIME.slot_at(NOW), 20)
    DynamoDbAlertStore(boto3.client("dynamodb"), GOVERNANCE).add_due(BudgetAlert(key, {}))
    with pytest.raises(evaluator.BudgetRunError, match="alert not sent: KeyError"):
        evaluator.lambda_handler({}, lambda_context())
    assert any("are not sent" in line.message for line in caplog.records)
    assert inbox() == []


def test_a_sum_that_differs_from_cells_is_reported(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    count(call(1))
    apply(SMALL)
    build()
    capsys.readouterr()
    key = make_sum_key(budgets().read().budgets["small"])
    boto3.client("dynamodb").update_item(
        **sum_update(COUNTERS, 1, key.counter_key, UsageTotals(calls=1))
    )
    with caplog.at_level(logging.ERROR):
        builder.lambda_handler({}, lambda_context())
    (metric,) = embedded_metrics(capsys.readouterr().out)
    assert (metric.name, metric.value) == ("BudgetDrift", 1)
    (line,) = [record for record in caplog.records if "differs from cells" in record.message]
    assert vars(line)["sum"] == key.name
    assert vars(line)["accumulated"]["calls"] == vars(line)["recomputed"]["calls"] + 1


def test_a_budget_that_cannot_be_read_stops_no_counting_and_raises_the_alarm(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, inbox: Any
) -> None:
    apply(SMALL, replace(SMALL, name="other"))
    count(call(1))
    build()
    boto3.client("dynamodb").update_item(
        TableName=GOVERNANCE,
        Key={"pk": {"S": "budgets"}, "sk": {"S": "budget#other"}},
        UpdateExpression="SET #definition = :damaged",
        ExpressionAttributeNames={"#definition": "definition"},
        ExpressionAttributeValues={":damaged": {"S": "{"}},
    )
    capsys.readouterr()
    count(call(2), call(3), first=2)
    with caplog.at_level(logging.ERROR):
        builder.lambda_handler({}, lambda_context())
    metrics = {metric.name: metric.value for metric in embedded_metrics(capsys.readouterr().out)}
    assert metrics["BudgetDrift"] == 1
    assert "other" in {vars(record).get("budget") for record in caplog.records}
    evaluator.lambda_handler({}, lambda_context())
    assert [message["Subject"] for message in inbox()] == ["Bedrock budget small: 100% reached"]


def test_a_sum_is_completed_once_and_only_while_its_budget_is_building() -> None:
    apply(SMALL)
    count(call(1))
    stored = budgets().read().budgets["small"]
    key, sums = make_sum_key(stored), builder.builder().sums
    for _ in range(2):
        assert sums.write_base(1, stored, {key: UsageTotals(calls=2)})
    found = sums.read_accumulators(1, [key.name])[key.name]
    assert found.calls == 3  # the call is counted too
    changed = StoredBudget(SMALL, stored.generation + 1)
    assert not sums.write_base(1, changed, {key: UsageTotals(calls=2)})
    budgets().mark_active("small", stored.generation)
    assert not sums.write_base(1, stored, {key._replace(value=ANA): UsageTotals(calls=2)})
    assert sums.read_values(1, key.name).keys() == {""}


def test_all_values_of_a_large_budget_are_completed() -> None:
    apply(SMALL)
    stored = budgets().read().budgets["small"]
    key, sums = make_sum_key(stored), builder.builder().sums
    base = {
        key._replace(value=f"{ANA}{number}"): UsageTotals(calls=number) for number in range(1, 46)
    }
    first = key._replace(value=f"{ANA}7").counter_key
    update: Any = base_update(COUNTERS, 1, first, UsageTotals(calls=7))
    boto3.client("dynamodb").update_item(**update)  # by a run that died
    assert sums.write_base(1, stored, base)
    assert sums.read_values(1, key.name) == {each.value: totals for each, totals in base.items()}


def make_sum_key(stored: StoredBudget) -> AccumulatorKey:
    return AccumulatorKey("small", stored.generation, "", LIFETIME.slot_at(NOW))


def test_a_budget_that_builds_for_too_long_raises_an_alarm(
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(build_budgets, "MAX_BUILD_TIME", timedelta(0))
    india = replace(SMALL, name="india", periods=DayPeriods("Asia/Kolkata"))
    count(call(1))
    apply(india)
    builder.lambda_handler({}, lambda_context())  # announces it
    capsys.readouterr()
    with caplog.at_level(logging.ERROR):
        builder.lambda_handler({}, lambda_context())
    (metric,) = embedded_metrics(capsys.readouterr().out)
    assert (metric.name, metric.value) == ("UnbuiltBudgets", 1)
    (line,) = [record for record in caplog.records if "for too long" in record.message]
    assert vars(line)["budgets"] == ("india",)
