"""Deployed values come from the templates, with the names that CloudFormation gave."""

from typing import Any

import pytest

from lambdas.domain.safeguards.deployed import (
    UNKNOWN,
    DeployedStack,
    StackResource,
    matches,
    read_resources,
)
from tests.unit.safeguards.deployed import ACCOUNT, BEFORE, FUNCTION, FUNCTION_ARN, KEY, TOPIC


def stack(name: str, definitions: dict[str, Any], **names: str) -> DeployedStack:
    return DeployedStack(
        f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/{name}/id",
        {"Resources": definitions},
        {logical_id: StackResource(value, BEFORE) for logical_id, value in names.items()},
        {"Storage:Key": KEY} if name == "Storage" else {},
    )


DEFINITIONS = {
    "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}},
    "Function": {"Type": "AWS::Lambda::Function", "Properties": {}},
    "Role": {"Type": "AWS::IAM::Role"},
    "Bucket": {"Type": "AWS::S3::Bucket"},
    "Queue": {"Type": "AWS::SQS::Queue"},
}


def resolve_value(template: object) -> Any:
    """A property's value, in a stack with a topic, a function and a role."""
    probe = {"Type": "Probe", "Properties": {"Value": template}}
    names = {"Topic": TOPIC, "Function": FUNCTION, "Role": "role", "Bucket": "b", "Probe": "probe"}
    names["Queue"] = f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/events"
    stacks = (stack("Storage", {}), stack("Monitoring", {**DEFINITIONS, "Probe": probe}, **names))
    (found,) = (resource for resource in read_resources(stacks) if resource.kind == "Probe")
    return found.properties["Value"]


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("text", "text"),
        (5, 5),
        ({"Ref": "Topic"}, TOPIC),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "AWS::AccountId"}, ACCOUNT),
        ({"Ref": "AWS::Partition"}, "aws"),
        ({"Ref": "AWS::StackName"}, "Monitoring"),
        ({"Ref": "AWS::URLSuffix"}, "amazonaws.com"),
        ({"Ref": "Missing"}, UNKNOWN),
        ({"Fn::ImportValue": "Storage:Key"}, KEY),
        ({"Fn::ImportValue": "Other:Key"}, UNKNOWN),
        ({"Fn::GetAtt": ["Function", "Arn"]}, FUNCTION_ARN),
        ({"Fn::GetAtt": ["Role", "Arn"]}, f"arn:aws:iam::{ACCOUNT}:role/role"),
        ({"Fn::GetAtt": ["Topic", "Arn"]}, TOPIC),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, f"arn:aws:sqs:us-east-1:{ACCOUNT}:events"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, UNKNOWN),
        ({"Fn::GetAtt": ["Missing", "Arn"]}, UNKNOWN),
        ({"Fn::GetAtt": ["Bucket", "DomainName"]}, UNKNOWN),
        ({"Fn::Join": ["", ["alarm:", {"Ref": "AWS::Region"}, ":*"]]}, "alarm:us-east-1:*"),
        ({"Fn::Join": ["", ["alarm:", {"Ref": "Missing"}]]}, UNKNOWN),
        ({"Fn::Sub": "${Topic}"}, UNKNOWN),
        ([{"Ref": "Topic"}, {"a": {"Ref": "Topic"}}], [TOPIC, {"a": TOPIC}]),
    ],
)
def test_intrinsic_functions_are_resolved(template: object, value: object) -> None:
    assert resolve_value(template) == value


def test_resources_with_a_false_condition_are_left_out() -> None:
    assert list(read_resources([stack("Monitoring", DEFINITIONS, Topic=TOPIC)])) == [
        *read_resources([stack("Monitoring", {"Topic": DEFINITIONS["Topic"]}, Topic=TOPIC)])
    ]


@pytest.mark.parametrize(
    ("deployed", "live", "is_same"),
    [
        (1, 1.0, True),
        (1, 2, False),
        (["one"], "one", True),
        (["one", "two"], ["two", "one"], True),
        (["one", "one"], ["one", "two"], False),
        ([], ["one"], False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": UNKNOWN}, {"a": "anything"}, True),
        ({"a": UNKNOWN}, {}, False),
        ("caf?", "café", True),
        ("cafe", "café", False),
        ("caf?", "cafe", False),
        (None, "text", False),
    ],
)
def test_values_are_compared_ignoring_order_and_spelling(
    deployed: object, live: object, is_same: bool
) -> None:
    assert matches(deployed, live) is is_same
