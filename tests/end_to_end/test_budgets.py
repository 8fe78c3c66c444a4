"""Budgets of each period in the local cloud: each is crossed once, and sends one message."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdk.config import stack_names
from cdk.local_cloud.subscriber import Subscriber, open_subscriber
from lambdas.adapters.dynamodb.alert_store import DynamoDbAlertStore
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.domain.budgets import AccumulatorKey, BudgetChanges, StoredBudget
from lambdas.domain.budgets.current_sums import BOOK_LIFETIME
from lambdas.domain.counters import ANNOUNCEMENT, CellSpan
from lambdas.wiring.budgets_file import read_budgets
from tests.end_to_end.counters import end_announcement, open_counters, recount
from tests.end_to_end.deployed import Deployed, calls, user
from tests.local_cloud.waiting import wait_for

ANA, BEN, CARA = (user(f"budgeted-{name}") for name in ("ana", "ben", "cara"))
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
def budgets(deployed: Deployed) -> dict[str, StoredBudget]:
    """Active budgets, which every process that counts knows."""
    store = open_store(deployed)
    written = BUDGETS | {"budgets": [*BUDGETS["budgets"], PROMPT]}
    declared = read_budgets(json.dumps(written)).budgets
    book = store.write(BudgetChanges(declared), store.read().revision)
    for budget in declared:
        # Their sums are complete: those they cover have not called yet.
        store.mark_active(budget.name, book.budgets[budget.name].generation)
    known_at = datetime.now(UTC) + BOOK_LIFETIME
    wait_for(lambda: datetime.now(UTC) >= known_at)
    return book.budgets


@pytest.fixture
def subscriber(deployed: Deployed) -> Iterator[Subscriber]:
    with open_subscriber(deployed.cloud, deployed.topic) as opened:
        yield opened


@contextmanager
def stop_schedule(deployed: Deployed) -> Iterator[None]:
    """Stop the evaluations of each minute for a time."""
    events = deployed.cloud.client("events")
    (name,) = events.list_rule_names_by_target(
        TargetArn=deployed.cloud.client("lambda").get_function_configuration(
            FunctionName=deployed.function_name("BudgetEvaluator")
        )["FunctionArn"]
    )["RuleNames"]
    events.disable_rule(Name=name)
    yield
    events.enable_rule(Name=name)


def open_store(deployed: Deployed, changed_by: str | None = None) -> DynamoDbBudgetStore:
    dynamodb, table = deployed.cloud.client("dynamodb"), deployed.bucket("GovernanceTableName")
    return DynamoDbBudgetStore(dynamodb, table, changed_by=changed_by)


def count_tokens(
    deployed: Deployed, stored: StoredBudget, record_time: datetime, value: str = ""
) -> int:
    """The tokens in a budget's sum of the slot of a time, for a value of a default budget."""
    sums = open_counters(deployed)
    state = sums.read_state()
    if state is None:
        return 0
    slot = stored.budget.periods.slot_at(record_time)
    key = AccumulatorKey(stored.budget.name, stored.generation, "", slot)
    totals = sums.read_values(state.generation, key.name).get(value)
    return 0 if totals is None else totals.total_tokens


def test_each_threshold_of_each_period_is_one_message(
    deployed: Deployed, subscriber: Subscriber, budgets: dict[str, StoredBudget]
) -> None:
    periodic = [budgets[name] for name in PERIODS]
    messages = list(calls(ANA, 6))
    logged_at = read_time(messages[0])
    deployed.log_calls(*messages, *messages)
    for stored in periodic:
        wait_for(lambda stored=stored: count_tokens(deployed, stored, logged_at) == 90)  # type: ignore[misc]
    for _ in range(2):
        deployed.start("BudgetEvaluator", {})
    assert wait_for_subjects(subscriber, 5) == {
        f"Bedrock budget {name}: 50% reached" for name in PERIODS
    }
    deployed.log_calls(*calls(ANA, 4))
    for stored in periodic:
        wait_for(lambda stored=stored: count_tokens(deployed, stored, logged_at) == 150)  # type: ignore[misc]
    for _ in range(2):
        deployed.start("BudgetEvaluator", {})
    subjects = wait_for_subjects(subscriber, 10)
    assert {f"Bedrock budget {name}: 100% reached" for name in PERIODS} < subjects


def test_an_alert_is_sent_seconds_after_the_call_without_the_schedule(
    deployed: Deployed,
    subscriber: Subscriber,
    budgets: dict[str, StoredBudget],
    capsys: pytest.CaptureFixture[str],
) -> None:
    stored = budgets["prompt"]
    alerts = DynamoDbAlertStore(
        deployed.cloud.client("dynamodb"), deployed.bucket("GovernanceTableName")
    )
    messages = list(calls(CARA, 10))
    logged_at = read_time(messages[0])
    stages = {}
    with stop_schedule(deployed):
        start = time.monotonic()
        deployed.log_calls(*messages)
        for stage, is_reached in (
            ("counter", lambda: count_tokens(deployed, stored, logged_at) == 150),
            ("evaluation", lambda: any(alerts.list_alerts("prompt", stored.generation))),
            (
                "alert_sent",
                lambda: "Bedrock budget prompt: 100% reached" in list_subjects(subscriber),
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
    deployed: Deployed, subscriber: Subscriber
) -> None:
    messages = list(calls(BEN, 10))
    logged_at = read_time(messages[0])
    deployed.log_calls(*messages)
    counters = open_counters(deployed)
    wait_for(lambda: count_calls(counters, BEN, logged_at) == 10)
    end_announcement(deployed)
    recount(deployed)
    store = open_store(deployed)
    late = BUDGETS["budgets"][1] | {"name": "late", "scope": {"identity": BEN}}
    (declared,) = read_budgets(json.dumps(BUDGETS | {"budgets": [late]})).budgets
    stored = store.write(BudgetChanges((declared,)), store.read().revision).budgets["late"]
    # As if the five minutes that the meter waits were over.
    store.announce("late", stored.generation, datetime.now(UTC) - ANNOUNCEMENT)
    for _ in range(2):
        deployed.start("BudgetBuilder", {}, stack=stack_names.GOVERNANCE)
    assert store.read().budgets["late"].is_active
    assert count_tokens(deployed, stored, logged_at) == 150
    deployed.start("BudgetEvaluator", {})
    wait_for(lambda: "Bedrock budget late: 100% reached" in list_subjects(subscriber))
    assert deployed.health("BudgetDrift") == 0


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
