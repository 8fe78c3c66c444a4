"""Settings that no longer have a deployed brake are refused until it denies no caller."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from cdk.config import stack_names
from cdk.operations.brake_removal import check_bootstrap, check_deploy
from cdk.operations.settings import read_settings
from cdk.operations.terminal import CommandError
from dashboards.command_line.commands.deny import open_brake
from dashboards.command_line.entry_point import FailedCommand
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState
from lambdas.domain.brake import BrakeSwitch
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.command_line import call_command
from tests.operations.deployed import deploy
from tests.operations.test_brake_state import make_deny_policy

pytestmark = pytest.mark.usefixtures("aws")
WITHOUT_BRAKE = ("governance=true",)
WITH_BRAKE = ("governance=true", "brake=true")


def deploy_brake() -> None:
    create_governance_table()
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    deploy(stack_names.GOVERNANCE, BrakeControllerName="controller")


def switch(*, is_on: bool) -> None:
    state = DynamoDbBrakeState(boto3.client("dynamodb"), GOVERNANCE)
    state.write_switch(BrakeSwitch(is_on=is_on, by="ops", at=datetime.now(UTC)))


def check_deploying(*settings: str) -> None:
    check_deploy(boto3.Session(), read_settings(settings), open_brake)


def check_bootstrapping(*settings: str, environments: tuple[str, ...] = ()) -> None:
    check_bootstrap(boto3.Session(), read_settings(settings), environments)


def test_a_brake_that_the_settings_have_is_deployed_again() -> None:
    deploy_brake()
    switch(is_on=True)
    check_deploying(*WITH_BRAKE)
    check_bootstrapping(*WITH_BRAKE)


def test_before_the_first_deployment_nothing_is_refused() -> None:
    for settings in ((), WITHOUT_BRAKE, WITH_BRAKE):
        check_deploying(*settings)
        check_bootstrapping(*settings)


def test_a_brake_is_not_removed_while_it_is_on() -> None:
    deploy_brake()
    switch(is_on=True)
    with pytest.raises(CommandError, match="the brake is switched on") as caught:
        check_deploying(*WITHOUT_BRAKE)
    assert "bedrock-meter deny switch off" in caught.value.details[0]
    switch(is_on=False)
    check_deploying(*WITHOUT_BRAKE)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("BedrockMeter-Deny-us-east-1", "/bedrock-meter-deny/us-east-1/"),
        ("BedrockMeter-us-east-1-sessions-app-1", "/bedrock-meter/us-east-1/"),
    ],
)
def test_a_brake_is_not_removed_while_its_policies_are_attached(name: str, path: str) -> None:
    deploy_brake()
    iam = boto3.client("iam")
    iam.create_role(RoleName="app", AssumeRolePolicyDocument="{}")
    arn = make_deny_policy(iam, name, path)
    check_deploying(*WITHOUT_BRAKE)
    iam.attach_role_policy(RoleName="app", PolicyArn=arn)
    with pytest.raises(CommandError, match=f"still attached: {arn}"):
        check_deploying(*WITHOUT_BRAKE)
    iam.detach_role_policy(RoleName="app", PolicyArn=arn)
    check_deploying(*WITHOUT_BRAKE)


def test_policies_of_another_meter_stop_no_removal() -> None:
    deploy_brake()
    iam = boto3.client("iam")
    iam.create_role(RoleName="app", AssumeRolePolicyDocument="{}")
    for name in ("BedrockMeter-Test-Deny-us-east-1", "Other-us-east-1-sessions-app-1"):
        path = "/bedrock-meter-deny/us-east-1/" if "Deny" in name else "/bedrock-meter/us-east-1/"
        iam.attach_role_policy(RoleName="app", PolicyArn=make_deny_policy(iam, name, path))
    check_deploying(*WITHOUT_BRAKE)


def test_governance_is_not_left_behind() -> None:
    """Without it in the app, `cdk deploy` would leave its stack, which goes on denying."""
    deploy_brake()
    with pytest.raises(CommandError, match="BedrockMeter-Governance is deployed") as caught:
        check_deploying()
    first, second, third = caught.value.details
    assert "bedrock-meter deny switch off" in first
    assert "delete-stack --stack-name BedrockMeter-Governance --region us-east-1" in second
    assert "make deploy" in third


def test_governance_without_a_brake_needs_no_switch() -> None:
    deploy(stack_names.GOVERNANCE)
    with pytest.raises(CommandError, match="BedrockMeter-Governance is deployed") as caught:
        check_deploying()
    assert "deny switch" not in " ".join(caught.value.details)
    check_bootstrapping()


def test_the_boundary_keeps_what_a_deployed_brake_needs_to_release() -> None:
    deploy_brake()
    for settings in ((), WITHOUT_BRAKE):
        with pytest.raises(CommandError, match=r"could not release callers: run make deploy"):
            check_bootstrapping(*settings)
    check_bootstrapping(environments=("aws://123456789012/eu-west-1",))


def test_a_brake_is_removed_by_a_deployment_and_its_rights_after_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    on = ("-c", "governance=true", "-c", "brake=true")
    off = ("-c", "governance=true", "-c", "brake=false")
    call_command("prepare", "bootstrap", *on)
    deploy_brake()
    call_command("prepare", "deploy", *on)
    capsys.readouterr()
    call_command("prepare", "deploy", *off)
    assert "still allows what the brake may do: run make bootstrap afterwards" in (
        capsys.readouterr().out
    )
    with pytest.raises(FailedCommand, match="run make deploy first"):
        call_command("prepare", "bootstrap", *off)
    boto3.client("cloudformation").delete_stack(StackName=stack_names.GOVERNANCE)
    deploy(stack_names.GOVERNANCE)
    call_command("prepare", "bootstrap", *off)
    call_command("prepare", "deploy", *off)
    with pytest.raises(FailedCommand, match="run make bootstrap"):
        call_command("prepare", "deploy", *on)


def test_each_region_of_the_settings_is_checked() -> None:
    deploy_brake()
    regions = 'regions=["eu-west-1", "us-east-1"]'
    with pytest.raises(CommandError, match="in us-east-1"):
        check_deploying(regions)
    check_deploying('regions=["eu-west-1"]')


def test_credentials_that_may_only_assume_roles_of_the_cdk_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    session = boto3.Session()

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeStacks")

    session.events.register("before-call.cloudformation.DescribeStacks", refuse)
    check_deploy(session, read_settings(), open_brake)
    assert "not readable with these credentials" in capsys.readouterr().out


@pytest.mark.parametrize("target", ["deploy", "bootstrap"])
def test_make_refuses_before_the_cdk_starts(target: str) -> None:
    deploy_brake()
    with pytest.raises(FailedCommand, match=f"^{target}: .*is deployed in us-east-1"):
        call_command("prepare", target)
