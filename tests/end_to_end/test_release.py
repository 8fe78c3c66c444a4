"""A release is deployed by the CDK's command line alone, and this version replaces a kept one.

A release has an assembly of its own and an upgrade replaces a deployment: each has its own account.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import urllib3
from packaging.version import Version

from cdk.components.bundle import ROOT
from cdk.config import stack_names
from cdk.local_cloud.cloud import LocalCloud, open_local_cloud
from cdk.local_cloud.deployment import deploy, local_settings
from cdk.operations.kept_release import KEPT_RELEASES, keep
from cdk.operations.release import ASSEMBLY, CHECKSUMS, build
from tests.command_line import BEDROCK_METER
from tests.end_to_end.deployed import Deployed, bootstrap, calls, make, settings, user
from tests.releases import DAY, complete

PACKAGES = json.loads((ROOT / "cdk" / "package.json").read_text())["dependencies"]
STATEFUL = {
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::SSM::Parameter",
}
GATEWAY: dict[str, Any] = {"governance": True, "gateway": True}
EVERYTHING: dict[str, Any] = GATEWAY | {"webhooks": True, "credits": True}
OPTIONAL = {stack_names.GATEWAY, stack_names.WEBHOOKS}
CDK = ROOT / f".venv/cdk-{PACKAGES['aws-cdk']}/node_modules/.bin/cdk"


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assembly of a release whose functions run on this machine."""
    folder = tmp_path_factory.mktemp("release") / "current"
    build(folder, DAY, local_settings())
    return folder / ASSEMBLY


def test_an_assembly_is_deployed_with_nothing_else_and_counts(assembly: Path) -> None:
    with open_local_cloud() as cloud:
        bootstrap(cloud)
        deployed = subprocess.run(
            [
                CDK,
                "deploy",
                "--all",
                "--app",
                assembly,
                "--require-approval",
                "never",
                "--no-notices",
            ],
            cwd=assembly.parent,
            env=dict(cloud.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        assert deployed.returncode == 0, deployed.stderr[-3000:]
        assert_calls_are_counted(Deployed(cloud))


def test_this_version_replaces_the_latest_release_and_keeps_its_counts(
    assembly: Path, tmp_path: Path
) -> None:
    """It is the latest published one, or the current code before the first one."""
    keep(assembly, tmp_path / "0.0.0", assembly.parent / CHECKSUMS)
    published = [path for path in (ROOT / KEPT_RELEASES).iterdir() if path.is_dir()]
    latest = max([tmp_path / "0.0.0", *published], key=lambda path: Version(path.name))
    complete(latest, assembly, tmp_path / "complete")
    caller = user("caller")
    with open_local_cloud() as cloud:
        bootstrap(cloud)
        deploy(cloud, tmp_path / "complete")
        deployed = Deployed(cloud)
        assert_calls_are_counted(deployed)
        stateful, counted = stateful_resources(cloud), deployed.ledger(caller)
        keys: list[str] = []
        assert len(stateful) > 5
        assert len(counted) == 2

        for step, changes, expected_tokens in (
            ("deploy", {"governance": True}, 60),
            ("deploy", GATEWAY, 90),
            ("deploy", EVERYTHING, 120),
            ("destroy", {}, 120),
            ("deploy", EVERYTHING, 150),
            ("switch off", {"governance": True}, 180),
        ):
            if step == "destroy":
                make(cloud, "destroy", "SET=--force")  # with settings that have no gateway
                assert list_stacks(cloud) == {stack_names.STORAGE}
            else:
                if step == "switch off":  # the key of webhooks leaves the storage only after it
                    delete_stack(cloud, stack_names.WEBHOOKS)
                bootstrap(cloud, **dict.fromkeys(changes, "true"))
                make(cloud, "deploy", settings(**changes))
                deployed = Deployed(cloud)
                deployed.log_calls(*calls(caller, 2))
                deployed.wait_for_tokens(caller, expected_tokens)
            if changes is EVERYTHING:
                assert_webhooks_and_credits_work(cloud)
            if changes.get("gateway"):
                assert call_without_key(deployed) == (403, "AccessDeniedException")
                keys.append(make_key(cloud))
            if step == "switch off":
                delete_stack(cloud, stack_names.GATEWAY)
                assert list_stacks(cloud) == set(stack_names.ALL) - OPTIONAL
            assert stateful_resources(cloud).items() >= stateful.items()
            assert [call for call in counted if call not in deployed.ledger(caller)] == []
        listed = run_command(cloud, "keys", "list")
        assert all(key in listed for key in keys)
        deployed.settle()
        assert deployed.tokens(caller) == 180
        assert len(deployed.ledger(caller)) == 12


def assert_webhooks_and_credits_work(cloud: LocalCloud) -> None:
    """Read receivers and grants by commands, and find the functions."""
    assert "There are no receivers" in run_command(cloud, "webhooks", "list")
    assert run_command(cloud, "credits", "balance")
    functions = cloud.client("lambda").get_paginator("list_functions").paginate()
    names = [each["FunctionName"] for page in functions for each in page["Functions"]]
    for function in ("WebhookRouter", "WebhookSender", "CreditBooker"):
        assert any(function in name for name in names), function


def list_stacks(cloud: LocalCloud) -> set[str]:
    """The names of the meter's stacks that are deployed."""
    stacks = cloud.client("cloudformation").describe_stacks()["Stacks"]
    return {
        stack["StackName"]
        for stack in stacks
        if stack["StackName"] in stack_names.ALL and stack["StackStatus"] != "DELETE_COMPLETE"
    }


def delete_stack(cloud: LocalCloud, name: str) -> None:
    client = cloud.client("cloudformation")
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def call_without_key(deployed: Deployed) -> tuple[int, str]:
    """Call a model through the gateway; returns the status and the code of the answer."""
    public = deployed.deployment.output(stack_names.GATEWAY, "GatewayUrl")
    name = public.removeprefix("https://").partition(".")[0]
    url = f"{deployed.cloud.endpoint}/_aws/lambda-url/{name}/model/amazon.nova-micro-v1:0/converse"
    answer = urllib3.request("POST", url, json={"messages": []}, retries=False, timeout=60)
    return answer.status, answer.headers["x-amzn-errortype"]


def make_key(cloud: LocalCloud) -> str:
    """Make a key of the gateway as operators do; returns its prefix."""
    printed = run_command(cloud, "keys", "create", "--owner", "ana@example.com")
    (prefix,) = re.findall(r"^(\S+) is stored", printed, re.MULTILINE)
    return str(prefix)


def run_command(cloud: LocalCloud, *arguments: str) -> str:
    done = subprocess.run(
        [*BEDROCK_METER, *arguments],
        env=dict(cloud.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def stateful_resources(cloud: LocalCloud) -> dict[str, str]:
    """The physical names of what the storage stack keeps, by logical id."""
    pages = cloud.client("cloudformation").get_paginator("list_stack_resources")
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages.paginate(StackName=stack_names.STORAGE)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] in STATEFUL
    }


def assert_calls_are_counted(deployed: Deployed) -> None:
    caller = user("caller")
    deployed.log_calls(*calls(caller, 2))
    deployed.wait_for_tokens(caller, 30)
