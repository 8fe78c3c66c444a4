"""Gateways that decide in the same moment keep the limits. `make bench` runs many more."""

import threading

import boto3

from lambdas.adapters.dynamodb.limits_store import DynamoDbLimits
from tests.benchmarks.admission import Gateways, OneAtATime
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.limits import InMemoryLimits


def test_sixteen_gateways_at_once_use_the_limit_and_no_more() -> None:
    measured = Gateways([InMemoryLimits()] * 16).run_at_once(4800)
    assert measured.decisions == 4800
    assert 90 < measured.find_highest_percent() <= 100


def make_gateways(count: int) -> tuple[Gateways, OneAtATime]:
    """Gateways over one table, with images of their own."""
    create_governance_table()
    client = OneAtATime(boto3.client("dynamodb"))
    stores = [DynamoDbLimits(client, GOVERNANCE) for _ in range(count)]  # type: ignore[arg-type]
    return Gateways(stores, count=lambda: client.updates[threading.get_ident()]), client


def test_sixteen_gateways_over_one_table_keep_the_limits(aws: None) -> None:
    gateways, client = make_gateways(16)
    measured = gateways.run_at_once(64)
    assert measured.reservations > 30
    assert measured.find_highest_percent() <= 100
    assert sum(client.updates.values()) >= measured.writes + measured.settling_writes


def test_a_reservation_takes_one_write_and_a_part(aws: None) -> None:
    gateways, _ = make_gateways(4)
    measured = gateways.run_one_at_a_time(60)
    assert measured.writes <= 1.3 * measured.reservations
    assert measured.settling_writes <= 1.3 * measured.settlements
