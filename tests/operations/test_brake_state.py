"""The doctor's check of the brake."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.operations.deployment import Deployment
from cdk.operations.deployment_checks import CheckResult, DeploymentChecks, Status
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
from lambdas.domain.brake import BrakeSwitch
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.operations.deployed import deploy
from tests.unit.brake.builders import deny

USES = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"bedrock:*","Resource":"*"}]}'
)


def check() -> CheckResult:
    session = boto3.Session()
    deployment = Deployment(session.client("cloudformation"))
    results = DeploymentChecks(session, deployment).examine()
    return next(result for result in results if result.check == "brake")


def make_deny_policy(iam: Any) -> str:
    arn: str = iam.create_policy(
        PolicyName="BedrockMeter-Deny-us-east-1",
        Path="/bedrock-meter-deny/us-east-1/",
        PolicyDocument=USES,
    )["Policy"]["Arn"]
    return arn


@pytest.mark.usefixtures("aws")
def test_the_switch_and_the_number_of_denied_callers_are_reported() -> None:
    create_governance_table()
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    deploy(stack_names.GOVERNANCE, BrakeControllerName="controller")
    assert (check().status, check().text.split(".")[0]) == (Status.OK, "The brake is off")
    dynamodb = boto3.client("dynamodb")
    switch = BrakeSwitch(is_on=True, by="ops", at=datetime.now(UTC))
    DynamoDbBrakeState(dynamodb, GOVERNANCE).write_switch(switch)
    DynamoDbDenies(dynamodb, GOVERNANCE).write(deny(), None)
    text = "The brake is on. 1 caller denied, or to be denied: bedrock-meter deny list."
    assert check().text == text


@pytest.mark.usefixtures("aws")
def test_a_deny_that_outlived_the_brake_is_a_problem() -> None:
    iam = boto3.client("iam")
    iam.create_user(UserName="carl")
    arn = make_deny_policy(iam)
    assert (check().status, check().text) == (
        Status.OK,
        "Off: switch it on by brake in cdk.json.",
    )
    iam.attach_user_policy(UserName="carl", PolicyArn=arn)
    assert check().status is Status.PROBLEM
    assert f"detach {arn}" in check().text
