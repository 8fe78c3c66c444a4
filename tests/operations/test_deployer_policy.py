"""The deployer's policy in the repository is what the templates need, and fits one policy."""

import json
from fnmatch import fnmatch
from typing import Any

import pytest

from cdk.operations import deployer_policy
from cdk.operations.deployer_policy import POLICY, derive
from cdk.operations.terminal import CommandError
from tests.infrastructure.synthesis import CONFIGURATIONS, as_list, deployment

LARGEST_MANAGED_POLICY = 6144
KEPT: dict[str, Any] = json.loads(POLICY.read_text())


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_the_file_is_derived_from_the_templates(configuration: str) -> None:
    """Run make synth deployer-policy where this fails."""
    assert derive(deployment(configuration).templates.values()) == KEPT


def test_it_fits_a_managed_policy() -> None:
    assert len(json.dumps(KEPT, separators=(",", ":"))) <= LARGEST_MANAGED_POLICY


def test_it_makes_everything_that_is_deployed() -> None:
    actions = {action for it in KEPT["Statement"] for action in as_list(it["Action"])}
    assert actions >= {
        *("lambda:CreateFunction", "lambda:PublishLayerVersion", "lambda:CreateEventSourceMapping"),
        *("iam:CreateRole", "iam:PutRolePolicy", "dynamodb:CreateTable", "logs:CreateLogGroup"),
        *("logs:PutSubscriptionFilter", "s3:CreateBucket", "s3:PutBucketPolicy", "sns:CreateTopic"),
        *("kms:CreateKey", "kms:PutKeyPolicy", "events:PutRule", "cloudwatch:PutMetricAlarm"),
        *("cloudwatch:PutDashboard", "ssm:PutParameter", "sns:Subscribe"),
    }


def test_no_role_but_our_own_is_touched_or_passed() -> None:
    for statement in KEPT["Statement"]:
        actions = set(as_list(statement["Action"])) - {"iam:ListRoles"}
        if any(action.startswith("iam:") for action in actions):
            for resource in as_list(statement["Resource"]):
                assert fnmatch(resource, "arn:*:iam::*:*/BedrockMeter-*")
    (passing,) = (it for it in KEPT["Statement"] if it["Action"] == "iam:PassRole")
    assert passing["Condition"]["StringEquals"] == {"iam:PassedToService": "lambda.amazonaws.com"}


def test_no_data_is_read_or_written() -> None:
    actions = {action for it in KEPT["Statement"] for action in as_list(it["Action"])}
    assert actions.isdisjoint(
        {"dynamodb:GetItem", "dynamodb:Scan", "logs:GetLogEvents", "logs:PutLogEvents", "s3:*"}
    )
    assert not [action for action in actions if "*" in action]


def test_without_templates_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(deployer_policy, "_TEMPLATES", tmp_path)
    with pytest.raises(CommandError, match="run make synth first"):
        deployer_policy.main()
