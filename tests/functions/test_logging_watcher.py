"""`logging_watcher`: from an event, over what there is, to a notice."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.cloudformation.models import cloudformation_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from pydantic import ValidationError

from lambdas.adapters.dynamodb.state_copy import DynamoDbStateCopy
from lambdas.domain.logging_configuration import LoggingState
from lambdas.domain.safeguards.account_policies import ACCOUNT_POLICY_EFFECTS
from lambdas.functions.logging_watcher import handler
from lambdas.functions.logging_watcher.settings import Settings
from tests.aws import (
    REGION,
    STATE,
    clear_caches,
    deploy_stack,
    event,
    health_metrics,
    lambda_context,
    subscribe_queue,
    take_events,
)
from tests.unit.logging_configuration.deployed import (
    BOUNDARY,
    CONFIGURATION,
    CONFIGURATOR,
    GROUP,
    MALLORY,
    POLICY,
    ROLE,
    ROLE_ARN,
    TRUST,
    make_session,
    trail_record,
)

CONTEXT = lambda_context()
LOGGING_STATE = "/bedrock-meter/logging-memory"
NOW = datetime.now(UTC)
Received = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def received(aws: None, monkeypatch: pytest.MonkeyPatch) -> Received:
    """The messages that the topic's subscriber received, in an account as it was deployed."""
    topic, received = subscribe_queue()
    stream = boto3.client("kinesis")
    stream.create_stream(StreamName="logs", ShardCount=1)
    destination = stream.describe_stream(StreamName="logs")["StreamDescription"]["StreamARN"]
    put_configuration(CONFIGURATION)
    save(LoggingState((CONFIGURATION,)))
    logs, iam = boto3.client("logs"), boto3.client("iam")
    logs.create_log_group(logGroupName=GROUP)
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=90)
    logs.put_subscription_filter(
        logGroupName=GROUP, filterName="ours", filterPattern="", destinationArn=destination
    )
    iam.create_role(
        RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST), PermissionsBoundary=BOUNDARY
    )
    iam.put_role_policy(RoleName=ROLE, PolicyName="Writing", PolicyDocument=json.dumps(POLICY))
    deploy_stack()
    settings = Settings(
        logging_state_parameter=LOGGING_STATE,
        state_table=STATE,
        topic_arn=topic,
        stacks=("stack",),
        deploying_role_arn=CONFIGURATOR,
        is_adopted=False,
        log_group=GROUP,
        retention_days=90,
        destination_arn=destination,
        is_content_logged=False,
        role_arn=ROLE_ARN,
        role_name=ROLE,
        role_trust=json.dumps(TRUST),
        role_policy=json.dumps(POLICY),
        role_boundary=BOUNDARY,
    )
    for name, value in settings.to_environment().items():
        monkeypatch.setenv(name, value)
    session = boto3.DEFAULT_SESSION  # the function's client comes from it
    assert session is not None
    session.events.register("before-call.cloudtrail.LookupEvents", _no_events)
    for action, answer in _NOTHING.items():
        session.events.register(f"before-call.{action}", answer)
    return received


def _no_events(**_: Any) -> Any:
    """moto has no history of events."""
    return SimpleNamespace(status_code=200), {"Events": []}


def _answer(**parsed: Any) -> Callable[..., Any]:
    """Return a handler that answers an action that moto does not know."""
    return lambda **_: (SimpleNamespace(status_code=200), parsed)


_NOTHING = {
    "cloudwatch.ListAlarmMuteRules": _answer(AlarmMuteRuleSummaries=[]),
    "cloudwatch-logs.DescribeAccountPolicies": _answer(accountPolicies=[]),
    "cloudwatch-logs.GetDataProtectionPolicy": _answer(),
    "cloudwatch-logs.GetTransformer": _answer(),
}


def put_configuration(configuration: dict[str, Any]) -> None:
    boto3.client("bedrock").put_model_invocation_logging_configuration(
        loggingConfig=configuration  # type: ignore[arg-type]  # as Bedrock has it
    )


def save(logging_state: LoggingState) -> None:
    """Write the logging state and its copy, as a deployment does."""
    write_parameter(logging_state)
    DynamoDbStateCopy(boto3.client("dynamodb"), STATE).save((logging_state,))


def write_parameter(logging_state: LoggingState) -> None:
    boto3.client("ssm").put_parameter(
        Name=LOGGING_STATE, Value=logging_state.to_text(), Type="String", Overwrite=True
    )


def check() -> None:
    handler.lambda_handler(event("Scheduled Event", NOW), CONTEXT)


def test_an_unchanged_account_is_not_notified(
    received: Received, capsys: pytest.CaptureFixture[str]
) -> None:
    check()
    assert health_metrics(capsys.readouterr().out)["DeploymentDrift"] == [0]
    assert received() == []


def test_a_trail_event_is_notified_once_with_caller_and_change(
    received: Received, capsys: pytest.CaptureFixture[str]
) -> None:
    boto3.client("bedrock").delete_model_invocation_logging_configuration()
    record = trail_record("DeleteModelInvocationLoggingConfiguration")
    handler.lambda_handler(event("AWS API Call via CloudTrail", NOW, record), CONTEXT)
    assert health_metrics(capsys.readouterr().out)["DeploymentDrift"] == [1]
    (message,) = received()
    assert message["Subject"] == "Bedrock Meter: invocation logging was changed"
    assert "- Bedrock's invocation logging is off" in message["Message"]
    assert f"Changed by: {MALLORY}" in message["Message"]
    check()
    handler.lambda_handler(event("AWS API Call via CloudTrail", NOW, record), CONTEXT)
    assert received() == []


def test_the_check_finds_every_change(received: Received) -> None:
    put_configuration(CONFIGURATION | {"textDataDeliveryEnabled": True})
    logs, iam = boto3.client("logs"), boto3.client("iam")
    logs.delete_subscription_filter(logGroupName=GROUP, filterName="ours")
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=1)
    iam.delete_role_policy(RoleName=ROLE, PolicyName="Writing")
    check()
    (message,) = received()
    assert [line for line in message["Message"].split("\n") if line.startswith("- ")] == [
        "- in Bedrock's logging configuration, textDataDeliveryEnabled is True, was False",
        f"- log group {GROUP} keeps logs for 1 day instead of 90 days",
        f"- log group {GROUP} has no subscription filter of the meter any more",
        f"- logging role {ROLE} no longer has the policy that lets it write logs",
    ]
    assert "Changed by: not known yet." in message["Message"]


def test_resolved_drift_is_notified(received: Received) -> None:
    boto3.client("bedrock").delete_model_invocation_logging_configuration()
    check()
    put_configuration(CONFIGURATION)
    check()
    check()
    assert [message["Subject"].removeprefix("Bedrock Meter: ") for message in received()] == [
        "invocation logging was changed",
        "drift is resolved",
    ]


def test_the_configurator_s_changes_are_not_notified(received: Received) -> None:
    renamed = CONFIGURATION | {"textDataDeliveryEnabled": True}
    put_configuration(renamed)
    save(LoggingState((CONFIGURATION, renamed)))
    start_deployment()
    record = trail_record(
        "PutModelInvocationLoggingConfiguration",
        userIdentity=make_session(CONFIGURATOR),
        eventTime=datetime.now(UTC).isoformat(),
    )
    handler.lambda_handler(event("AWS API Call via CloudTrail", NOW, record), CONTEXT)
    assert received() == []


def start_deployment() -> None:
    backend = cloudformation_backends[DEFAULT_ACCOUNT_ID][REGION]
    (stack,) = backend.stacks.values()
    stack._add_stack_event("UPDATE_IN_PROGRESS")  # noqa: SLF001  # moto ends an update at once


def test_content_logging_switched_on_with_the_configurator_s_role_is_found(
    received: Received,
) -> None:
    """The caller made the logging state agree, and no event names anyone else."""
    with_prompts = CONFIGURATION | {"textDataDeliveryEnabled": True}
    put_configuration(with_prompts)
    save(LoggingState((CONFIGURATION, with_prompts)))
    check()
    (message,) = received()
    assert "textDataDeliveryEnabled is True, was False" in message["Message"]


def test_a_planted_logging_state_is_reported_with_its_writer(received: Received) -> None:
    write_parameter(LoggingState((CONFIGURATION,), {"s3Config": {"bucketName": "theirs"}}))
    record = trail_record(
        "PutParameter", eventSource="ssm.amazonaws.com", requestParameters={"name": LOGGING_STATE}
    )
    handler.lambda_handler(event("AWS API Call via CloudTrail", NOW, record), CONTEXT)
    (message,) = received()
    assert "in SSM differs from its copy in the state table" in message["Message"]
    assert f"Changed by: {MALLORY}, with PutParameter on {LOGGING_STATE}" in message["Message"]


def test_a_deleted_logging_state_is_reported(received: Received) -> None:
    boto3.client("ssm").delete_parameter(Name=LOGGING_STATE)
    check()
    (message,) = received()
    assert "in SSM is gone or cannot be read" in message["Message"]


def test_an_adopted_configuration_is_not_compared(
    received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IS_ADOPTED", "true")
    save(LoggingState(adopted=GROUP))
    boto3.client("logs").put_retention_policy(logGroupName=GROUP, retentionInDays=1)
    boto3.client("iam").delete_role_policy(RoleName=ROLE, PolicyName="Writing")
    check()
    assert received() == []


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROLE_TRUST")
    with pytest.raises(ValidationError, match="role_trust"):
        check()


def deployed_topic() -> str:
    """The topic that CloudFormation has deployed."""
    (topic,) = boto3.client("cloudformation").describe_stack_resources(StackName="stack")[
        "StackResources"
    ]
    return topic["PhysicalResourceId"]


@pytest.fixture
def published(received: Received) -> list[dict[str, Any]]:
    """The events that the function has published."""
    return take_events()


def test_a_change_of_the_meter_itself_is_notified_in_three_ways(
    received: Received, published: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    boto3.client("sns").delete_topic(TopicArn=deployed_topic())
    check()
    check()
    (message,) = received()
    (entry,) = published
    detail = json.loads(entry["Detail"])
    assert (entry["Source"], entry["DetailType"]) == ("bedrock-meter", "Bedrock Meter Notice")
    assert message["Subject"] == detail["subject"] == "Bedrock Meter: the meter itself was changed"
    assert "- the notification topic is gone" in detail["text"]
    assert message["Message"].startswith(detail["text"])
    (line,) = (record for record in caplog.records if record.levelname == "WARNING")
    assert (line.message, line.__dict__["text"]) == (detail["subject"], detail["text"])


def test_a_busy_service_hides_neither_a_change_nor_its_caller(received: Received) -> None:
    """Anyone who may read alarms can keep CloudWatch busy."""
    session = boto3.DEFAULT_SESSION
    assert session is not None

    def busy(**_: Any) -> Any:
        error = {"Error": {"Code": "Throttling", "Message": "slow down"}}
        return SimpleNamespace(status_code=400), error

    session.events.register("before-call.cloudwatch.DescribeAlarms", busy)
    boto3.client("bedrock").delete_model_invocation_logging_configuration()
    record = trail_record("DeleteModelInvocationLoggingConfiguration")
    handler.lambda_handler(event("AWS API Call via CloudTrail", NOW, record), CONTEXT)
    (message,) = received()
    assert "- Bedrock's invocation logging is off" in message["Message"]
    assert "- alarms cannot be read: Throttling" in message["Message"]
    assert f"Changed by: {MALLORY}" in message["Message"]


def test_each_check_publishes_an_event_while_the_topic_is_silenced(
    received: Received, published: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    sns = boto3.client("sns")
    for topic in (deployed_topic(), os.environ["TOPIC_ARN"]):
        sns.delete_topic(TopicArn=topic)
    for _ in range(2):
        with pytest.raises(ClientError, match="NotFound"):
            check()
    details = [json.loads(entry["Detail"]) for entry in published]
    assert [detail["repeated"] for detail in details] == [False, True]
    assert all("the notification topic is gone" in detail["text"] for detail in details)
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"] * 2


def test_an_account_policy_that_masks_logs_is_notified_until_it_is_declared(
    received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = boto3.DEFAULT_SESSION
    assert session is not None
    session.events.register_first(
        "before-call.cloudwatch-logs.DescribeAccountPolicies",
        _answer(accountPolicies=[{"policyName": "mask"}]),
    )
    known = [f"account:{kind}:mask" for kind in ACCOUNT_POLICY_EFFECTS]
    monkeypatch.setenv("KNOWN_LOG_POLICIES", json.dumps(known))
    check()
    assert received() == []
    monkeypatch.setenv("KNOWN_LOG_POLICIES", "[]")
    clear_caches()
    check()
    (message,) = received()
    assert "account policy 'mask'" in message["Message"]
