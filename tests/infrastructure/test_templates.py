"""Every template satisfies cfn-lint, and every Region gets its own stacks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from cdk import nag
from cdk.app import build
from cdk.components.acknowledgements import acknowledge_wildcard
from cdk.config import Config
from tests.infrastructure.synthesis import CONFIGURATIONS, ROOT, deployment, resources, synthesize

IGNORED = (
    "W3005",  # the CDK writes DependsOn beside an equivalent reference
    "W3694",  # it joins with Fn::Join, and never with Fn::Sub
    "W6001",  # the stack of webhooks names the key of storage, where its commands look for it
)


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_cfn_lint_finds_nothing(configuration: str) -> None:
    templates = sorted(map(str, deployment(configuration).folder.glob("*.template.json")))
    optional = 3 * (configuration == "everything")  # governance, gateway and webhooks
    assert len(templates) == 4 + optional
    command = [str(Path(sys.executable).with_name("cfn-lint")), "-i", *IGNORED, "--"]
    done = subprocess.run([*command, *templates], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture
def app() -> App:
    app = App(analytics_reporting=False)
    nag.check(app)
    return app


def test_an_unacknowledged_cdk_nag_finding_fails_synthesis() -> None:
    app = App(analytics_reporting=False, context={"aws:cdk:disable-asset-staging": True})
    build(app, Config())
    s3.Bucket(Stack(app, "Other"), "Careless")
    with pytest.raises(RuntimeError, match="AwsSolutions-S1"):
        app.synth()


@pytest.mark.parametrize(
    "acknowledgement", [{"action": "s3:*"}, {"resource": "arn:aws:s3:::other/*"}]
)
def test_an_acknowledgement_that_matches_no_finding_fails_synthesis(
    app: App, acknowledgement: dict[str, str]
) -> None:
    role = iam.Role(Stack(app, "Other"), "Role", assumed_by=iam.AccountRootPrincipal())
    acknowledge_wildcard(role, reason="nothing needs this", **acknowledgement)
    with pytest.raises(RuntimeError, match=r"AwsSolutions-IAM5\[.*:s3:.*\*\]"):
        app.synth()


def test_an_acknowledgement_is_for_one_wildcard_of_one_construct(app: App) -> None:
    stack = Stack(app, "Other")
    roles = [iam.Role(stack, name, assumed_by=iam.AccountRootPrincipal()) for name in "AB"]
    for role in roles:
        role.add_to_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"]))
    acknowledge_wildcard(roles[0], resource="*", reason="for this test")
    with pytest.raises(RuntimeError) as error:
        app.synth()
    assert "Other/B" in str(error.value)
    assert "Other/A" not in str(error.value)


def test_each_region_has_four_stacks_with_the_same_names() -> None:
    several = synthesize({"regions": ["us-east-1", "eu-west-1"]})
    assert sorted(several.templates) == sorted(
        f"BedrockMeter-{stack}-{region}"
        for stack in ("Storage", "Ingestion", "Reporting", "Monitoring")
        for region in ("us-east-1", "eu-west-1")
    )
    manifest = json.loads((several.folder / "manifest.json").read_text())["artifacts"]
    for region in ("us-east-1", "eu-west-1"):
        stack = manifest[f"BedrockMeter-Storage-{region}"]
        assert stack["properties"]["stackName"] == "BedrockMeter-Storage"
        assert stack["environment"] == f"aws://unknown-account/{region}"


def test_a_local_cloud_uses_the_local_python_and_processor() -> None:
    local = synthesize({"python_version": "3.11", "architecture": "x86_64"})
    functions = resources(local.ingestion, "AWS::Lambda::Function").values()
    ours = [function for function in functions if function["Handler"].startswith("lambdas.")]
    assert {(function["Runtime"], *function["Architectures"]) for function in ours} == {
        ("python3.11", "x86_64")
    }


def test_lambda_runs_the_newest_python_on_arm() -> None:
    functions = resources(deployment().ingestion, "AWS::Lambda::Function").values()
    ours = [function for function in functions if function["Handler"].startswith("lambdas.")]
    assert {(function["Runtime"], *function["Architectures"]) for function in ours} == {
        ("python3.14", "arm64")
    }


def test_an_invalid_configuration_ends_with_one_clear_message() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cdk.app"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "CDK_CONTEXT_JSON": '{"metric_detail": "much"}'},
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "The configuration is invalid:",
        "  metric_detail = 'much': allowed: 'standard' or 'full'",
    ]
