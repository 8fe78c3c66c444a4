"""The doctor's check of budgets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.operations.budget_state import BudgetReport, read_budget_state
from cdk.operations.deployment import Deployment
from cdk.operations.deployment_checks import CheckResult, DeploymentChecks, Status
from dashboards.command_line.commands.deny import open_brake
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.calibration_store import DynamoDbCalibrationStore
from lambdas.domain.budgets import BudgetChanges
from lambdas.domain.forecasting import OwnErrors, read_shipped_ratios
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.operations.deployed import deploy
from tests.unit.budgets.builders import budget


@pytest.fixture
def store(aws: None) -> DynamoDbBudgetStore:
    create_governance_table()
    return DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE)


def read(now: datetime = NOON) -> BudgetReport:
    return read_budget_state(boto3.client("dynamodb"), GOVERNANCE, now)


def check(name: str = "budgets", **settings: Any) -> CheckResult:
    session = boto3.Session()
    deployment = Deployment(session.client("cloudformation"))
    results = DeploymentChecks(session, deployment, **settings, open_brake=open_brake).examine()
    return next(result for result in results if result.check == name)


def test_budgets_that_build_for_too_long_are_named(store: DynamoDbBudgetStore) -> None:
    store.write(BudgetChanges((budget("chat"), budget("india"))), 0)
    for name in ("chat", "india"):
        store.announce(name, 1, NOON)
    store.mark_active("chat", 1)
    building = "1 active budget. Building: india. Forecasts use errors of forecasts of public data."
    assert read() == BudgetReport(False, building)  # noqa: FBT003
    late = read(NOON + timedelta(minutes=31))
    assert late.is_late
    assert "For more than 30 minutes: india; the log of BudgetBuilder has the reason." in late.text


@pytest.mark.usefixtures("store")
def test_a_calibration_that_is_old_or_damaged_is_a_warning() -> None:
    text = "0 active budgets. Forecasts use errors of forecasts of public data."
    assert read() == BudgetReport(False, text)  # noqa: FBT003
    dynamodb = boto3.client("dynamodb")
    errors = replace(read_shipped_ratios(), own=OwnErrors(NOON, ratios=900, sources=3, days=20))
    DynamoDbCalibrationStore(dynamodb, GOVERNANCE).write(errors)
    fresh, old = read(NOON + timedelta(days=2)), read(NOON + timedelta(days=4))
    assert (fresh.is_late, old.is_late) == (False, True)
    assert (
        "errors of forecasts of your own usage in the 20 days up to 2026-09-08, and of public data."
        in fresh.text
    )
    assert old.text.endswith("which is old; the log of ForecastCalibrator has the reason.")
    item = {"pk": {"S": "forecast-errors"}, "sk": {"S": "calibrated"}}
    dynamodb.put_item(TableName=GOVERNANCE, Item=item)
    damaged = read()
    assert damaged.is_late
    assert "your own cannot be read" in damaged.text


@pytest.mark.usefixtures("store")
def test_the_doctor_reads_the_deployed_tables() -> None:
    off = check(stacks=(stack_names.STORAGE,))
    assert (off.status, off.text) == (
        Status.OK,
        "Off: switch them on with the setting governance.",
    )
    assert check().text == "Not deployed yet."
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    deploy(stack_names.GOVERNANCE, UsageCounterName="counter")
    assert check().text.startswith("0 active budgets.")
    # As deployed with make deploy SET="-c governance=true", and not so in cdk.json.
    assert check(stacks=(stack_names.STORAGE,)).text.startswith("0 active budgets.")


@pytest.mark.usefixtures("store")
def test_the_doctor_reads_budgets_that_only_the_deployment_switches_on() -> None:
    """`make deploy SET="-c governance=true"` leaves `governance` off in cdk.json."""
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    deploy(stack_names.GOVERNANCE, UsageCounterName="counter")
    assert check(stacks=(stack_names.STORAGE,)).text.startswith("0 active budgets.")
    stacks = check("stacks", stacks=(stack_names.STORAGE,))
    assert "If you deployed it with SET, run make doctor with the same SET." in stacks.text


def test_the_time_of_an_announcement_is_that_of_the_meter(store: DynamoDbBudgetStore) -> None:
    store.write(BudgetChanges((budget("chat"),)), 0)
    assert not read(datetime.now(UTC) + timedelta(days=1)).is_late  # BudgetBuilder has not seen it
