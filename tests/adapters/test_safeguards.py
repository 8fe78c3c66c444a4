"""Alarms, topic, key, logs, rules and functions as AWS and CloudFormation describe them."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from lambdas.adapters.cloudformation_templates import CloudFormationTemplates
from lambdas.adapters.cloudwatch.alarms import CloudWatchAlarms
from lambdas.adapters.cloudwatch_logs.log_settings import CloudWatchLogSettings
from lambdas.adapters.eventbridge_rules import EventBridgeRules
from lambdas.adapters.kms_keys import KmsKeys
from lambdas.adapters.lambda_functions import LambdaFunctions
from lambdas.adapters.sns_topics import SnsTopics
from lambdas.domain.safeguards.account_policies import ACCOUNT_POLICY_EFFECTS, AccountPolicy
from lambdas.domain.safeguards.alarms import MuteRule, compare_alarms
from lambdas.domain.safeguards.deployed import read_resources
from lambdas.domain.safeguards.functions import Function
from lambdas.domain.safeguards.log_policies import LogPolicies
from lambdas.domain.safeguards.ports import NotReadableError
from lambdas.domain.safeguards.starts import Rule, compare_rules
from lambdas.domain.safeguards.topic import Key, Topic, TopicSubscription, compare_topic
from tests.unit.safeguards.deployed import (
    ALARM_PROPERTIES,
    COVERAGE,
    FUNCTION,
    FUNCTION_ARN,
    NOON,
    resource,
)

GROUP = "meter"
MASKING = {
    "Statement": [
        {
            "DataIdentifier": [f"arn:aws:dataprotection::aws:data-identifier/{name}"],
            "Operation": {operation: {}},
        }
        for name, operation in (("Ssn-US", "Deidentify"), ("IpAddress", "Audit"))
    ]
}
MAPPING = "11111111-2222-3333-4444-555555555555"
MAIL = resource(
    "AWS::SNS::Subscription", "mail", {"Endpoint": "finops@example.com", "Protocol": "email"}
)
ENDPOINTS = [MAIL.properties["Endpoint"]]
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "Bedrock Meter"}},
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Name": "BedrockMeter-Rule",
                "ScheduleExpression": "rate(5 minutes)",
                "State": "ENABLED",
                "Targets": [{"Arn": {"Ref": "Topic"}, "Id": "Target0"}],
            },
        },
    },
    "Outputs": {"TopicArn": {"Value": {"Ref": "Topic"}, "Export": {"Name": "Stack:Topic"}}},
}


def client(service: Any) -> Any:
    return boto3.client(service, region_name="us-east-1")


def test_a_deployed_stack_matches_its_template(aws: None) -> None:
    """A complete check of resources that moto deploys and that then change."""
    boto3.client("cloudformation").create_stack(
        StackName="Stack", TemplateBody=json.dumps(TEMPLATE)
    )
    (stack,) = CloudFormationTemplates(boto3.client("cloudformation"), ["Stack"]).read()
    topic = stack.resources["Topic"].physical_id
    assert stack.exports == {"Stack:Topic": topic}
    sns = boto3.client("sns")
    subscription = sns.subscribe(
        TopicArn=topic, Protocol="email", Endpoint=MAIL.properties["Endpoint"]
    )
    notifying = {**ALARM_PROPERTIES, "AlarmActions": [topic], "OKActions": [topic]}
    boto3.client("cloudwatch").put_metric_alarm(**notifying)
    # moto deploys no alarms and no subscriptions.
    alarm = resource("AWS::CloudWatch::Alarm", COVERAGE, notifying)
    resources = (*read_resources([stack]), MAIL, alarm)

    def drifts() -> list[str]:
        found = [
            *compare_alarms(resources, CloudWatchAlarms(boto3.client("cloudwatch")).read()),
            *compare_topic(resources, SnsTopics(boto3.client("sns")).get(topic, ENDPOINTS), NOON),
            *compare_rules(
                resources, EventBridgeRules(boto3.client("events")).read(["BedrockMeter-Rule"])
            ),
        ]
        return [drift.text for drift in found]

    assert drifts() == []
    boto3.client("cloudwatch").disable_alarm_actions(AlarmNames=[COVERAGE])
    boto3.client("events").disable_rule(Name="BedrockMeter-Rule")
    sns.set_subscription_attributes(
        SubscriptionArn=subscription["SubscriptionArn"],
        AttributeName="FilterPolicy",
        AttributeValue='{"a": ["b"]}',
    )
    assert drifts() == [
        f"actions were turned off or on for alarms: {COVERAGE}",
        (
            "the email subscription finops@example.com receives only notifications that"
            ' match \'{"a": ["b"]}\''
        ),
        "rule BedrockMeter-Rule is DISABLED, was ENABLED",
    ]
    boto3.client("cloudwatch").delete_alarms(AlarmNames=[COVERAGE])
    boto3.client("events").remove_targets(Rule="BedrockMeter-Rule", Ids=["Target0"])
    boto3.client("events").delete_rule(Name="BedrockMeter-Rule")
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    assert drifts() == [
        f"alarms are gone: {COVERAGE}",
        "the email subscription finops@example.com is gone",
        "rule BedrockMeter-Rule is gone",
    ]
    sns.delete_topic(TopicArn=topic)
    assert "the notification topic is gone" in drifts()


def test_mute_rules_are_read_with_their_alarms() -> None:
    cloudwatch = client("cloudwatch")
    with Stubber(cloudwatch) as stub:
        arns = [f"arn:aws:cloudwatch:us-east-1:1:alarm-mute-rule:{name}" for name in ("a:b", "c")]
        stub.add_response(
            "list_alarm_mute_rules",
            {"AlarmMuteRuleSummaries": [{"AlarmMuteRuleArn": arn} for arn in arns]},
            {"Statuses": ["ACTIVE", "SCHEDULED"]},
        )
        stub.add_response(
            "get_alarm_mute_rule",
            {"Name": "a:b", "MuteTargets": {"AlarmNames": [COVERAGE]}},
            {"AlarmMuteRuleName": "a:b"},
        )
        stub.add_client_error("get_alarm_mute_rule", "ResourceNotFoundException")
        found = CloudWatchAlarms(cloudwatch).read_mute_rules()
    assert found == [MuteRule("a:b", frozenset({COVERAGE})), MuteRule("c", None)]


def test_a_region_without_mute_rules_has_none() -> None:
    cloudwatch = client("cloudwatch")
    with Stubber(cloudwatch) as stub:
        stub.add_client_error("list_alarm_mute_rules", "InvalidAction")
        assert CloudWatchAlarms(cloudwatch).read_mute_rules() == []


def test_an_unconfirmed_subscription_has_no_attributes_to_read() -> None:
    sns = client("sns")
    with Stubber(sns) as stub:
        stub.add_response(
            "get_topic_attributes",
            {"Attributes": {"Policy": "{}", "KmsMasterKeyId": "key"}},
        )
        pending = {
            "SubscriptionArn": "PendingConfirmation",
            "Protocol": "email",
            "Endpoint": "a@example.com",
        }
        stub.add_response("list_subscriptions_by_topic", {"Subscriptions": [pending]})
        found = SnsTopics(sns).get("arn:topic", ["a@example.com"])
    unconfirmed = TopicSubscription("email", "a@example.com", is_confirmed=False)
    assert found == Topic("key", {}, (unconfirmed,))


def test_subscriptions_of_other_owners_are_not_read() -> None:
    sns = client("sns")
    with Stubber(sns) as stub:
        stub.add_response("get_topic_attributes", {"Attributes": {"Policy": "{}"}})
        theirs = {
            "SubscriptionArn": "arn:aws:sns:us-east-1:999999999999:topic:id",
            "Protocol": "sqs",
            "Endpoint": "arn:aws:sqs:us-east-1:999999999999:queue",
        }
        stub.add_response("list_subscriptions_by_topic", {"Subscriptions": [theirs]})
        found = SnsTopics(sns).get("arn:topic", ["a@example.com"])
        stub.assert_no_pending_responses()
    other = TopicSubscription("sqs", theirs["Endpoint"], is_confirmed=True)
    assert found == Topic(None, {}, (other,))


def test_a_key_is_read_with_its_state_and_policy(aws: None) -> None:
    kms = boto3.client("kms")
    policy = {"Version": "2012-10-17", "Statement": []}
    key_id = kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]["KeyId"]
    assert KmsKeys(kms).get(key_id) == Key("Enabled", policy)
    kms.disable_key(KeyId=key_id)
    assert KmsKeys(kms).get(key_id) == Key("Disabled", policy)
    kms.schedule_key_deletion(KeyId=key_id)
    assert KmsKeys(kms).get(key_id) == Key("PendingDeletion", policy)
    assert KmsKeys(kms).get("11111111-2222-3333-4444-555555555555") is None


def test_a_log_group_is_read_with_its_policies_and_filters() -> None:
    logs = client("logs")
    with Stubber(logs) as stub:
        given = {
            "filterName": "ours",
            "destinationArn": FUNCTION_ARN,
            "fieldSelectionCriteria": '@aws.region NOT IN ["us-east-1"]',
        }
        stub.add_response("describe_subscription_filters", {"subscriptionFilters": [given]})
        stub.add_response("get_data_protection_policy", {"policyDocument": json.dumps(MASKING)})
        stub.add_response("get_transformer", {"transformerConfig": [{"parseJSON": {}}]})
        found = CloudWatchLogSettings(logs).read(GROUP)
    assert found == LogPolicies(
        masks=frozenset({"Ssn-US"}),
        has_transformer=True,
        subscriptions={"ours": FUNCTION_ARN},
        field_criteria={"ours": '@aws.region NOT IN ["us-east-1"]'},
    )


def test_a_log_group_without_policies_has_none() -> None:
    logs = client("logs")
    with Stubber(logs) as stub:
        stub.add_response("describe_subscription_filters", {"subscriptionFilters": []})
        stub.add_client_error("get_data_protection_policy", "ResourceNotFoundException")
        stub.add_client_error("get_transformer", "ResourceNotFoundException")
        found = CloudWatchLogSettings(logs).read(GROUP)
    assert found == LogPolicies(masks=None, has_transformer=False, subscriptions={})


def test_account_policies_of_every_type_are_read_with_their_criteria() -> None:
    logs = client("logs")
    criteria = 'LogGroupNamePrefix IN ["/company"]'
    with Stubber(logs) as stub:
        for kind in ACCOUNT_POLICY_EFFECTS:
            first = {"policyName": "first", "policyType": kind, "policyDocument": "{}"}
            stub.add_response(
                "describe_account_policies",
                {"accountPolicies": [first], "nextToken": "next"},
                {"policyType": kind},
            )
            stub.add_response(
                "describe_account_policies",
                {"accountPolicies": [{"policyName": "more", "selectionCriteria": criteria}]},
                {"policyType": kind, "nextToken": "next"},
            )
        settings = CloudWatchLogSettings(logs)
        found = [
            policy
            for kind in ACCOUNT_POLICY_EFFECTS
            for policy in settings.read_account_policies(kind)
        ]
    assert found == [
        policy
        for kind in ACCOUNT_POLICY_EFFECTS
        for policy in (
            AccountPolicy(kind, "first", document="{}"),
            AccountPolicy(kind, "more", criteria),
        )
    ]


@pytest.mark.parametrize("code", ["UnknownOperationException", "InvalidParameterException"])
def test_a_region_without_support_for_account_policies_has_none(code: str) -> None:
    logs = client("logs")
    with Stubber(logs) as stub:
        stub.add_client_error("describe_account_policies", code)
        assert CloudWatchLogSettings(logs).read_account_policies("RETENTION_POLICY") == []


def test_log_groups_of_functions_are_read_with_their_retention(aws: None) -> None:
    logs = boto3.client("logs")
    for name in ("BedrockMeter-Ingestion-Log", "BedrockMeter-Other", "others"):
        logs.create_log_group(logGroupName=name)
    logs.put_retention_policy(logGroupName="BedrockMeter-Ingestion-Log", retentionInDays=30)
    settings = CloudWatchLogSettings(logs)
    names = ["BedrockMeter-Ingestion-Log", "BedrockMeter-Other"]
    assert settings.read_groups(names) == dict(zip(names, (30, None), strict=True))
    assert settings.read_groups(["gone"]) == {}
    assert settings.read("missing") is None


def test_a_rule_is_read_with_its_pattern_and_targets(aws: None) -> None:
    events = boto3.client("events")
    events.put_rule(Name="rule", EventPattern='{"source": ["aws.logs"]}')
    events.put_targets(Rule="rule", Targets=[{"Id": "one", "Arn": FUNCTION_ARN}])
    assert EventBridgeRules(events).read(["rule", "missing"]) == {
        "rule": Rule(
            "ENABLED", {"source": ["aws.logs"]}, None, ({"Id": "one", "Arn": FUNCTION_ARN},)
        )
    }


def test_deleted_functions_and_mappings_are_left_out() -> None:
    functions = client("lambda")
    with Stubber(functions) as stub:
        stub.add_response("get_function_configuration", {"FunctionName": FUNCTION})
        stub.add_response("get_function_concurrency", {"ReservedConcurrentExecutions": 0})
        stub.add_response(
            "get_function_event_invoke_config",
            {"MaximumRetryAttempts": 1},
            {"FunctionName": FUNCTION, "Qualifier": "$LATEST"},
        )
        stub.add_response("get_function_configuration", {"FunctionName": "plain"})
        stub.add_response("get_function_concurrency", {})
        stub.add_client_error("get_function_event_invoke_config", "ResourceNotFoundException")
        stub.add_client_error("get_function_configuration", "ResourceNotFoundException")
        found = LambdaFunctions(functions).read([FUNCTION, "plain", "gone"])
        stub.add_response("get_event_source_mapping", {"State": "Enabled"}, {"UUID": MAPPING})
        stub.add_client_error("get_event_source_mapping", "ResourceNotFoundException")
        mappings = LambdaFunctions(functions).read_mappings([MAPPING, MAPPING[::-1]])
    assert found == {
        FUNCTION: Function({"FunctionName": FUNCTION}, 0, {"MaximumRetryAttempts": 1}),
        "plain": Function({"FunctionName": "plain"}, None),
    }
    assert mappings == {MAPPING: {"State": "Enabled"}}


READS: list[tuple[str, str, Callable[[Any], object]]] = [
    ("cloudformation", "describe_stacks", lambda api: CloudFormationTemplates(api, ["One"]).read()),
    ("cloudwatch", "describe_alarms", lambda api: CloudWatchAlarms(api).read()),
    ("cloudwatch", "list_alarm_mute_rules", lambda api: CloudWatchAlarms(api).read_mute_rules()),
    ("sns", "get_topic_attributes", lambda api: SnsTopics(api).get("arn:topic", [])),
    ("kms", "describe_key", lambda api: KmsKeys(api).get("key")),
    ("logs", "describe_subscription_filters", lambda api: CloudWatchLogSettings(api).read("group")),
    (
        *("logs", "describe_account_policies"),
        lambda api: CloudWatchLogSettings(api).read_account_policies("RETENTION_POLICY"),
    ),
    ("logs", "describe_log_groups", lambda api: CloudWatchLogSettings(api).read_groups([])),
    ("events", "describe_rule", lambda api: EventBridgeRules(api).read(["rule"])),
    ("lambda", "get_function_configuration", lambda api: LambdaFunctions(api).read(["one"])),
    (
        "lambda",
        "get_event_source_mapping",
        lambda api: LambdaFunctions(api).read_mappings([MAPPING]),
    ),
]


@pytest.mark.parametrize(("service", "action", "read"), READS)
def test_denied_access_and_a_busy_service_are_reported_as_unreadable(
    service: str, action: str, read: Callable[[Any], object]
) -> None:
    used = client(service)
    with Stubber(used) as stub:
        stub.add_client_error(action, "AccessDeniedException")
        with pytest.raises(NotReadableError, match="AccessDeniedException"):
            read(used)
        stub.add_client_error(action, "ThrottlingException")
        with pytest.raises(NotReadableError, match="Throttling") as caught:
            read(used)
    assert caught.value.code == "ThrottlingException"


def test_denied_log_group_policies_are_reported_as_unreadable() -> None:
    logs = client("logs")
    for answered, refused in enumerate(("get_data_protection_policy", "get_transformer")):
        with Stubber(logs) as stub:
            stub.add_response("describe_subscription_filters", {"subscriptionFilters": []})
            for action in ("get_data_protection_policy",)[:answered]:
                stub.add_response(action, {})
            stub.add_client_error(refused, "AccessDeniedException")
            with pytest.raises(NotReadableError):
                CloudWatchLogSettings(logs).read(GROUP)
