"""The doctor's check of the brake."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.operations.deployment import Deployment
from cdk.operations.deployment_checks import CheckResult, DeploymentChecks, Status
from dashboards.command_line.commands.deny import open_brake
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
from lambdas.domain.brake import BrakeSwitch, DenyState
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.operations.deployed import deploy
from tests.unit.brake.builders import ANA_SESSION, CHAT, deny

USES = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"bedrock:*","Resource":"*"}]}'
)


def check(name: str = "brake", *, has_brake: bool = True, **settings: Any) -> CheckResult:
    session = boto3.Session()
    deployment = Deployment(session.client("cloudformation"))
    checks = DeploymentChecks(
        session, deployment, open_brake=open_brake, has_brake=has_brake, **settings
    )
    return next(result for result in checks.examine() if result.check == name)


def make_deny_policy(
    iam: Any,
    name: str = "BedrockMeter-Deny-us-east-1",
    path: str = "/bedrock-meter-deny/us-east-1/",
) -> str:
    arn: str = iam.create_policy(PolicyName=name, Path=path, PolicyDocument=USES)["Policy"]["Arn"]
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
    denies = DynamoDbDenies(dynamodb, GOVERNANCE)
    denies.write(deny(state=DenyState.DENIED), None)
    assert check().text == "The brake is on. 1 caller denied: bedrock-meter deny list."
    denies.write(deny(target=CHAT, state=DenyState.CONTESTED), None)
    denies.write(deny(target=ANA_SESSION), None)
    assert check().text == (
        "The brake is on. 1 caller denied, 1 attaching, 1 contested: bedrock-meter deny list."
    )


@pytest.mark.usefixtures("aws")
def test_a_brake_that_is_off_may_still_release_callers() -> None:
    create_governance_table()
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    deploy(stack_names.GOVERNANCE, BrakeControllerName="controller")
    denies = DynamoDbDenies(boto3.client("dynamodb"), GOVERNANCE)
    denies.write(deny(state=DenyState.RELEASING), None)
    assert check().text == (
        "The brake is off. 0 callers denied, 1 releasing: bedrock-meter deny list."
    )


@pytest.mark.usefixtures("aws")
def test_a_brake_that_the_settings_no_longer_have_is_a_problem() -> None:
    create_governance_table()
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    deploy(stack_names.GOVERNANCE, BrakeControllerName="controller")
    found = check(has_brake=False)
    assert found.status is Status.PROBLEM
    assert "but the setting brake is off" in found.text


@pytest.mark.usefixtures("aws")
def test_governance_that_the_settings_no_longer_have_is_a_problem() -> None:
    deploy(stack_names.GOVERNANCE)
    left = tuple(name for name in stack_names.ALL if name != stack_names.GOVERNANCE)
    found = check("stacks", stacks=left)
    assert found.status is Status.PROBLEM
    assert f"{stack_names.GOVERNANCE} is deployed, but" in found.text


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
