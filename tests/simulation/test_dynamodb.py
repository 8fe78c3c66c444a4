"""The simulated DynamoDB answers as moto does, for the expressions that the meter uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.aws import aws
from tests.simulation.cloud.dynamodb import SimulatedDynamoDb
from tests.simulation.cloud.table import Table
from tests.simulation.world import World

__all__ = ["aws"]

_TABLE = "table"


@pytest.fixture
def clients(aws: None) -> tuple[Any, Any]:
    moto: Any = boto3.client("dynamodb")
    moto.create_table(
        TableName=_TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    world = World(0, frozenset())
    return SimulatedDynamoDb(world, {_TABLE: Table(world)}), moto


def _put(client: Any, condition: str, key: str = "a", **attributes: Any) -> None:
    client.put_item(
        TableName=_TABLE,
        Item={"pk": {"S": key}, **attributes},
        ConditionExpression=condition,
        ExpressionAttributeNames={"#n": "n"},
        ExpressionAttributeValues={":n": {"N": "5"}},
    )


def _update(client: Any, expression: str, condition: str = "attribute_exists(pk)") -> None:
    client.update_item(
        TableName=_TABLE,
        Key={"pk": {"S": "a"}},
        UpdateExpression=expression,
        ConditionExpression=condition,
        ExpressionAttributeValues={":n": {"N": "5"}},
    )


def _insert(client: Any, *keys: str) -> Any:
    return client.batch_execute_statement(
        Statements=[
            {
                "Statement": f"INSERT INTO \"{_TABLE}\" VALUE {{'pk': ?, 'n': ?}}",
                "Parameters": [{"S": key}, {"N": "1"}],
            }
            for key in keys
        ]
    )


def _transact(client: Any, condition: str) -> Any:
    add = {
        "TableName": _TABLE,
        "Key": {"pk": {"S": "sum"}},
        "UpdateExpression": "ADD n :n SET label = :t",
        "ExpressionAttributeValues": {":n": {"N": "5"}, ":t": {"S": "x"}},
    }
    put = {
        "TableName": _TABLE,
        "Item": {"pk": {"S": "a"}, "n": {"N": "9"}},
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#n": "n"},
        "ExpressionAttributeValues": {":n": {"N": "5"}},
    }
    return client.transact_write_items(TransactItems=[{"Put": put}, {"Update": add}])


_ACTIONS: dict[str, Callable[[Any], Any]] = {
    "a condition on an absent item": lambda client: _put(client, "#n < :n"),
    "an alternative": lambda client: _put(
        client, "attribute_not_exists(#n) OR #n = :n", n={"N": "5"}
    ),
    "the same again": lambda client: _put(
        client, "attribute_not_exists(#n) OR #n = :n", n={"N": "5"}
    ),
    "two conditions": lambda client: _put(
        client, "#n >= :n AND attribute_exists(#n)", n={"N": "7"}
    ),
    "numbers": lambda client: _put(client, "#n < :n"),
    "a sum": lambda client: _update(client, "ADD n :n, m :n"),
    "a value": lambda client: _update(client, "SET m = m - :n, k = if_not_exists(k, :n) REMOVE n"),
    "a refused update": lambda client: _update(client, "ADD n :n", "attribute_not_exists(pk)"),
    "insertions": lambda client: _insert(client, "b", "c"),
    "a transaction": lambda client: _transact(client, "attribute_not_exists(#n) OR #n < :n"),
    "a refused transaction": lambda client: _transact(client, "#n < :n"),
}


def test_conditions_updates_and_transactions_do_the_same(clients: tuple[Any, Any]) -> None:
    for name, action in _ACTIONS.items():
        simulated, moto = (_outcome(action, client) for client in clients)
        assert simulated == moto, name


def _outcome(action: Callable[[Any], Any], client: Any) -> tuple[Any, Any]:
    """The error of an action, with its reasons, and the items after it."""
    error: Any = None
    try:
        action(client)
    except ClientError as refused:
        reasons: Any = refused.response
        codes = [reason.get("Code") for reason in reasons.get("CancellationReasons", [])]
        error = (refused.response["Error"]["Code"], codes)
    items = client.scan(TableName=_TABLE)["Items"]
    return error, sorted((sorted(item.items(), key=repr) for item in items), key=repr)


def test_an_existing_item_is_named_in_the_answer() -> None:
    world = World(0, frozenset())
    client = SimulatedDynamoDb(world, {_TABLE: Table(world)})
    _insert(client, "a")
    answers = _insert(client, "a", "b")["Responses"]
    assert [answer.get("Error", {}).get("Code") for answer in answers] == ["DuplicateItem", None]


def test_an_unknown_expression_is_an_error() -> None:
    world = World(0, frozenset())
    client = SimulatedDynamoDb(world, {_TABLE: Table(world)})
    with pytest.raises(ValueError, match="does not know"):
        _put(client, "#n IN (:n)")
