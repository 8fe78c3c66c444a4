"""The contract of the switch of credits, in memory and on DynamoDB (moto)."""

import boto3
import pytest

from lambdas.adapters.dynamodb.brake_items import make_item_key
from lambdas.adapters.dynamodb.credit_presence import DynamoDbCreditPresence
from lambdas.adapters.dynamodb.credit_switch import DynamoDbCreditSwitch
from lambdas.adapters.dynamodb.exhausted_scopes import DynamoDbExhaustedScopes
from lambdas.domain.budgets.governance_table import CREDITS, SWITCH_KEY
from lambdas.domain.credits import CreditSwitch
from lambdas.domain.limit_policies import SubjectsUnavailableError
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.exhausted_credits import CHAT_PROJECT, exhaust


@pytest.fixture
def switch(aws: None) -> DynamoDbCreditSwitch:
    create_governance_table()
    return DynamoDbCreditSwitch(boto3.client("dynamodb"), GOVERNANCE)


def test_the_switch_is_off_until_someone_sets_it(switch: DynamoDbCreditSwitch) -> None:
    assert switch.read() == CreditSwitch()
    for is_on in (True, False):
        state = CreditSwitch(is_on=is_on, by="person-1", at=NOON)
        switch.write(state)
        assert switch.read() == state


def test_a_switch_that_cannot_be_read_is_off(switch: DynamoDbCreditSwitch) -> None:
    item = make_item_key(CREDITS, SWITCH_KEY) | {"is_on": {"S": "yes"}}
    boto3.client("dynamodb").put_item(TableName=GOVERNANCE, Item=item)
    assert switch.read() == CreditSwitch()


def test_a_switch_that_no_one_set_is_not_written(switch: DynamoDbCreditSwitch) -> None:
    with pytest.raises(ValueError, match="no one who set it"):
        switch.write(CreditSwitch(is_on=True))
    assert switch.read() == CreditSwitch()


def test_each_change_has_a_mark_for_the_audit_trail(switch: DynamoDbCreditSwitch) -> None:
    marks = set()
    for _ in range(2):
        switch.write(CreditSwitch(is_on=True, by="person-1", at=NOON))
        (item,) = boto3.client("dynamodb").scan(TableName=GOVERNANCE)["Items"]
        assert item["changed_by"] == {"S": "person-1"}
        marks.add(item["change_id"]["S"])
    assert len(marks) == 2


def test_exhausted_scopes_are_noticed_without_reading_them(aws: None) -> None:
    client = boto3.client("dynamodb")
    presence = DynamoDbCreditPresence(client, GOVERNANCE)
    with pytest.raises(SubjectsUnavailableError):
        presence.has_exhausted()
    create_governance_table()
    assert not presence.has_exhausted()
    DynamoDbExhaustedScopes(client, GOVERNANCE).replace([exhaust(CHAT_PROJECT)])
    assert presence.has_exhausted()
