"""Gateways that decide in the same moment keep the limits. `make bench` runs many more."""

from functools import partial

import boto3

from lambdas.adapters.dynamodb.limits_store import DynamoDbLimits
from tests.benchmarks.admission import Gateways, make_store, make_table
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.limits import InMemoryLimits


def test_sixteen_gateways_at_once_use_the_limit_and_no_more() -> None:
    store = InMemoryLimits()
    measured = Gateways(lambda: store).run_at_once(4800)
    assert measured.decisions == 4800
    assert 90 < measured.find_highest_percent() <= 100


def test_gateways_over_one_table_keep_the_limits_whatever_is_lost() -> None:
    table = make_table()
    answers = iter(range(10**9))
    table.loses_answer = lambda: next(answers) % 100 == 50
    measured = Gateways(partial(make_store, table), table=table).run_at_once(4800)
    assert measured.lost_answers > 5
    assert measured.crashes > 5
    assert 90 < measured.find_highest_percent() <= 100


def test_a_reservation_takes_one_write_and_a_part() -> None:
    # With 16 at the same moment it depends on the machine: `make bench` prints it.
    for count, most in ((1, 1.3), (4, 1.3), (16, 1.5)):
        table = make_table()
        measured = Gateways(partial(make_store, table), count, table=table).run_at_once(480)
        assert measured.reservations > 200
        assert measured.writes <= most * measured.reservations
        assert measured.settling_writes <= 1.3 * measured.settlements


def test_gateways_over_dynamodb_keep_the_limits(aws: None) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    measured = Gateways(lambda: DynamoDbLimits(client, GOVERNANCE), 4).run_one_at_a_time(60)
    assert measured.reservations > 30
    assert measured.find_highest_percent() <= 100
