"""Only AWS's services and roles of the meter publish to the topic, so events there are its own."""

import json
import re
from typing import Any

import pytest

from tests.infrastructure.synthesis import CONFIGURATIONS, deployment, only, resources
from tests.policy_evaluation import denies_everyone

ACCOUNT = "111122223333"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:BedrockMeter-Monitoring-Notifications"
ROLES = f"arn:aws:iam::{ACCOUNT}:role"
OTHERS = (
    f"{ROLES}/Admin",
    f"{ROLES}/BedrockMeterAdmin",
    f"{ROLES}/service/BedrockMeter-Monitoring-BudgetEvaluatorRole-1A2B3C4D5E6F",
    "arn:aws:iam::444455556666:role/BedrockMeter-Monitoring-BudgetEvaluatorRole-1A2B3C4D5E6F",
    f"arn:aws:iam::{ACCOUNT}:user/ana",
    f"arn:aws:iam::{ACCOUNT}:root",
)
SECURE = {"aws:SecureTransport": "true"}
USER = {**SECURE, "aws:PrincipalIsAWSService": "false"}
each_configuration = pytest.mark.parametrize("configuration", CONFIGURATIONS)


def read_policy(configuration: str) -> dict[str, Any]:
    """The topic's policy, with the account's names."""
    document = only(deployment(configuration).monitoring, "AWS::SNS::TopicPolicy")["PolicyDocument"]
    (topic,) = resources(deployment(configuration).monitoring, "AWS::SNS::Topic")
    text = json.dumps(document).replace(json.dumps({"Ref": topic}), json.dumps(TOPIC))
    for name, value in (("Partition", "aws"), ("AccountId", ACCOUNT), ("Region", "us-east-1")):
        text = text.replace(json.dumps({"Ref": f"AWS::{name}"}), json.dumps(value))
    joined = re.sub(
        r'\{"Fn::Join": \["", (\[[^\]]*\])\]\}',
        lambda found: json.dumps("".join(json.loads(found[1]))),
        text,
    )
    policy: dict[str, Any] = json.loads(joined)
    return policy


@each_configuration
def test_no_one_else_may_publish_whatever_their_policies_allow(configuration: str) -> None:
    policy = read_policy(configuration)
    for principal in OTHERS:
        context = {**USER, "aws:PrincipalArn": principal}
        assert denies_everyone(policy, "sns:Publish", TOPIC, context), principal
    assert denies_everyone(policy, "sns:Publish", TOPIC, SECURE)  # without credentials


@each_configuration
def test_every_role_of_the_meter_and_services_may_publish(configuration: str) -> None:
    policy = read_policy(configuration)
    for stack in ("Monitoring", "Governance", "Reporting", "Gateway", "Webhooks"):
        context = {**USER, "aws:PrincipalArn": f"{ROLES}/BedrockMeter-{stack}-ARole-1A2B3C4D5E6F"}
        assert not denies_everyone(policy, "sns:Publish", TOPIC, context), stack
    service = {**SECURE, "aws:PrincipalIsAWSService": "true"}
    assert not denies_everyone(policy, "sns:Publish", TOPIC, service)


def test_others_may_read_the_topic_and_subscribe() -> None:
    context = {**USER, "aws:PrincipalArn": OTHERS[0]}
    for action in ("sns:GetTopicAttributes", "sns:Subscribe", "sns:SetTopicAttributes"):
        assert not denies_everyone(read_policy("default"), action, TOPIC, context)
