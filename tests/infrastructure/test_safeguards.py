"""The deployed templates define everything that the watcher compares."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from cdk.config import stack_names
from lambdas.domain.safeguards.alarms import compare_alarms
from lambdas.domain.safeguards.deployed import (
    UNKNOWN,
    DeployedResource,
    DeployedStack,
    StackResource,
    list_resources,
    read_resources,
)
from lambdas.domain.safeguards.functions import Function, compare_functions
from lambdas.domain.safeguards.ledger import Table, compare_tables
from lambdas.domain.safeguards.starts import Rule, compare_mappings, compare_rules
from lambdas.domain.safeguards.topic import (
    Key,
    Topic,
    TopicSubscription,
    compare_key,
    compare_topic,
    find_key,
)
from tests.infrastructure.synthesis import CONFIGURATIONS, deployment

NOON = datetime(2026, 9, 8, 12, tzinfo=UTC)
STORAGE = f"{stack_names.STORAGE}-"
KINDS = (
    "AWS::CloudWatch::Alarm",
    "AWS::DynamoDB::Table",
    "AWS::Events::Rule",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::KMS::Key",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
)
each_configuration = pytest.mark.parametrize("configuration", CONFIGURATIONS)


def deployed(configuration: str) -> tuple[DeployedResource, ...]:
    """The resources of a deployment in which CloudFormation has named everything."""
    stacks = [
        DeployedStack(
            f"arn:aws:cloudformation:us-east-1:111122223333:stack/{name}/id",
            template,
            {
                logical_id: StackResource(_name(definition, f"{name}-{logical_id}"), NOON)
                for logical_id, definition in template["Resources"].items()
            },
            {
                output["Export"]["Name"]: f"value of {logical_id}"
                for logical_id, output in template.get("Outputs", {}).items()
                if "Export" in output
            },
        )
        for name, template in deployment(configuration).templates.items()
    ]
    return read_resources(stacks)


def _name(definition: dict[str, Any], generated: str) -> str:
    name: str = definition.get("Properties", {}).get("AlarmName", generated)
    return name


def unknown(value: object) -> Iterator[object]:
    """The parts of a value that only CloudFormation knows."""
    if value is UNKNOWN:
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from unknown(part)
    elif isinstance(value, list):
        for part in value:
            yield from unknown(part)


@each_configuration
def test_every_compared_property_is_known_at_synthesis(configuration: str) -> None:
    unknown_properties = {
        (resource.physical_id, name)
        for kind in KINDS
        for resource in list_resources(deployed(configuration), kind)
        for name, value in resource.properties.items()
        if [*unknown(value)]
    }
    # These are not compared; a table's key is compared with the deployment's one key.
    not_compared = {"Code", "KmsKeyId", "SSESpecification"}
    assert {name for _, name in unknown_properties} <= not_compared


def write_policy(table: dict[str, Any]) -> str | None:
    """Write the policy of a table as the account returns it; `None` without one."""
    policy = table.get("ResourcePolicy")
    return None if policy is None else json.dumps(policy["PolicyDocument"])


@each_configuration
def test_an_account_with_the_deployed_values_has_no_drift(configuration: str) -> None:
    resources = deployed(configuration)

    def live(kind: str) -> dict[str, dict[str, Any]]:
        return {
            resource.physical_id: dict(resource.properties)
            for resource in list_resources(resources, kind)
        }

    asynchronous = {
        values["FunctionName"]: values for values in live("AWS::Lambda::EventInvokeConfig").values()
    }
    assert len(asynchronous) > 2
    functions = {
        name: Function(
            {**values, "Layers": [{"Arn": arn} for arn in values.get("Layers", [])]},
            None,
            asynchronous.get(name, {}),
        )
        for name, values in live("AWS::Lambda::Function").items()
    }
    rules = {
        name: Rule(
            values["State"],
            values.get("EventPattern"),
            values.get("ScheduleExpression"),
            tuple(values["Targets"]),
        )
        for name, values in live("AWS::Events::Rule").items()
    }
    mappings = {
        name: {**values, "State": "Enabled", "FunctionArn": f"arn:{values['FunctionName']}"}
        for name, values in live("AWS::Lambda::EventSourceMapping").items()
    }
    streams = {values["EventSourceArn"] for values in mappings.values()}
    tables = {
        name: Table(
            values.get("StreamSpecification", {}).get("StreamViewType"),
            next((arn for arn in streams if name.removeprefix(STORAGE) in arn), None),
            values.get("TimeToLiveSpecification", {}).get("AttributeName"),
            is_protected=True,
            is_recoverable=True,
            key=find_key(resources) if "SSESpecification" in values else None,
            resource_policy=write_policy(values),
        )
        for name, values in live("AWS::DynamoDB::Table").items()
    }
    (topic,) = live("AWS::SNS::Topic").values()
    (policy,) = live("AWS::SNS::TopicPolicy").values()
    key_id = find_key(resources)
    assert key_id is not None
    key = live("AWS::KMS::Key")[key_id]
    subscriptions = tuple(
        TopicSubscription(
            values["Protocol"],
            values["Endpoint"],
            is_confirmed=True,
            filter_policy=json.dumps(values["FilterPolicy"]) if "FilterPolicy" in values else None,
        )
        for values in live("AWS::SNS::Subscription").values()
    )
    live_topic = Topic(topic["KmsMasterKeyId"], policy["PolicyDocument"], subscriptions)
    assert len(functions) > 5
    assert len(rules) > 5
    assert [
        *compare_alarms(resources, live("AWS::CloudWatch::Alarm")),
        *compare_topic(resources, live_topic, NOON),
        *compare_key(resources, Key("Enabled", key["KeyPolicy"])),
        *compare_rules(resources, rules),
        *compare_mappings(resources, mappings),
        *compare_functions(resources, functions),
        *compare_tables(resources, tables),
    ] == []
