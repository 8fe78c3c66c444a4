"""The doctor's check of budgets."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.operations.budget_state import BudgetReport, read_budget_state
from cdk.operations.deployment import Deployment
from cdk.operations.deployment_checks import CheckResult, DeploymentChecks, Status
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.domain.budgets import BudgetChanges
from lambdas.domain.counters import PriceEdition, begin_counting
from tests.adapters.dynamodb.test_usage_counters import COUNTERS, create_table
from tests.aws import LEDGER
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.operations.deployed import deploy
from tests.unit.budgets.builders import budget

NOTHING = "Nothing is counted yet."


@pytest.fixture
def store(aws: None) -> DynamoDbBudgetStore:
    create_governance_table()
    create_table()
    return DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE)


def read(now: datetime = NOON) -> BudgetReport:
    return read_budget_state(boto3.client("dynamodb"), GOVERNANCE, COUNTERS, now)


def check(**settings: Any) -> CheckResult:
    session = boto3.Session()
    deployment = Deployment(session.client("cloudformation"))
    results = DeploymentChecks(session, deployment, **settings).examine()
    return next(result for result in results if result.check == "budgets")


def test_budgets_that_build_for_too_long_are_named(store: DynamoDbBudgetStore) -> None:
    store.write(BudgetChanges((budget("chat"), budget("india"))), 0)
    for name in ("chat", "india"):
        store.announce(name, 1, NOON)
    store.mark_active("chat", 1)
    assert read() == BudgetReport(False, f"1 active budget. Building: india. {NOTHING}")  # noqa: FBT003
    late = read(NOON + timedelta(minutes=31))
    assert late.is_late
    assert "For more than 30 minutes: india; the log of BudgetBuilder has the reason." in late.text


def test_a_first_count_is_named(store: DynamoDbBudgetStore) -> None:
    begun = begin_counting(PriceEdition("shipped"), "stack", NOON, None)
    assert begun is not None
    DynamoDbUsageCounters(boto3.client("dynamodb"), COUNTERS, LEDGER).write_state(begun)
    assert "usage is too low until that ends" in read().text
    assert store.read().budgets == {}


@pytest.mark.usefixtures("store")
def test_the_doctor_reads_the_deployed_tables() -> None:
    off = check(stacks=(stack_names.STORAGE,))
    assert (off.status, off.text) == (
        Status.OK,
        "Off: switch them on by governance in cdk.json.",
    )
    assert check().text == "Not deployed yet."
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE, CounterTableName=COUNTERS)
    deploy(stack_names.GOVERNANCE, UsageCounterName="counter")
    assert check().text == f"0 active budgets. {NOTHING}"
    boto3.client("dynamodb").put_item(
        TableName=GOVERNANCE,
        Item={"pk": {"S": "budgets"}, "sk": {"S": "budget#odd"}, "format": {"N": "9"}},
    )
    unreadable = check()
    assert unreadable.status is Status.PROBLEM
    assert unreadable.text.startswith("odd was stored by another version of the meter")


def test_the_time_of_an_announcement_is_that_of_the_meter(store: DynamoDbBudgetStore) -> None:
    store.write(BudgetChanges((budget("chat"),)), 0)
    assert not read(datetime.now(UTC) + timedelta(days=1)).is_late  # BudgetBuilder has not seen it
