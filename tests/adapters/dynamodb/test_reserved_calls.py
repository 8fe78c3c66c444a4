"""Calls of the gateway are found in the ledger by their reservations."""

from datetime import timedelta

import boto3
import pytest

from lambdas.adapters.dynamodb.reserved_calls import DynamoDbReservedCalls
from lambdas.adapters.dynamodb.usage_item import CALL_ATTRIBUTES
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.ledger.table import RESERVATION_KEY
from tests.aws import LEDGER
from tests.builders import ANA, usage_record
from tests.limits import CALLER_ROLE, gateway_call

pytestmark = pytest.mark.usefixtures("aws")


def open_ledger(caller_role: str | None = CALLER_ROLE) -> DynamoDbUsageLedger:
    client = boto3.client("dynamodb")
    return DynamoDbUsageLedger(client, LEDGER, timedelta(days=90), caller_role=caller_role)


def open_calls() -> DynamoDbReservedCalls:
    return DynamoDbReservedCalls(boto3.client("dynamodb"), LEDGER)


def count_indexed() -> int:
    items = boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]
    assert all(item.keys() <= CALL_ATTRIBUTES for item in items)
    return sum(RESERVATION_KEY in item for item in items)


def test_calls_are_found_by_their_reservations() -> None:
    one, two = gateway_call("one"), gateway_call("two")
    open_ledger().write([one, two, usage_record()])
    assert open_calls().find(["one", "two", "three"]) == {"one": [one], "two": [two]}
    assert open_calls().find([]) == {}


def test_a_later_reading_of_a_call_is_found_too() -> None:
    open_ledger().write([gateway_call("one", tokens=TokenCounts())])
    open_ledger().write([gateway_call("one")])
    ((call,),) = open_calls().find(["one"]).values()
    assert call.tokens == TokenCounts(10, 5)


def test_calls_of_others_are_not_in_the_index_whatever_they_name() -> None:
    open_ledger().write([gateway_call("one", identity_arn=ANA), usage_record()])
    assert count_indexed() == 0
    assert open_calls().find(["one"]) == {}


def test_a_second_caller_of_a_call_takes_it_out_of_the_index() -> None:
    open_ledger().write([gateway_call("one")])
    assert count_indexed() == 1
    open_ledger().write([gateway_call("one", identity_arn=ANA)])
    assert count_indexed() == 0


def test_without_a_gateway_nothing_is_in_the_index() -> None:
    open_ledger(caller_role=None).write([gateway_call("one")])
    assert count_indexed() == 0
