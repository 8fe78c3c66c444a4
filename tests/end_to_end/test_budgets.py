"""Budgets of each period in the local cloud: each is crossed once, and sends one message."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdk.config import stack_names
from cdk.local_cloud.cloud import open_local_cloud
from cdk.local_cloud.deployment import deploy, synthesize
from cdk.local_cloud.subscriber import Subscriber, open_subscriber
from lambdas.adapters.dynamodb.alert_store import DynamoDbAlertStore
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.domain.budgets import AccumulatorKey, BudgetChanges, StoredBudget
from lambdas.domain.counters import ANNOUNCEMENT, CellSpan
from lambdas.wiring.budgets_file import read_budgets
from tests.end_to_end.deployed import Deployed, calls, user
from tests.local_cloud.waiting import wait_for

ANA, BEN, CARA = user("ana"), user("ben"), user("cara")
PERIODS: dict[str, dict[str, Any]] = {
    "hourly": {"every": "hour"},
    "daily": {"every": "day", "time_zone": "Europe/Berlin"},
    "weekly": {"every": "week", "week_starts": "sunday", "time_zone": "America/New_York"},
    "monthly": {"every": "month", "time_zone": "Asia/Kolkata"},
    "window": {"last_hours": 24},
}
BUDGETS: dict[str, Any] = {
    "managed_by": "tests",
    "budgets": [
        {
            "name": name,
            "scope": {"identity": ANA},
            "amount": {"total_tokens": 150},
            "period": period,
            "alerts": {"actual": [50, 100]} | ({} if "last_hours" in period else {"forecast": []}),
        }
        for name, period in PERIODS.items()
    ],
}
PROMPT = BUDGETS["budgets"][1] | {"name": "prompt", "scope": {"identity": CARA}}
SECONDS_TO_AN_ALERT = 15
"""Taken high: three functions start, and each may be a new process."""


@pytest.fixture(scope="module")
def governed() -> Iterator[Deployed]:
    with open_local_cloud() as cloud:
        deploy(cloud, synthesize(cloud, {"governance": True}))
        activate(governed := Deployed(cloud))
        yield governed


@pytest.fixture
def subscriber(governed: Deployed) -> Iterator[Subscriber]:
    with open_subscriber(governed.cloud, governed.topic) as opened:
        yield opened


def activate(governed: Deployed) -> None:
    """Store budgets before the first call, so that their sums are complete from the beginning."""
    store = open_store(governed)
    written = BUDGETS | {"budgets": [*BUDGETS["budgets"], PROMPT]}
    declared = read_budgets(json.dumps(written)).budgets
    for stored in store.write(BudgetChanges(declared), store.read().revision):
        store.mark_active(stored.budget.name, stored.generation)


def stop_schedule(governed: Deployed) -> None:
    """Stop the evaluations of each minute."""
    events = governed.cloud.client("events")
    (name,) = events.list_rule_names_by_target(
        TargetArn=governed.cloud.client("lambda").get_function_configuration(
            FunctionName=governed.function_name("BudgetEvaluator")
        )["FunctionArn"]
    )["RuleNames"]
    events.disable_rule(Name=name)


def open_store(governed: Deployed) -> DynamoDbBudgetStore:
    dynamodb = governed.cloud.client("dynamodb")
    return DynamoDbBudgetStore(dynamodb, governed.bucket("GovernanceTableName"))


def open_counters(governed: Deployed) -> DynamoDbUsageCounters:
    return DynamoDbUsageCounters(
        governed.cloud.client("dynamodb"),
        governed.bucket("CounterTableName"),
        governed.bucket("LedgerTableName"),
    )


def count_tokens(
    governed: Deployed, stored: StoredBudget, record_time: datetime, value: str = ""
) -> int:
    """The tokens in a budget's sum of the slot of a time, for a value of a default budget."""
    sums = open_counters(governed)
    state = sums.read_state()
    if state is None:
        return 0
    slot = stored.budget.periods.slot_at(record_time)
    key = AccumulatorKey(stored.budget.name, stored.generation, "", slot)
    totals = sums.read_values(state.generation, key.name).get(value)
    return 0 if totals is None else totals.total_tokens


def test_each_threshold_of_each_period_is_one_message(
    governed: Deployed, subscriber: Subscriber
) -> None:
    book = open_store(governed).read().budgets
    budgets = [book[name] for name in PERIODS]
    messages = list(calls(ANA, 6))
    logged_at = read_time(messages[0])
    governed.log_calls(*messages, *messages)
    for stored in budgets:
        wait_for(lambda stored=stored: count_tokens(governed, stored, logged_at) == 90)  # type: ignore[misc]
    for _ in range(2):
        governed.start("BudgetEvaluator", {})
    assert wait_for_subjects(subscriber, 5) == {
        f"Bedrock budget {name}: 50 % reached" for name in PERIODS
    }
    governed.log_calls(*calls(ANA, 4))
    for stored in budgets:
        wait_for(lambda stored=stored: count_tokens(governed, stored, logged_at) == 150)  # type: ignore[misc]
    for _ in range(2):
        governed.start("BudgetEvaluator", {})
    subjects = wait_for_subjects(subscriber, 10)
    assert {f"Bedrock budget {name}: 100 % reached" for name in PERIODS} < subjects


def test_an_alert_is_sent_seconds_after_the_call_without_the_schedule(
    governed: Deployed, subscriber: Subscriber, capsys: pytest.CaptureFixture[str]
) -> None:
    stop_schedule(governed)
    stored = open_store(governed).read().budgets["prompt"]
    alerts = DynamoDbAlertStore(
        governed.cloud.client("dynamodb"), governed.bucket("GovernanceTableName")
    )
    start = time.monotonic()
    messages = list(calls(CARA, 10))
    logged_at = read_time(messages[0])
    governed.log_calls(*messages)
    stages = {}
    for stage, is_reached in (
        ("counter", lambda: count_tokens(governed, stored, logged_at) == 150),
        ("evaluation", lambda: any(alerts.list_alerts("prompt", stored.generation))),
        (
            "alert_sent",
            lambda: "Bedrock budget prompt: 100 % reached" in list_subjects(subscriber),
        ),
    ):
        wait_for(is_reached)
        stages[stage] = round(time.monotonic() - start, 2)
    assert stages["alert_sent"] < SECONDS_TO_AN_ALERT
    with capsys.disabled():
        print()
        for stage, seconds in stages.items():
            note = "in the local cloud, ten calls, no schedule"
            figure = {"name": f"log_event_to_{stage}", "value": seconds, "unit": "s", "note": note}
            print(json.dumps(figure))


def test_a_budget_has_the_usage_from_before_it_was_applied(
    governed: Deployed, subscriber: Subscriber
) -> None:
    messages = list(calls(BEN, 10))
    logged_at = read_time(messages[0])
    governed.log_calls(*messages)
    counters = open_counters(governed)
    wait_for(lambda: count_calls(counters, BEN, logged_at) == 10)
    end_first_count(counters)
    store = open_store(governed)
    late = BUDGETS["budgets"][1] | {"name": "late", "scope": {"identity": BEN}}
    (declared,) = read_budgets(json.dumps(BUDGETS | {"budgets": [late]})).budgets
    stored = store.write(BudgetChanges((declared,)), store.read().revision).budgets["late"]
    # As if the five minutes that the meter waits were over.
    store.announce("late", stored.generation, datetime.now(UTC) - ANNOUNCEMENT)
    for _ in range(2):
        governed.start("BudgetBuilder", {}, stack=stack_names.GOVERNANCE)
    assert store.read().budgets["late"].is_active
    assert count_tokens(governed, stored, logged_at) == 150
    governed.start("BudgetEvaluator", {})
    wait_for(lambda: "Bedrock budget late: 100 % reached" in list_subjects(subscriber))
    assert governed.health("BudgetDrift") == 0


def count_calls(counters: DynamoDbUsageCounters, identity: str, at: datetime) -> int:
    """The calls of an identity in cells of the day."""
    state = counters.read_state()
    if state is None:
        return 0
    start = at - timedelta(days=1)
    cells = counters.read_identity_cells(
        state.generation, identity, CellSpan.DAY, start, at + timedelta(days=1)
    )
    return sum(cell.totals.calls for cell in cells)


def end_first_count(counters: DynamoDbUsageCounters) -> None:
    """Say that the ledger had no calls before, which takes the recounter five minutes."""
    state = counters.read_state()
    assert state is not None
    ended = tuple(
        replace(recount, scanned_at=recount.scanned_at or recount.begun_at)
        for recount in state.recounts
    )
    counters.write_state(state.following(recounts=ended))


def read_time(message: str) -> datetime:
    """The time in a record."""
    return datetime.fromisoformat(json.loads(message)["timestamp"])


def wait_for_subjects(subscriber: Subscriber, count: int) -> set[str]:
    """Wait for this number of messages of budgets; more of them are an error."""
    wait_for(lambda: len(list_subjects(subscriber)) >= count)
    subjects = list_subjects(subscriber)
    assert len(subjects) == len(set(subjects)) == count
    return set(subjects)


def list_subjects(subscriber: Subscriber) -> list[str]:
    """The subjects of the messages of budgets."""
    texts = [message.get("Subject") or "" for message in subscriber.messages]
    return [text for text in texts if text.startswith("Bedrock budget")]
