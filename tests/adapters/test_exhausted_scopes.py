"""The contract of the scopes whose credits are exhausted, in memory and on DynamoDB (moto)."""

from datetime import timedelta

import boto3
import pytest

from lambdas.adapters.dynamodb.brake_items import make_item_key
from lambdas.adapters.dynamodb.exhausted_scopes import DynamoDbExhaustedScopes
from lambdas.domain.budgets import BudgetScope
from lambdas.domain.budgets.governance_table import CREDIT_EXHAUSTED
from lambdas.domain.credits import ExhaustedScope, ExhaustedScopes
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.exhausted_scopes import MemoryExhaustedScopes

CHAT = ExhaustedScope(
    scope=BudgetScope(project=("bot", "chat"), region=("eu-west-1",)),
    since=NOON,
    because="grant june is used up",
)
ALL = ExhaustedScope(scope=BudgetScope(), since=NOON, because="grant all has expired")


@pytest.fixture(params=["in memory", "DynamoDB"])
def scopes(request: pytest.FixtureRequest) -> ExhaustedScopes:
    if request.param == "in memory":
        return MemoryExhaustedScopes()
    request.getfixturevalue("aws")
    create_governance_table()
    return DynamoDbExhaustedScopes(boto3.client("dynamodb"), GOVERNANCE)


def test_the_stored_scopes_are_those_that_were_written_last(scopes: ExhaustedScopes) -> None:
    assert scopes.list_exhausted() == []
    scopes.replace([CHAT, ALL])
    assert {found.key: found for found in scopes.list_exhausted()} == {
        CHAT.key: CHAT,
        ALL.key: ALL,
    }
    scopes.replace([ALL])
    assert scopes.list_exhausted() == [ALL]
    scopes.replace([])
    assert scopes.list_exhausted() == []


def test_a_stored_scope_keeps_its_time_while_it_is_exhausted(scopes: ExhaustedScopes) -> None:
    later = ExhaustedScope(scope=CHAT.scope, since=NOON + timedelta(hours=1), because="again")
    scopes.replace([CHAT])
    scopes.replace([later])
    assert scopes.list_exhausted() == [CHAT]
    scopes.replace([])
    scopes.replace([later])
    assert scopes.list_exhausted() == [later]


def test_the_key_does_not_depend_on_the_order_of_names() -> None:
    other = BudgetScope(region=("eu-west-1",), project=("chat", "bot", "chat"))
    assert ExhaustedScope(scope=other, since=NOON, because="").key == CHAT.key
    assert CHAT.key != ALL.key


@pytest.mark.parametrize("content", ["{", "[]", '{"scope": {"colour": ["red"]}}', "{}"])
def test_an_item_that_cannot_be_read_is_left_out_and_replaced(aws: None, content: str) -> None:
    client = boto3.client("dynamodb")
    create_governance_table()
    scopes = DynamoDbExhaustedScopes(client, GOVERNANCE)
    for key in (CHAT.key, "forged"):
        client.put_item(
            TableName=GOVERNANCE,
            Item={**make_item_key(CREDIT_EXHAUSTED, key), "content": {"S": content}},
        )
    assert scopes.list_exhausted() == []
    scopes.replace([CHAT])
    assert scopes.list_exhausted() == [CHAT]
    assert client.scan(TableName=GOVERNANCE)["Count"] == 1


def test_a_scope_under_the_key_of_another_is_replaced(aws: None) -> None:
    client = boto3.client("dynamodb")
    create_governance_table()
    scopes = DynamoDbExhaustedScopes(client, GOVERNANCE)
    scopes.replace([ALL])
    (item,) = client.scan(TableName=GOVERNANCE)["Items"]
    client.put_item(
        TableName=GOVERNANCE, Item={**item, **make_item_key(CREDIT_EXHAUSTED, CHAT.key)}
    )
    scopes.replace([CHAT])
    assert scopes.list_exhausted() == [CHAT]
