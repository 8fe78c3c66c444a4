"""The doctor's check of credits."""

from datetime import timedelta
from typing import Any

import boto3
import pytest

from cdk.operations.credit_state import CreditReport, read_credit_state
from lambdas.adapters.dynamodb.brake_items import make_item_key
from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore
from lambdas.adapters.dynamodb.exhausted_scopes import DynamoDbExhaustedScopes
from lambdas.domain.budgets import BudgetScope
from lambdas.domain.budgets.governance_table import CREDIT_GRANTS, CREDITS
from lambdas.domain.counters.table import CHANGED_HOURS
from lambdas.domain.credits import CreditGrant, ExhaustedScope, grant_entry
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
    return read_credit_state(boto3.client("dynamodb"), GOVERNANCE, COUNTERS, NOON)


def grant(name: str, **changes: Any) -> None:
    store = DynamoDbCreditStore(boto3.client("dynamodb"), GOVERNANCE)
    made = CreditGrant(id=name, picodollars=10**12, effective_from=NOON, created_at=NOON, **changes)
    booking = grant_entry(made)
    store.add_grant(booking.grants[0], booking.entry)


def put(table: str, partition: str, sort_key: str, **attributes: Any) -> None:
    item = {**make_item_key(partition, sort_key), **attributes}
    boto3.client("dynamodb").put_item(TableName=table, Item=item)


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
    put(GOVERNANCE, CREDITS, "switch", is_on={"BOOL": True})
    assert "Exhausted credits are enforced" in read().text


def test_hours_that_wait_are_counted_once_and_many_are_a_warning() -> None:
    for number in range(48):
        hour = f"{NOON - number * timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
        for writer in ("shard-1", "recount"):
            put(COUNTERS, CHANGED_HOURS, f"{hour}#{writer}")
    assert read() == CreditReport(
        is_late=False, text=f"0 open grants. 48 hours of usage to be booked. {OFF}"
    )
    put(COUNTERS, CHANGED_HOURS, "2026-01-01T00:00:00Z#shard-1")
    assert read().is_late


def test_a_grant_that_cannot_be_read_is_a_warning() -> None:
    put(GOVERNANCE, CREDIT_GRANTS, "grant#bad", content={"S": "{"})
    report = read()
    assert report.is_late
    assert "Grants that cannot be read, so that nothing is booked: bad." in report.text


def test_credits_that_are_off_are_no_problem() -> None:
    assert check("credits").text == "Off: switch them on with the setting credits."
