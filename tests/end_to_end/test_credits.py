"""Credits in the local cloud: a balance falls by what is counted, and both messages arrive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cdk.local_cloud.subscriber import Subscriber, open_subscriber
from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore
from lambdas.domain.budgets import BudgetScope
from lambdas.domain.counters import CellSpan
from lambdas.domain.credits import (
    CreditGrant,
    floor_hour,
    grant_entry,
    read_usd,
    sum_balances,
    void,
)
from tests.end_to_end.counters import end_announcement, open_counters, recount
from tests.end_to_end.deployed import Deployed, calls, user
from tests.local_cloud.waiting import wait_for

ANA = user("credited-ana")
SCOPE = BudgetScope(identity=(ANA,))


@pytest.fixture
def subscriber(deployed: Deployed) -> Iterator[Subscriber]:
    with open_subscriber(deployed.cloud, deployed.topic) as opened:
        yield opened


def open_store(deployed: Deployed) -> DynamoDbCreditStore:
    return DynamoDbCreditStore(
        deployed.cloud.client("dynamodb"), deployed.bucket("GovernanceTableName")
    )


def grant(deployed: Deployed, name: str, picodollars: int) -> None:
    now = datetime.now(UTC)
    made = CreditGrant(
        id=name,
        picodollars=picodollars,
        scope=SCOPE,
        effective_from=floor_hour(now),
        created_at=now,
    )
    booking = grant_entry(made)
    open_store(deployed).add_grant(booking.grants[0], booking.entry)


def count_cost(deployed: Deployed) -> int:
    """The counted cost of the identity in pico-dollars, in cells of the day."""
    counters = open_counters(deployed)
    state = counters.read_state()
    if state is None:
        return 0
    now = datetime.now(UTC)
    day = timedelta(days=1)
    cells = counters.read_identity_cells(state.generation, ANA, CellSpan.DAY, now - day, now + day)
    return sum(cell.totals.cost_picodollars for cell in cells)


def list_subjects(subscriber: Subscriber) -> list[str]:
    """The subjects of messages about these credits, in their order."""
    subjects = [message["Subject"] for message in subscriber.messages]
    return [subject for subject in subjects if "credited-ana" in subject]


def read_balance(deployed: Deployed, name: str) -> int:
    return open_store(deployed).read_book().grants[name].picodollars


def is_booked(deployed: Deployed, name: str, expected: int) -> bool:
    """Book, and say if a grant has this balance."""
    deployed.start("CreditBooker", {})
    return read_balance(deployed, name) == expected


def is_sent(deployed: Deployed, subscriber: Subscriber, level: str) -> bool:
    """Book, and say if a message about a level has arrived."""
    deployed.start("CreditBooker", {})
    return any(f"credits {level}" in subject for subject in list_subjects(subscriber))


def log_and_count(deployed: Deployed, count: int, cost_of_a_call: int) -> None:
    """Log calls, and wait until they are counted."""
    expected = count_cost(deployed) + count * cost_of_a_call
    deployed.log_calls(*calls(ANA, count))
    wait_for(lambda: count_cost(deployed) == expected)


def test_a_balance_falls_to_the_picodollar_and_messages_arrive(
    deployed: Deployed, subscriber: Subscriber
) -> None:
    deployed.log_calls(*calls(ANA, 1))
    cost_of_a_call = wait_for(lambda: count_cost(deployed))
    end_announcement(deployed)
    recount(deployed)  # booking waits for complete cells
    grant(deployed, "large", 10**12)
    log_and_count(deployed, 2, cost_of_a_call)
    wait_for(lambda: is_booked(deployed, "large", 10**12 - 3 * cost_of_a_call))
    assert list_subjects(subscriber) == []

    store = open_store(deployed)
    voiding = void(store.read_book().grants["large"], datetime.now(UTC))
    assert voiding is not None
    store.commit(*voiding)
    grant(deployed, "small", 10 * cost_of_a_call)
    log_and_count(deployed, 9, cost_of_a_call)
    wait_for(lambda: is_sent(deployed, subscriber, "low"))
    assert read_balance(deployed, "small") == cost_of_a_call
    log_and_count(deployed, 2, cost_of_a_call)
    wait_for(lambda: is_sent(deployed, subscriber, "exhausted"))
    assert read_balance(deployed, "small") == 0
    assert len(list_subjects(subscriber)) == 2

    (message,) = (
        message
        for message in subscriber.messages
        if message["Subject"].startswith("Bedrock credits exhausted")
    )
    detail = json.loads(message["MessageAttributes"]["detail"]["Value"])
    assert (detail["level"], detail["balance_usd"]) == ("exhausted", "0")
    assert read_usd(detail["overage_usd"]) == cost_of_a_call
    assert detail["scope"] == {"identity": [ANA]}
    balances = sum_balances(store.list_entries())
    assert sum(balances.values()) == 0
