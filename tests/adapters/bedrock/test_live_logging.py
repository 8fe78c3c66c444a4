"""Live invocation logging in AWS: log groups, roles, deployments and changes."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from lambdas.adapters.bedrock.logging_api import BedrockLoggingApi
from lambdas.adapters.cloudformation_stack import CloudFormationDeployments
from lambdas.adapters.cloudtrail_change_history import CloudTrailChangeHistory
from lambdas.adapters.cloudwatch_logs.log_groups import CloudWatchLogGroups
from lambdas.adapters.dynamodb.state_copy import DynamoDbStateCopy
from lambdas.adapters.dynamodb.watch_state_store import DynamoDbWatchStateStore
from lambdas.adapters.iam_roles import IamRoles
from lambdas.adapters.ssm_logging_state import SsmLoggingState
from lambdas.domain.logging_configuration import LogGroup, Role, WatchState
from lambdas.domain.safeguards.ports import NotReadableError
from tests.unit.logging_configuration.deployed import (
    DESTINATION,
    NOON,
    POLICY,
    TRUST,
    change,
    trail_record,
)

ACTIONS = ["PutModelInvocationLoggingConfiguration", "DeleteModelInvocationLoggingConfiguration"]


def test_a_log_group_has_its_retention_and_its_subscriptions(aws: None) -> None:
    logs, groups = boto3.client("logs"), CloudWatchLogGroups(boto3.client("logs"))
    assert groups.get("meter") is None
    for name in ("meter-of-others", "meter"):
        logs.create_log_group(logGroupName=name)
    assert groups.get("meter") == LogGroup("STANDARD", None, frozenset())
    logs.put_retention_policy(logGroupName="meter", retentionInDays=90)
    stream = boto3.client("kinesis")
    stream.create_stream(StreamName="logs", ShardCount=1)
    arn = stream.describe_stream(StreamName="logs")["StreamDescription"]["StreamARN"]
    logs.put_subscription_filter(
        logGroupName="meter", filterName="ours", filterPattern="", destinationArn=arn
    )
    assert groups.get("meter") == LogGroup("STANDARD", 90, frozenset({(arn, "")}))


def test_the_class_of_a_log_group_is_read() -> None:
    client = boto3.client("logs", region_name="us-east-1")
    with Stubber(client) as stub:
        listed = {"logGroupName": "meter", "logGroupClass": "INFREQUENT_ACCESS"}
        stub.add_response("describe_log_groups", {"logGroups": [listed]})
        given = {"filterName": "ours", "destinationArn": DESTINATION}
        stub.add_response("describe_subscription_filters", {"subscriptionFilters": [given]})
        found = CloudWatchLogGroups(client).get("meter")
    assert found == LogGroup("INFREQUENT_ACCESS", None, frozenset({(DESTINATION, "")}))


def test_a_role_is_read_with_its_trust_inline_and_attached_policies(aws: None) -> None:
    iam = boto3.client("iam")
    assert IamRoles(iam).get("logging") is None
    outside = iam.create_policy(PolicyName="outside", PolicyDocument=json.dumps(POLICY))["Policy"]
    iam.create_role(
        RoleName="logging",
        AssumeRolePolicyDocument=json.dumps(TRUST),
        PermissionsBoundary="arn:aws:iam::123456789012:policy/boundary",
    )
    iam.put_role_policy(RoleName="logging", PolicyName="Writing", PolicyDocument=json.dumps(POLICY))
    iam.attach_role_policy(RoleName="logging", PolicyArn=outside["Arn"])
    assert IamRoles(iam).get("logging") == Role(
        trust=TRUST,
        policies={"Writing": POLICY},
        attached=frozenset({outside["Arn"]}),
        boundary="arn:aws:iam::123456789012:policy/boundary",
    )


@pytest.mark.parametrize(
    ("statuses", "is_under_way"),
    [
        (["CREATE_COMPLETE", "UPDATE_COMPLETE"], False),
        (["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"], True),
        (["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "CREATE_COMPLETE"], True),
        (["UPDATE_ROLLBACK_FAILED", "CREATE_COMPLETE"], False),
    ],
)
def test_a_deployment_is_in_progress_while_a_stack_changes(
    statuses: list[str], is_under_way: bool
) -> None:
    client = boto3.client("cloudformation", region_name="us-east-1")
    with Stubber(client) as stub:
        for name, status in zip(("One", "Two"), statuses, strict=True):
            stack = {"StackName": name, "StackStatus": status, "CreationTime": NOON}
            stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": name})
        assert CloudFormationDeployments(client, ["One", "Two"]).is_under_way() is is_under_way


def stack_event(status: str, minute: int, resource: str = "stack-id") -> dict[str, Any]:
    return {
        "StackId": "stack-id",
        "EventId": f"{minute}",
        "StackName": "One",
        "PhysicalResourceId": resource,
        "ResourceStatus": status,
        "Timestamp": NOON + timedelta(minutes=minute),
    }


EVENTS = [
    stack_event("UPDATE_COMPLETE", 24),
    stack_event("UPDATE_COMPLETE", 23, "some-role"),
    stack_event("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", 23),
    stack_event("UPDATE_COMPLETE", 22, "some-role"),
    stack_event("UPDATE_IN_PROGRESS", 20),
    stack_event("CREATE_COMPLETE", 3),
    stack_event("CREATE_IN_PROGRESS", 0),
]


@pytest.mark.parametrize(
    ("minute", "was_under_way"),
    [
        *((-1, False), (0, True), (2.9, True), (3, False)),
        *((19, False), (20, True), (22.5, True), (23.5, True), (24, False)),
    ],
)
def test_stack_events_give_the_time_of_a_deployment(minute: float, was_under_way: bool) -> None:
    client = boto3.client("cloudformation", region_name="us-east-1")
    with Stubber(client) as stub:
        first = {"StackEvents": EVENTS[:3], "NextToken": "more"}
        stub.add_response("describe_stack_events", first, {"StackName": "One"})
        rest = {"StackEvents": EVENTS[3:]}
        stub.add_response("describe_stack_events", rest, {"StackName": "One", "NextToken": "more"})
        at = NOON + timedelta(minutes=minute)
        assert CloudFormationDeployments(client, ["One"]).was_under_way(at) is was_under_way


def looked_up(
    stub: Stubber, action: str, *records: dict[str, Any], page: int = 0, is_last: bool = True
) -> None:
    answer: dict[str, Any] = {
        "Events": [{"CloudTrailEvent": json.dumps(record)} for record in records]
    }
    stub.add_response(
        "lookup_events",
        answer if is_last else answer | {"NextToken": f"page-{page + 1}"},
        {
            "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": action}],
            "StartTime": NOON,
            **({"NextToken": f"page-{page}"} if page else {}),
        },
    )


def test_callers_are_looked_up_by_action_name() -> None:
    client = boto3.client("cloudtrail", region_name="us-east-1")
    put, delete = ACTIONS
    with Stubber(client) as stub:
        denied = trail_record(put, eventID="denied", errorCode="AccessDenied")
        looked_up(stub, put, denied, trail_record(put))
        looked_up(stub, delete)
        found = CloudTrailChangeHistory(client).search(ACTIONS, since=NOON, limit=50)
        stub.assert_no_pending_responses()
    assert found == ([change(put)], ())


def test_a_change_below_many_newer_events_is_found() -> None:
    client = boto3.client("cloudtrail", region_name="us-east-1")
    put, _ = ACTIONS
    denied = [trail_record(put, eventID=f"{one}", errorCode="AccessDenied") for one in range(50)]
    with Stubber(client) as stub:
        looked_up(stub, put, *denied, is_last=False)
        looked_up(stub, put, *denied, page=1, is_last=False)
        looked_up(stub, put, trail_record(put), page=2)
        found = CloudTrailChangeHistory(client).search([put], since=NOON, limit=1_000)
        stub.assert_no_pending_responses()
    assert found == ([change(put)], ())


def test_a_history_that_is_too_long_is_reported_as_incomplete() -> None:
    client = boto3.client("cloudtrail", region_name="us-east-1")
    put, delete = ACTIONS
    denied = [trail_record(put, eventID=f"{one}", errorCode="AccessDenied") for one in range(50)]
    with Stubber(client) as stub:
        looked_up(stub, put, *denied, is_last=False)
        looked_up(stub, put, *denied, page=1, is_last=False)
        looked_up(stub, delete, trail_record(delete))
        found = CloudTrailChangeHistory(client).search(ACTIONS, since=NOON, limit=100)
        stub.assert_no_pending_responses()
    assert found == ([change(delete)], (f"{put}: more than 100 events",))


def test_a_failed_lookup_in_the_history_leaves_a_gap_and_other_changes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = boto3.client("cloudtrail", region_name="us-east-1")
    with Stubber(client) as stub:
        looked_up(stub, ACTIONS[0], trail_record(ACTIONS[0]))
        stub.add_client_error("lookup_events", "ThrottlingException")
        found = CloudTrailChangeHistory(client).search(ACTIONS, since=NOON, limit=50)
    assert len(found.changes) == 1
    assert found.gaps == (f"{ACTIONS[1]}: ThrottlingException",)
    assert "cannot be asked" in caplog.text


READS: list[tuple[str, str, Callable[[Any], object]]] = [
    ("iam", "get_role", lambda used: IamRoles(used).get("logging")),
    ("logs", "describe_log_groups", lambda used: CloudWatchLogGroups(used).get("meter")),
    (
        "bedrock",
        "get_model_invocation_logging_configuration",
        lambda used: BedrockLoggingApi(used).get(),
    ),
    ("ssm", "get_parameter", lambda used: SsmLoggingState(used, "logging_state").load()),
    ("dynamodb", "get_item", lambda used: DynamoDbStateCopy(used, "ledger").load()),
    ("dynamodb", "get_item", lambda used: DynamoDbWatchStateStore(used, "ledger").load()),
    (
        "dynamodb",
        "put_item",
        lambda used: DynamoDbWatchStateStore(used, "ledger").save(WatchState(), WatchState()),
    ),
    (
        "cloudformation",
        "describe_stacks",
        lambda used: CloudFormationDeployments(used, ["One"]).is_under_way(),
    ),
    (
        "cloudformation",
        "describe_stack_events",
        lambda used: CloudFormationDeployments(used, ["One"]).was_under_way(NOON),
    ),
]


@pytest.mark.parametrize(("service", "action", "read"), READS)
@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_an_error_response_is_reported_as_unreadable(
    aws: None, service: Any, action: str, read: Callable[[Any], object], code: str
) -> None:
    client = boto3.client(service)
    with Stubber(client) as stub:
        stub.add_client_error(action, code, "arn:of:caller is not authorized")
        with pytest.raises(NotReadableError, match="is not authorized") as caught:
            read(client)
    assert caught.value.code == code


def test_an_unreachable_service_is_reported_as_unreadable() -> None:
    client = boto3.client(
        "iam",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:9",
        config=Config(retries={"total_max_attempts": 1}),
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106  # of no one
    )
    with pytest.raises(NotReadableError) as caught:
        IamRoles(client).get("logging")
    assert caught.value.code == "EndpointConnectionError"
