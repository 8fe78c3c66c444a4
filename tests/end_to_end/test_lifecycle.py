"""Deploying and destroying leave the account's own logging intact and keep all counts.

These tests refuse, destroy and purge deployments, so they have an account of their own.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cdk.config import stack_names
from cdk.local_cloud.cloud import ACCOUNT, LocalCloud, open_local_cloud
from cdk.local_cloud.deployment import find_function
from tests.end_to_end.deployed import (
    Deployed,
    bootstrap,
    calls,
    make,
    settings,
    user,
)

AUDIT = "/audit/bedrock"
FOREIGN: dict[str, Any] = {
    "cloudWatchConfig": {"logGroupName": AUDIT, "roleArn": f"arn:aws:iam::{ACCOUNT}:role/audit"},
    "textDataDeliveryEnabled": True,
}
DESTROY = "SET=--force"


@pytest.fixture(scope="module")
def bootstrapped() -> Iterator[LocalCloud]:
    with open_local_cloud() as local_cloud:
        bootstrap(local_cloud)
        local_cloud.client("logs").create_log_group(logGroupName=AUDIT)
        yield local_cloud


@pytest.fixture
def cloud(bootstrapped: LocalCloud) -> Iterator[LocalCloud]:
    """An account whose logging another team configured; the meter is destroyed afterwards."""
    configure(bootstrapped, FOREIGN)
    yield bootstrapped
    make(bootstrapped, "destroy", DESTROY)
    assert "deleted AWS::DynamoDB::Table" in make(bootstrapped, "purge", typed="purge\n")
    assert statuses(bootstrapped) == {}
    assert bootstrapped.client("dynamodb").list_tables()["TableNames"] == []


def configure(cloud: LocalCloud, configuration: dict[str, Any]) -> None:
    cloud.client("bedrock").put_model_invocation_logging_configuration(loggingConfig=configuration)


def live(cloud: LocalCloud) -> dict[str, Any]:
    answer = cloud.client("bedrock").get_model_invocation_logging_configuration()
    return dict(answer.get("loggingConfig") or {})


def statuses(cloud: LocalCloud) -> dict[str, str]:
    stacks = cloud.client("cloudformation").describe_stacks()["Stacks"]
    return {
        stack["StackName"]: stack["StackStatus"]
        for stack in stacks
        if stack["StackName"].startswith("BedrockMeter")
        and stack["StackStatus"] != "DELETE_COMPLETE"
    }


def test_foreign_logging_is_refused_then_replaced_and_restored(cloud: LocalCloud) -> None:
    printed = make(cloud, "deploy", settings(), is_ok=False)
    assert "Bedrock's invocation logging is already configured" in printed
    assert f"log group {AUDIT}. Nothing was changed." in printed
    assert live(cloud) == FOREIGN

    make(cloud, "deploy", settings(existing_logging="replace"))
    first = Deployed(cloud)
    assert live(cloud)["cloudWatchConfig"]["logGroupName"] == first.log_group
    steady = user("steady")
    first.log_calls(*calls(steady, 4))
    first.wait_for_tokens(steady, 60)

    make(cloud, "destroy", DESTROY)
    assert live(cloud) == FOREIGN
    assert statuses(cloud).keys() == {stack_names.STORAGE}
    assert cloud.client("lambda").list_functions()["Functions"] == []
    assert cloud.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert len(first.ledger(steady)) == 4

    make(cloud, "deploy", settings(existing_logging="replace", governance=True))
    second = Deployed(cloud)
    second.log_calls(*calls(steady, 2))
    second.wait_for_tokens(steady, 90)
    second.settle()
    assert second.tokens(steady) == 90
    assert len(second.ledger(steady)) == 6
    printed = make(cloud, "deploy", settings(existing_logging="replace"), is_ok=False)
    assert f"{stack_names.GOVERNANCE} is deployed in" in printed
    make(cloud, "destroy", DESTROY)  # with settings that have no governance
    assert live(cloud) == FOREIGN
    assert statuses(cloud).keys() == {stack_names.STORAGE}


def test_adopted_logging_is_read_and_left_unchanged(cloud: LocalCloud) -> None:
    changes = {"existing_logging": "adopt", "adopted_log_group": AUDIT}
    adopting = settings(**changes)
    assert "of other settings: run make bootstrap" in make(cloud, "deploy", adopting, is_ok=False)
    bootstrap(cloud, **changes)
    make(cloud, "deploy", adopting)
    assert live(cloud) == FOREIGN
    deployed, audited = Deployed(cloud), user("audited")
    assert deployed.log_group == AUDIT
    deployed.log_calls(*calls(audited, 3))
    deployed.wait_for_tokens(audited, 45)
    make(cloud, "destroy", DESTROY)
    assert live(cloud) == FOREIGN
    bootstrap(cloud)


def test_a_planted_configuration_is_not_restored(cloud: LocalCloud) -> None:
    make(cloud, "deploy", settings(existing_logging="replace"))
    ours = live(cloud)
    invoke_configurator(cloud, "Update", IsContentLogged="true")
    invoke_configurator(cloud, "Delete")
    assert live(cloud) == ours

    plant(cloud, {"s3Config": {"bucketName": "attacker-bucket"}})
    printed = make(
        cloud, "deploy", settings(existing_logging="replace", log_content=True), is_ok=False
    )
    assert "differs from the copy in the state table" in printed
    assert statuses(cloud)[stack_names.INGESTION] == "UPDATE_ROLLBACK_COMPLETE"
    assert live(cloud) == ours
    _, _, problems = make(cloud, "doctor", is_ok=False).partition("fix these first: ")
    assert "invocation logging" in problems

    make(cloud, "destroy", DESTROY)
    assert live(cloud) == {}


def invoke_configurator(cloud: LocalCloud, request_type: str, **properties: str) -> None:
    """Send a request as CloudFormation does, while it deploys nothing; it is refused."""
    name = find_function(cloud, stack_names.INGESTION, "LoggingConfigurator")
    request = {"RequestType": request_type, "ResourceProperties": properties}
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(request).encode())
    assert "was refused: the stack is in status" in answer["Payload"].read().decode()


def plant(cloud: LocalCloud, found: dict[str, Any]) -> None:
    """Write a configuration to be put back into the logging state."""
    name = Deployed(cloud).deployment.output(stack_names.STORAGE, "LoggingStateParameterName")
    ssm = cloud.client("ssm")
    logging_state = json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    ssm.put_parameter(
        Name=name, Value=json.dumps({**logging_state, "found": found}), Overwrite=True
    )
