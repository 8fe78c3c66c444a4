"""Budgets of each period in the local cloud: each is crossed once, and sends one message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from cdk.local_cloud.cloud import open_local_cloud
from cdk.local_cloud.deployment import deploy, synthesize
from cdk.local_cloud.subscriber import Subscriber, open_subscriber
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.domain.budgets import AccumulatorKey, BudgetChanges, StoredBudget
from lambdas.wiring.budgets_file import read_budgets
from tests.end_to_end.deployed import Deployed, calls, user
from tests.local_cloud.waiting import wait_for

ANA = user("ana")
PERIODS: dict[str, dict[str, Any]] = {
    "hourly": {"every": "hour"},
    "daily": {"every": "day", "time_zone": "Europe/Berlin"},
    "weekly": {"every": "week", "week_starts": "sunday", "time_zone": "America/New_York"},
    "monthly": {"every": "month", "time_zone": "Asia/Kolkata"},
    "window": {"last_hours": 24},
}
BUDGETS = {
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


@pytest.fixture(scope="module")
def governed() -> Iterator[Deployed]:
    with open_local_cloud() as cloud:
        deploy(cloud, synthesize(cloud, {"governance": True}))
        yield Deployed(cloud)


@pytest.fixture
def subscriber(governed: Deployed) -> Iterator[Subscriber]:
    with open_subscriber(governed.cloud, governed.topic) as opened:
        yield opened


def activate(governed: Deployed) -> list[StoredBudget]:
    """Store budgets before the first call, so that their sums are complete from the beginning."""
    dynamodb = governed.cloud.client("dynamodb")
    store = DynamoDbBudgetStore(dynamodb, governed.bucket("GovernanceTableName"))
    book = store.write(BudgetChanges(read_budgets(json.dumps(BUDGETS)).budgets), 0)
    for stored in book:
        store.mark_active(stored.budget.name, stored.generation)
    return list(book)


def count_tokens(governed: Deployed, stored: StoredBudget, record_time: datetime) -> int:
    """The tokens in a budget's sum of the slot of a time."""
    sums = DynamoDbCounters(governed.cloud.client("dynamodb"), governed.bucket("CounterTableName"))
    state = sums.read_state()
    if state is None:
        return 0
    slot = stored.budget.periods.slot_at(record_time)
    key = AccumulatorKey(stored.budget.name, stored.generation, "", slot)
    found = sums.read_accumulators(state.generation, [key.name])
    return sum(totals.total_tokens for totals in found.values())


def test_each_threshold_of_each_period_is_one_message(
    governed: Deployed, subscriber: Subscriber
) -> None:
    budgets = activate(governed)
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


def read_time(message: str) -> datetime:
    """The time in a record."""
    return datetime.fromisoformat(json.loads(message)["timestamp"])


def wait_for_subjects(subscriber: Subscriber, count: int) -> set[str]:
    """Wait for this number of messages of budgets; more of them are an error."""

    def subjects() -> list[str]:
        texts = [message.get("Subject") or "" for message in subscriber.messages]
        return [text for text in texts if text.startswith("Bedrock budget")]

    wait_for(lambda: len(subjects()) >= count)
    assert len(subjects()) == len(set(subjects())) == count
    return set(subjects())
