"""`make erase-identity` takes a name out of deliveries of webhooks."""

from __future__ import annotations

from dataclasses import replace

import boto3
import pytest

from lambdas.adapters.dynamodb.counted_identity import DELIVERIES, DynamoDbCountedIdentity
from lambdas.adapters.dynamodb.delivery_store import DynamoDbDeliveryStore
from lambdas.domain.webhooks import DeliveryState
from tests.adapters.dynamodb.test_usage_counters import COUNTERS, create_table
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import ANA, BEN
from tests.webhooks import make_delivery, make_event

PSEUDONYM = f"{ANA.rpartition('/')[0]}/erased-1a2b3c4d"


@pytest.fixture
def identity(aws: None) -> DynamoDbCountedIdentity:
    create_table()
    create_governance_table()
    return DynamoDbCountedIdentity(boto3.client("dynamodb"), COUNTERS, GOVERNANCE, ANA)


def store() -> DynamoDbDeliveryStore:
    return DynamoDbDeliveryStore(boto3.client("dynamodb"), GOVERNANCE)


def add(event_id: str, arn: str, state: DeliveryState) -> None:
    event = make_event(
        id=event_id,
        text=f"{arn} has crossed a threshold.",
        scope={"identity": (arn,)},
        detail={"identity": arn},
    )
    assert store().add(make_delivery(event=event, state=state))


def test_a_name_leaves_deliveries_that_are_done(identity: DynamoDbCountedIdentity) -> None:
    for state in (DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.DISABLED):
        add(f"evt_{state}", ANA, state)
    add("evt_ben", BEN, DeliveryState.DELIVERED)
    assert identity.count()[DELIVERIES] == 3
    assert dict(identity.erase(PSEUDONYM))[DELIVERIES] == 3
    assert identity.count()[DELIVERIES] == 0
    stored = {each.event.id: each for each in store().list_for("pager")}
    assert stored["evt_failed"].event.scope == {"identity": (PSEUDONYM,)}
    assert stored["evt_failed"].event.detail == {"identity": PSEUDONYM}
    assert stored["evt_failed"].event.text == f"{PSEUDONYM} has crossed a threshold."
    assert stored["evt_failed"].state is DeliveryState.FAILED
    assert stored["evt_ben"].event.detail == {"identity": BEN}


def test_a_delivery_that_is_still_to_be_sent_stays_for_the_next_run(
    identity: DynamoDbCountedIdentity,
) -> None:
    add("evt_pending", ANA, DeliveryState.PENDING)
    assert dict(identity.erase(PSEUDONYM))[DELIVERIES] == 0
    assert identity.count()[DELIVERIES] == 1
    (pending,) = store().list_for("pager")
    assert store().write(replace(pending, state=DeliveryState.DELIVERED), pending.attempts)
    assert dict(identity.erase(PSEUDONYM))[DELIVERIES] == 1
    assert identity.count()[DELIVERIES] == 0
