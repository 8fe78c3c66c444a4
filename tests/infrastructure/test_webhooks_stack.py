"""The stack of webhooks: two queues, their functions, and a key that one function may use."""

import json
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from cdk.config import Config, stack_names
from cdk.stacks.webhooks import WebhooksStack
from lambdas.adapters.sqs_delivery_queue import MAX_WAIT
from lambdas.wiring.webhook_router import TOPIC_OUTPUT
from tests.infrastructure.synthesis import (
    Deployment,
    as_list,
    deployment,
    find_function,
    grants,
    named,
    only,
    resources,
    statements,
    synthesize,
)
from tests.operations.test_boundary import ACCOUNT, HERE, Names
from tests.policy_evaluation import is_allowed

ON = "everything"
TEMPLATE = deployment(ON).webhooks
STACK = stack_names.WEBHOOKS
ROUTER, SENDER = "WebhookRouterRole", "WebhookSenderRole"
SENDER_ARN = f"arn:aws:iam::{ACCOUNT}:role/BedrockMeter-Webhooks-WebhookSenderRole-1A2B"
ROUTER_ARN = f"arn:aws:iam::{ACCOUNT}:role/BedrockMeter-Webhooks-WebhookRouterRole-1A2B"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/Admin"
TOPIC = f"arn:aws:sns:{HERE}:BedrockMeter-Monitoring-Notifications1A-2B"
EVENTS = f"arn:aws:sqs:{HERE}:BedrockMeter-Webhooks-Events"


@cache
def without_governance() -> Deployment:
    return synthesize({"webhooks": True})


def resolve(value: Any, stack: str = STACK) -> str:
    return Names(deployment(ON).templates, stack).resolve(value)


def resolve_all(value: Any, stack: str = STACK) -> Any:
    """Resolve the names in a document, as CloudFormation does."""
    if isinstance(value, list):
        return [resolve_all(each, stack) for each in value]
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in {
            "Ref",
            "Fn::GetAtt",
            "Fn::Join",
            "Fn::ImportValue",
        }:
            return resolve(value, stack)
        return {name: resolve_all(each, stack) for name, each in value.items()}
    return value


def find_queue(name: str) -> tuple[str, dict[str, Any]]:
    """The logical id and the properties of a queue, by the end of its name."""
    (found,) = (
        each
        for each in resources(TEMPLATE, "AWS::SQS::Queue").items()
        if each[1]["QueueName"] == f"{STACK}-{name}"
    )
    return found


def read_policy(queue: str) -> dict[str, Any]:
    """The policy of a queue, by the end of its name."""
    (document,) = (
        policy["PolicyDocument"]
        for policy in resources(TEMPLATE, "AWS::SQS::QueuePolicy").values()
        if policy["Queues"] == [{"Ref": find_queue(queue)[0]}]
    )
    resolved: dict[str, Any] = resolve_all(document)
    return resolved


def test_webhooks_are_off_by_default() -> None:
    assert STACK not in deployment().templates
    text = json.dumps([*deployment().templates.values()])
    assert "WebhookKey" not in text
    assert "AWS::SQS::Queue" not in text


def test_they_work_without_governance() -> None:
    assert STACK in without_governance().templates
    assert Config.from_context({"webhooks": True}).stacks.count(STACK) == 1


@pytest.mark.parametrize("name", ["Events", "Deliveries"])
def test_a_message_outlives_an_hour_of_faults_and_is_a_dead_letter_soon(name: str) -> None:
    _, queue = find_queue(name)
    receives = queue["RedrivePolicy"]["maxReceiveCount"]
    longest = timedelta(seconds=receives * queue["VisibilityTimeout"]) + MAX_WAIT
    assert timedelta(hours=1) <= longest <= timedelta(hours=4)
    # Its age counts on among dead letters.
    assert queue["MessageRetentionPeriod"] == timedelta(days=14).total_seconds()


@pytest.mark.parametrize(
    ("queue", "job"), [("Events", "webhook_router"), ("Deliveries", "webhook_sender")]
)
def test_a_message_is_hidden_for_six_timeouts_of_its_function(queue: str, job: str) -> None:
    timeout = find_function(TEMPLATE, job)["Timeout"]
    assert find_queue(queue)[1]["VisibilityTimeout"] == 6 * timeout


@pytest.mark.parametrize("customer_keys", [False, True])
def test_queues_are_encrypted_and_reached_over_tls_alone(*, customer_keys: bool) -> None:
    template = TEMPLATE if customer_keys else without_governance().webhooks
    queues = resources(template, "AWS::SQS::Queue").values()
    assert len(queues) == 4
    for queue in queues:
        assert ("KmsMasterKeyId" in queue) is customer_keys
        assert queue.get("SqsManagedSseEnabled", False) is not customer_keys
    policies = resources(template, "AWS::SQS::QueuePolicy").values()
    assert len(policies) == 4
    for policy in policies:
        insecure = [
            statement
            for statement in policy["PolicyDocument"]["Statement"]
            if statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        ]
        assert [statement["Effect"] for statement in insecure] == ["Deny"]


def test_the_customer_key_lets_topic_and_rules_send_to_queues_of_webhooks_alone() -> None:
    off = synthesize({"customer_keys": True})
    for storage, is_on in ((deployment(ON).storage, True), (off.storage, False)):
        policy = named(storage, "AWS::KMS::Key", "Key")["KeyPolicy"]["Statement"]
        services = {
            statement["Principal"]["Service"]: statement["Condition"]
            for statement in policy
            if statement.get("Sid") in {"TopicSends", "RulesSend"}
        }
        expected = {"sns.amazonaws.com", "events.amazonaws.com"} if is_on else set()
        assert services.keys() == expected
        for condition in services.values():
            (context,) = condition["ArnLike"].items()
            assert context[0] == "kms:EncryptionContext:aws:sqs:arn"
            assert json.dumps(context[1]).endswith(':BedrockMeter-Webhooks-*"]]}')


def test_only_the_topic_and_the_rule_send_events() -> None:
    document = read_policy("Events")
    rule = f"arn:aws:events:{HERE}:rule/BedrockMeter-Webhooks-Alarms-1A2B"
    source = {"aws:SourceAccount": ACCOUNT, "aws:PrincipalIsAWSService": "true"}
    allowed = [statement for statement in document["Statement"] if statement["Effect"] == "Allow"]
    by_service = {
        statement["Principal"]["Service"]: statement["Condition"]
        for statement in allowed
        if "Service" in statement["Principal"]
    }
    assert by_service.keys() == {"sns.amazonaws.com", "events.amazonaws.com"}
    for service, condition in by_service.items():
        assert condition["StringEquals"] == {"aws:SourceAccount": source["aws:SourceAccount"]}
        (pattern,) = condition["ArnLike"].values()
        if service == "sns.amazonaws.com":
            assert pattern == f"arn:aws:sns:{HERE}:BedrockMeter-Monitoring-*"
            assert TOPIC.startswith(pattern.removesuffix("*"))
        else:
            assert pattern.startswith(rule.partition("Alarms")[0])
            assert "*" not in pattern


def test_the_router_knows_the_topic_of_its_stack() -> None:
    """The pattern of the policy admits topics of others, so the router compares their ARNs."""
    (statement,) = grants(TEMPLATE, ROUTER)["cloudformation:DescribeStacks"]
    stack = find_function(TEMPLATE, "webhook_router")["Environment"]["Variables"]["TOPIC_STACK"]
    assert resolve(statement["Resource"]).endswith(f":stack/{stack}/*")
    assert stack == stack_names.MONITORING
    outputs = deployment(ON).monitoring["Outputs"]
    assert outputs[TOPIC_OUTPUT]["Value"]["Ref"].startswith("Notifications")


def test_no_user_and_no_role_sends_events_but_the_one_that_redrives() -> None:
    for queue in ("Events", "Events-DeadLetters"):
        (denied,) = (
            statement
            for statement in read_policy(queue)["Statement"]
            if statement.get("Sid") == "ServicesAlone"
        )
        assert (denied["Effect"], denied["Action"]) == ("Deny", "sqs:SendMessage")
        assert denied["Condition"]["Bool"] == {"aws:PrincipalIsAWSService": "false"}
        redrive = denied["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]
        assert redrive.startswith(f"arn:aws:iam::{ACCOUNT}:role/BedrockMeter-Storage-RedriveRole")


def test_changes_of_the_meters_alarms_are_events() -> None:
    rule = only(TEMPLATE, "AWS::Events::Rule")
    pattern = resolve_all(rule["EventPattern"])
    assert pattern["source"] == ["aws.cloudwatch"]
    assert pattern["detail"] == {"state": {"value": ["ALARM", "OK"]}}
    assert pattern["resources"] == [{"prefix": f"arn:aws:cloudwatch:{HERE}:alarm:BedrockMeter-"}]
    (target,) = rule["Targets"]
    assert "Input" not in target
    assert target["Arn"]["Fn::GetAtt"][0].startswith("Events")


@pytest.mark.parametrize("configuration", ["default", ON])
def test_the_topic_sends_messages_with_events_to_the_queue(configuration: str) -> None:
    subscriptions = [
        subscription
        for subscription in resources(
            deployment(configuration).monitoring, "AWS::SNS::Subscription"
        ).values()
        if subscription["Protocol"] == "sqs"
    ]
    if configuration != ON:
        assert not subscriptions
        return
    (subscription,) = subscriptions
    assert resolve(subscription["Endpoint"], stack_names.MONITORING) == EVENTS
    assert subscription["FilterPolicy"] == {"events": [{"exists": True}]}
    assert "RawMessageDelivery" not in subscription


def test_the_sender_is_in_no_network_of_the_account() -> None:
    for job in ("webhook_router", "webhook_sender"):
        assert "VpcConfig" not in find_function(TEMPLATE, job)


def test_messages_are_answered_one_by_one_and_few_at_a_time() -> None:
    mappings = resources(TEMPLATE, "AWS::Lambda::EventSourceMapping")
    sizes = {}
    for name, mapping in mappings.items():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["ScalingConfig"]["MaximumConcurrency"] <= 10
        sizes[name.partition("Role")[0][:13]] = mapping["BatchSize"]
    assert sizes == {"WebhookRouter": 1, "WebhookSender": 1}


def test_each_function_reaches_receivers_and_deliveries_alone() -> None:
    for role in (ROUTER, SENDER):
        for statement in statements(TEMPLATE, role):
            if "dynamodb:" not in json.dumps(statement["Action"]):
                continue
            keys = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
            assert set(keys) <= {"webhooks", "webhook-deliveries#*"}
            assert statement["Condition"]["Null"] == {"dynamodb:LeadingKeys": "false"}
            assert "Governance" in json.dumps(statement["Resource"])


def test_the_sender_changes_no_address_no_secret_and_no_filter() -> None:
    (of_receivers,) = (
        statement
        for statement in grants(TEMPLATE, SENDER)["dynamodb:UpdateItem"]
        if statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] == ["webhooks"]
    )
    allowed = of_receivers["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"]
    assert allowed == [
        *(
            "pk",
            "sk",
            "created_at",
            "disabled_at",
            "disabled_because",
            "last_disabled_at",
            "paused_until",
        )
    ]
    assert all(
        statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        == ["webhook-deliveries#*"]
        for statement in grants(TEMPLATE, SENDER)["dynamodb:PutItem"]
    )


def test_the_router_sends_deliveries_and_decrypts_nothing_of_receivers() -> None:
    for role in (ROUTER, SENDER):
        (sending,) = grants(TEMPLATE, role)["sqs:SendMessage"]
        assert sending["Resource"]["Fn::GetAtt"][0].startswith("Deliveries")
    for statement in grants(TEMPLATE, ROUTER)["kms:Decrypt"]:
        assert "WebhookKey" not in json.dumps(statement["Resource"])


def test_only_the_sender_decrypts() -> None:
    key = named(deployment(ON).storage, "AWS::KMS::Key", "WebhookKey")
    assert key["EnableKeyRotation"] is True
    document = resolve_all(key["KeyPolicy"], stack_names.STORAGE)
    document["Statement"].append(
        {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}  # as an administrator has it
    )
    for principal, is_sender in ((SENDER_ARN, True), (ROUTER_ARN, False), (ADMIN, False)):
        for action in ("kms:Decrypt", "kms:ReEncryptFrom", "kms:CreateGrant"):
            context = {"aws:PrincipalArn": principal, "kms:CallerAccount": ACCOUNT}
            assert is_allowed(document, action, "key", context) is is_sender, (principal, action)
        assert is_allowed(document, "kms:Encrypt", "key", {"aws:PrincipalArn": principal})
    (granted,) = (
        statement
        for statement in grants(TEMPLATE, SENDER)["kms:Decrypt"]
        if "WebhookKey" in json.dumps(statement["Resource"])
    )
    assert granted["Condition"] == {"Null": {"kms:EncryptionContext:webhook": "false"}}


def test_the_key_stays_with_the_receivers_in_storage() -> None:
    keys = deployment(ON).storage["Resources"]
    (key,) = (keys[name] for name in keys if name.startswith("WebhookKey"))
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert WebhooksStack.__name__ not in json.dumps(deployment(ON).storage)


def test_commands_find_the_key_and_the_queues() -> None:
    outputs = TEMPLATE["Outputs"]
    assert outputs.keys() >= {
        *("WebhookKeyArn", "WebhookDeliveryQueueUrl", "WebhookEventQueueUrl"),
        *("WebhookRouterName", "WebhookSenderName"),
    }


def test_all_of_them_name_no_wildcard_resource() -> None:
    for role in (ROUTER, SENDER):
        for statement in statements(TEMPLATE, role):
            assert "*" not in as_list(statement["Resource"])
