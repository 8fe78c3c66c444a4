"""The doctor's check of credits."""

from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from cdk.operations.credit_state import CreditReport, read_credit_state
from dashboards.command_line.commands.doctor import open_credits
from lambdas.adapters.dynamodb.brake_items import make_item_key
from lambdas.adapters.dynamodb.counter_items import changed_hour_item
from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore
from lambdas.adapters.dynamodb.credit_switch import DynamoDbCreditSwitch
from lambdas.adapters.dynamodb.exhausted_scopes import DynamoDbExhaustedScopes
from lambdas.domain.budgets import BudgetScope
from lambdas.domain.budgets.governance_table import CREDIT_GRANTS
from lambdas.domain.credits import CreditGrant, CreditSwitch, ExhaustedScope, grant_entry
from tests.adapters.dynamodb.test_usage_counters import COUNTERS, create_table
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.operations.test_budget_state import check

OFF = "Exhausted credits are not enforced: bedrock-meter credits enforce status."


@pytest.fixture(autouse=True)
def _tables(aws: None) -> None:
    create_governance_table()
    create_table()


def read() -> CreditReport:
    return read_credit_state(open_credits(boto3.Session(), GOVERNANCE, COUNTERS), NOON)


def grant(name: str, **changes: Any) -> None:
    store = DynamoDbCreditStore(boto3.client("dynamodb"), GOVERNANCE)
    made = CreditGrant(id=name, picodollars=10**12, effective_from=NOON, created_at=NOON, **changes)
    booking = grant_entry(made)
    store.add_grant(booking.grants[0], booking.entry)


def note(hour: datetime, writer: str) -> None:
    item: Any = changed_hour_item(hour, writer, NOON)
    boto3.client("dynamodb").put_item(TableName=COUNTERS, Item=item)


def test_grants_that_end_soon_are_named() -> None:
    grant("june", expires_at=NOON + timedelta(days=6))
    grant("july", expires_at=NOON + timedelta(days=30))
    grant("ever")
    text = f"3 open grants. Grants that end within 7 days: june. {OFF}"
    assert read() == CreditReport(is_late=False, text=text)


def test_exhausted_scopes_and_the_switch_are_reported() -> None:
    scope = ExhaustedScope(scope=BudgetScope(), since=NOON, because="x")
    DynamoDbExhaustedScopes(boto3.client("dynamodb"), GOVERNANCE).replace([scope])
    assert read().text == f"0 open grants. 1 scope without credits. {OFF}"
    switch = DynamoDbCreditSwitch(boto3.client("dynamodb"), GOVERNANCE)
    switch.write(CreditSwitch(is_on=True, by="ops", at=NOON))
    assert "Exhausted credits are enforced" in read().text


def test_hours_that_wait_are_counted_once_and_many_are_a_warning() -> None:
    for number in range(48):
        for writer in ("shard-1", "recount"):
            note(NOON - number * timedelta(hours=1), writer)
    assert read() == CreditReport(
        is_late=False, text=f"0 open grants. 48 hours of usage to be booked. {OFF}"
    )
    note(NOON - timedelta(days=30), "shard-1")
    assert read().is_late


def test_a_grant_that_cannot_be_read_is_a_warning() -> None:
    grant("bad")
    boto3.client("dynamodb").update_item(
        TableName=GOVERNANCE,
        Key=make_item_key(CREDIT_GRANTS, "grant#bad"),
        UpdateExpression="SET version = :other",
        ExpressionAttributeValues={":other": {"N": "7"}},
    )
    report = read()
    assert report.is_late
    assert "Grants that cannot be read, so that nothing is booked: bad." in report.text


def test_credits_that_are_off_are_no_problem() -> None:
    assert check("credits").text == "Off: switch them on with the setting credits."
