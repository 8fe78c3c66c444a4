"""The additions to MiniStack behave like AWS, as seen through its public API."""

import base64
import gzip
import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from cdk.local_cloud.cloud import ACCOUNT, LocalCloud, open_local_cloud
from cdk.local_cloud.deployment import local_settings
from lambdas.domain.attribution.tags import profile_arn
from lambdas.domain.invocations.usage_record import PERMISSION_NOTICE
from tests.local_cloud.callers import MODEL, TRUST, client_with
from tests.local_cloud.functions import make_function, put_logs
from tests.local_cloud.metrics import sum_metric
from tests.local_cloud.waiting import wait_for

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
QUERY = {"Id": "q", "Expression": "SELECT SUM(Tokens) FROM X", "Period": 60, "ReturnData": True}


def subscribe(cloud: LocalCloud, group: str, function: str, code: str) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName=group)
    logs.put_subscription_filter(
        logGroupName=group,
        filterName="all",
        filterPattern="",
        destinationArn=make_function(cloud, function, code),
    )


def messages(cloud: LocalCloud, group: str) -> list[Any]:
    events = cloud.client("logs").filter_log_events(logGroupName=group)["events"]
    return [json.loads(event["message"]) for event in events]


def deploy(cloud: LocalCloud, stack: str, template: str) -> None:
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName=stack, TemplateBody=template)
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 1}
    )


def test_an_alarm_keeps_its_queries_and_its_set_state(cloud: LocalCloud) -> None:
    alarms: dict[str, dict[str, Any]] = {
        "Query": {"Metrics": [QUERY], "Threshold": 1},
        "Band": {"Metrics": [QUERY], "ThresholdMetricId": "q"},
        "Plain": {
            "Namespace": "Tests",
            "MetricName": "Plain",
            "Period": 60,
            "Statistic": "Sum",
            "Threshold": 1,
        },
    }
    common = {"EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}
    template = {
        "Resources": {
            name: {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {"AlarmName": name, **common, **properties},
            }
            for name, properties in alarms.items()
        }
    }
    cloud.client("cloudformation").create_stack(
        StackName="alarms", TemplateBody=json.dumps(template)
    )
    cloudwatch = cloud.client("cloudwatch")

    def deployed() -> dict[str, Any]:
        found = cloudwatch.describe_alarms(AlarmNames=list(alarms))["MetricAlarms"]
        return {alarm["AlarmName"]: alarm for alarm in found}

    wait_for(lambda: len(deployed()) == len(alarms))
    assert deployed()["Query"]["Metrics"] == [QUERY]
    assert deployed()["Band"]["ThresholdMetricId"] == "q"
    cloudwatch.set_alarm_state(AlarmName="Plain", StateValue="ALARM", StateReason="set by a test")
    cloudwatch.put_metric_data(
        Namespace="Tests", MetricData=[{"MetricName": "Plain", "Value": 0}, {"MetricName": "x"}]
    )
    assert deployed()["Plain"]["StateValue"] == "ALARM"


def test_an_unnamed_parameter_gets_a_name_without_slashes(cloud: LocalCloud) -> None:
    resource = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}}
    cloud.client("cloudformation").create_stack(
        StackName="parameters", TemplateBody=json.dumps({"Resources": {"Parameter": resource}})
    )
    found = wait_for(lambda: cloud.client("ssm").describe_parameters()["Parameters"])
    assert any(
        re.fullmatch(r"CFN-Parameter-[0-9a-f]{12}", parameter["Name"]) for parameter in found
    )


def test_a_role_gets_its_permissions_boundary_which_must_exist(cloud: LocalCloud) -> None:
    cloudformation, iam = cloud.client("cloudformation"), cloud.client("iam")
    allow = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}

    def template(boundary: str) -> str:
        properties = {"AssumeRolePolicyDocument": document(trust), "PermissionsBoundary": boundary}
        role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "bounded", **properties}}
        return json.dumps({"Resources": {"Role": role}})

    def document(statement: Any) -> dict[str, Any]:
        return {"Version": "2012-10-17", "Statement": [statement]}

    def boundary() -> str:
        role = iam.get_role(RoleName="bounded")["Role"]
        return str(role["PermissionsBoundary"]["PermissionsBoundaryArn"])

    missing = f"arn:aws:iam::{ACCOUNT}:policy/missing"
    with pytest.raises(WaiterError):
        deploy(cloud, "unbounded", template(missing))
    first, second = (
        iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document(allow)))["Policy"][
            "Arn"
        ]
        for name in ("first", "second")
    )
    deploy(cloud, "bounded", template(first))
    assert boundary() == first
    cloudformation.update_stack(StackName="bounded", TemplateBody=template(second))
    cloudformation.get_waiter("stack_update_complete").wait(StackName="bounded")
    assert boundary() == second


def test_a_metric_without_dimensions_differs_from_those_with_dimensions(cloud: LocalCloud) -> None:
    cloud.client("cloudwatch").put_metric_data(
        Namespace="Tests",
        MetricData=[
            {"MetricName": "Tokens", "Value": 5},
            {"MetricName": "Tokens", "Value": 7, "Dimensions": [{"Name": "Who", "Value": "ana"}]},
        ],
    )
    assert sum_metric(cloud, "Tests", "Tokens") == 5
    assert sum_metric(cloud, "Tests", "Tokens", Who="ana") == 7


def test_embedded_metrics_in_a_log_become_metrics(cloud: LocalCloud) -> None:
    line = {
        "_aws": {
            "Timestamp": int(NOW.timestamp() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": "Tests",
                    "Dimensions": [[], ["Who"]],
                    "Metrics": [{"Name": "Embedded", "Unit": "Count"}, {"Name": "Many"}],
                }
            ],
        },
        "Embedded": 3,
        "Many": [1, 2, 4],
        "Who": "ana",
    }
    cloud.client("logs").create_log_group(logGroupName="embedded")
    put_logs(cloud, "embedded", "no metric", json.dumps(line), timestamp=int(time.time() * 1000))
    assert (
        sum_metric(cloud, "Tests", "Embedded")
        == sum_metric(cloud, "Tests", "Embedded", Who="ana")
        == 3
    )
    assert sum_metric(cloud, "Tests", "Many") == 7


RECORD = """
import base64, gzip, json, os
import boto3
def lambda_handler(event, context):
    envelope = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    seen = s3.list_objects_v2(Bucket="seen").get("KeyCount", 0)
    body = ",".join(logged["message"] for logged in envelope["logEvents"])
    s3.put_object(Bucket="seen", Key=f"{seen:03}", Body=body.encode())
"""


def test_a_log_group_delivers_in_order_one_at_a_time(cloud: LocalCloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="seen")
    subscribe(cloud, "in-order", "record", RECORD)
    for number in range(10):
        put_logs(cloud, "in-order", f"{number}", f"{number}!", timestamp=int(time.time() * 1000))
    wait_for(lambda: s3.list_objects_v2(Bucket="seen").get("KeyCount") == 10)
    bodies = [
        s3.get_object(Bucket="seen", Key=s3_object["Key"])["Body"].read().decode()
        for s3_object in s3.list_objects_v2(Bucket="seen")["Contents"]
    ]
    assert bodies == [f"{number},{number}!" for number in range(10)]


def test_a_delivery_that_fails_every_attempt_goes_to_the_failure_bucket(cloud: LocalCloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="failed")
    subscribe(cloud, "failing", "fail", "def lambda_handler(event, context): raise ValueError")
    cloud.client("lambda").put_function_event_invoke_config(
        FunctionName="fail",
        Qualifier="$LATEST",  # as CloudFormation names it
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::failed"}},
    )
    put_logs(cloud, "failing", "precious", timestamp=int(time.time() * 1000))
    (kept,) = wait_for(lambda: s3.list_objects_v2(Bucket="failed").get("Contents"))
    assert kept["Key"].startswith("aws/lambda/async/fail/")
    failure = json.loads(s3.get_object(Bucket="failed", Key=kept["Key"])["Body"].read())
    assert failure["requestContext"]["functionArn"].endswith(":function:fail")
    data = base64.b64decode(failure["requestPayload"]["awslogs"]["data"])
    (event,) = json.loads(gzip.decompress(data))["logEvents"]
    assert event["message"] == "precious"


PARTIAL = """
import json, os
import boto3
def lambda_handler(event, context):
    s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    times = s3.list_objects_v2(Bucket="batches").get("KeyCount", 0)
    numbers = [record["dynamodb"]["NewImage"]["pk"]["S"] for record in event["Records"]]
    s3.put_object(Bucket="batches", Key=f"{times:03}", Body=",".join(numbers).encode())
    third = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]
             if record["dynamodb"]["NewImage"]["pk"]["S"] == "3"]
    return {"batchItemFailures": [{"itemIdentifier": number} for number in third if times == 0]}
"""


def test_a_batch_is_retried_from_the_reported_record(cloud: LocalCloud) -> None:
    s3, dynamodb = cloud.client("s3"), cloud.client("dynamodb")
    s3.create_bucket(Bucket="batches")
    table = dynamodb.create_table(
        TableName="streaming",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]
    for number in range(6):
        dynamodb.put_item(TableName="streaming", Item={"pk": {"S": str(number)}})
    make_function(cloud, "partial", PARTIAL)
    cloud.client("lambda").create_event_source_mapping(
        FunctionName="partial",
        EventSourceArn=table["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON",
        BatchSize=100,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    wait_for(lambda: s3.list_objects_v2(Bucket="batches").get("KeyCount", 0) >= 2)
    bodies = [
        s3.get_object(Bucket="batches", Key=s3_object["Key"])["Body"].read().decode()
        for s3_object in s3.list_objects_v2(Bucket="batches")["Contents"]
    ]
    assert bodies == ["0,1,2,3,4,5", "3,4,5"]


WINDOWED = """
import json, os
import boto3
def lambda_handler(event, context):
    s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    times = s3.list_objects_v2(Bucket="windows").get("KeyCount", 0)
    s3.put_object(Bucket="windows", Key=f"{times:03}", Body=json.dumps(event).encode())
    return {} if times == 0 else {"state": {"times": times}, "batchItemFailures": []}
"""


def test_a_window_names_the_shard_and_an_answer_without_a_state_fails(cloud: LocalCloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="windows")
    stream = make_table(cloud, "windowed")
    make_function(cloud, "windowed", WINDOWED)
    make_function(cloud, "unwindowed", "def lambda_handler(event, context): pass")
    for function, window in (("windowed", {"TumblingWindowInSeconds": 5}), ("unwindowed", {})):
        settings: Any = window
        cloud.client("lambda").create_event_source_mapping(
            FunctionName=function,
            EventSourceArn=stream,
            StartingPosition="TRIM_HORIZON",
            FunctionResponseTypes=["ReportBatchItemFailures"],
            **settings,
        )
    cloud.client("dynamodb").put_item(TableName="windowed", Item={"pk": {"S": "one"}})
    wait_for(lambda: s3.list_objects_v2(Bucket="windows").get("KeyCount", 0) >= 3)
    first, second, last = (
        json.loads(s3.get_object(Bucket="windows", Key=key)["Body"].read())
        for key in ("000", "001", "002")
    )
    assert first["Records"] == second["Records"]
    assert first["shardId"] == second["shardId"] != ""
    assert (first["state"], first["isFinalInvokeForWindow"]) == ({}, False)
    assert (last["Records"], last["isFinalInvokeForWindow"]) == ([], True)
    assert (last["shardId"], last["state"]) == (first["shardId"], {"times": 1})


REMOVED = """
import os
import boto3
def lambda_handler(event, context):
    s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    for record in event["Records"]:
        key = record["dynamodb"]["Keys"]["pk"]["S"]
        s3.put_object(Bucket="removed", Key=record["eventName"] + key, Body=b"")
"""


def test_a_filter_on_absence_matches_a_missing_field_or_parent(
    cloud: LocalCloud,
) -> None:
    s3, dynamodb = cloud.client("s3"), cloud.client("dynamodb")
    s3.create_bucket(Bucket="removed")
    stream = make_table(cloud, "filtered")
    for key in ("1", "2"):
        dynamodb.put_item(TableName="filtered", Item={"pk": {"S": key}})
        dynamodb.delete_item(TableName="filtered", Key={"pk": {"S": key}})
    make_function(cloud, "removed", REMOVED)
    pattern = {
        "eventName": ["REMOVE"],
        "userIdentity": {"principalId": [{"exists": False}]},
        "dynamodb": {"Keys": {"pk": {"S": ["2"]}}},
    }
    cloud.client("lambda").create_event_source_mapping(
        FunctionName="removed",
        EventSourceArn=stream,
        StartingPosition="TRIM_HORIZON",
        FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]},
    )
    wait_for(lambda: s3.list_objects_v2(Bucket="removed").get("KeyCount", 0))
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="removed")["Contents"]] == ["REMOVE2"]


def insertion(table: str, key: str) -> dict[str, Any]:
    statement = f"INSERT INTO \"{table}\" VALUE {{'pk': ?, 'tokens': ?}}"
    return {"Statement": statement, "Parameters": [{"S": key}, {"N": "7"}]}


def make_table(cloud: LocalCloud, name: str) -> str:
    table = cloud.client("dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]
    stream: str = table["LatestStreamArn"]
    return stream


def test_only_inserted_items_are_in_the_stream_not_refused_ones(
    cloud: LocalCloud,
) -> None:
    stream = make_table(cloud, "inserted")
    responses = cloud.client("dynamodb").batch_execute_statement(
        Statements=[insertion("inserted", "1"), insertion("inserted", "1")]
    )["Responses"]
    assert [response.get("Error", {}).get("Code") for response in responses] == [
        None,
        "DuplicateItem",
    ]
    streams = cloud.client("dynamodbstreams")
    (shard,) = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    (record,) = streams.get_records(ShardIterator=iterator)["Records"]
    assert record["eventName"] == "INSERT"
    assert record["dynamodb"]["NewImage"] == {"pk": {"S": "1"}, "tokens": {"N": "7"}}


def test_each_statement_needs_its_action_on_its_table() -> None:
    grant = {
        "Effect": "Allow",
        "Action": "dynamodb:PartiQLInsert",
        "Resource": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/granted",
    }
    with open_local_cloud(settings={"AUTH": "true"}) as cloud:
        for table in ("granted", "other"):
            make_table(cloud, table)
        writer = client_with(cloud, "dynamodb", "writer", grant)
        allowed = [insertion("granted", "1"), insertion("granted", "2")]
        responses = writer.batch_execute_statement(Statements=allowed)["Responses"]
        assert not [response for response in responses if "Error" in response]
        for refused in (
            insertion("other", "1"),
            {"Statement": "DELETE FROM \"granted\" WHERE pk = '1'"},
        ):
            with pytest.raises(ClientError, match="AccessDenied"):
                writer.batch_execute_statement(Statements=[allowed[0], refused])


def test_each_part_of_a_transaction_needs_a_grant_for_its_own_item() -> None:
    def granting(action: str, keys: str) -> dict[str, Any]:
        return {
            "Effect": "Allow",
            "Action": f"dynamodb:{action}",
            "Resource": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/parts",
            "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [keys]}},
        }

    def writing(key: str) -> dict[str, Any]:
        return {"Put": {"TableName": "parts", "Item": {"pk": {"S": key}}}}

    update = {
        "TableName": "parts",
        "Key": {"pk": {"S": "cell#1"}},
        "UpdateExpression": "ADD calls :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    with open_local_cloud(settings={"AUTH": "true"}) as cloud:
        make_table(cloud, "parts")
        grants = granting("PutItem", "mark#*"), granting("UpdateItem", "cell#*")
        write = client_with(cloud, "dynamodb", "counter", *grants).transact_write_items
        write(TransactItems=[writing("mark#1"), {"Update": update}])
        with pytest.raises(ClientError, match="AccessDenied"):
            write(TransactItems=[writing("mark#2"), writing("cell#2")])


def test_a_query_needs_a_grant_for_its_partition_key() -> None:
    grant = {
        "Effect": "Allow",
        "Action": "dynamodb:Query",
        "Resource": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/queried",
        "Condition": {
            "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["budgets"]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    }
    with open_local_cloud(settings={"AUTH": "true"}) as cloud:
        make_table(cloud, "queried")
        query = client_with(cloud, "dynamodb", "reader", grant).query

        def ask(partition_key: str) -> Any:
            return query(
                TableName="queried",
                KeyConditionExpression="#key = :key",
                ExpressionAttributeNames={"#key": "pk"},
                ExpressionAttributeValues={":key": {"S": partition_key}},
            )

        assert ask("budgets")["Items"] == []
        with pytest.raises(ClientError, match="AccessDenied"):
            ask("alerts#1")


def map_stream(cloud: LocalCloud, function: str, stream: str) -> str:
    """Make a function that a stream starts; returns the id of the mapping."""
    make_function(cloud, function, "def lambda_handler(event, context):\n    return None\n")
    mapping: str = cloud.client("lambda").create_event_source_mapping(
        FunctionName=function, EventSourceArn=stream, StartingPosition="LATEST"
    )["UUID"]
    return mapping


def test_the_function_of_a_mapping_is_a_condition_on_reading_it() -> None:
    def function(name: str) -> str:
        return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"

    grant = {
        "Effect": "Allow",
        "Action": "lambda:GetEventSourceMapping",
        "Resource": f"arn:aws:lambda:us-east-1:{ACCOUNT}:event-source-mapping:*",
    }
    on_counter = {"Condition": {"ArnEquals": {"lambda:FunctionArn": function("counter")}}}
    with open_local_cloud(settings={"AUTH": "true"}) as cloud:
        stream = make_table(cloud, "mapped")
        mappings = {name: map_stream(cloud, name, stream) for name in ("counter", "other")}
        on_all, limited = (
            client_with(cloud, "lambda", name, grant | condition).get_event_source_mapping
            for name, condition in (("on-all", {}), ("limited", on_counter))
        )
        for name, mapping in mappings.items():
            assert on_all(UUID=mapping)["FunctionArn"] == function(name)
        assert limited(UUID=mappings["counter"])["FunctionArn"] == function("counter")
        with pytest.raises(ClientError, match="AccessDenied"):
            limited(UUID=mappings["other"])


def test_a_denial_of_a_table_s_own_policy_holds_against_a_user_s() -> None:
    statement = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
    with open_local_cloud(settings={"AUTH": "true"}) as cloud:
        make_table(cloud, "denied")
        iam, root = cloud.client("iam"), cloud.client("dynamodb")
        iam.create_user(UserName="admin")
        iam.put_user_policy(
            UserName="admin",
            PolicyName="all",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )
        key = iam.create_access_key(UserName="admin")["AccessKey"]
        admin = cloud.client("dynamodb", key["AccessKeyId"], key["SecretAccessKey"])
        item = {"pk": {"S": "1"}}
        admin.put_item(TableName="denied", Item=item)
        denial = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "dynamodb:PutItem"}
        policy = {"Version": "2012-10-17", "Statement": [denial | {"Resource": "*"}]}
        root.put_resource_policy(
            ResourceArn=root.describe_table(TableName="denied")["Table"]["TableArn"],
            Policy=json.dumps(policy),
        )
        with pytest.raises(ClientError, match="AccessDenied"):
            admin.put_item(TableName="denied", Item=item)
        put = {"Put": {"TableName": "denied", "Item": item}}
        with pytest.raises(ClientError, match="AccessDenied"):
            admin.transact_write_items(TransactItems=[put])
        assert admin.get_item(TableName="denied", Key=item)["Item"] == item


def converse(client: Any) -> dict[str, int]:
    message = {"role": "user", "content": [{"text": "How many calls is this?"}]}
    usage: dict[str, int] = client.converse(modelId=MODEL, messages=[message])["usage"]
    return usage


def converse_stream(client: Any) -> dict[str, int]:
    message = {"role": "user", "content": [{"text": "How many calls is this?"}]}
    stream = client.converse_stream(modelId=MODEL, messages=[message])["stream"]
    (usage,) = [event["metadata"]["usage"] for event in stream if "metadata" in event]
    return dict(usage)


BODY = json.dumps(
    {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "How many calls is this?"}],
    }
)


def invoke(client: Any) -> dict[str, int]:
    headers = client.invoke_model(modelId=MODEL, body=BODY)["ResponseMetadata"]["HTTPHeaders"]
    return {
        "inputTokens": int(headers["x-amzn-bedrock-input-token-count"]),
        "outputTokens": int(headers["x-amzn-bedrock-output-token-count"]),
    }


def invoke_stream(client: Any) -> dict[str, int]:
    stream = client.invoke_model_with_response_stream(modelId=MODEL, body=BODY)["body"]
    chunks = [json.loads(event["chunk"]["bytes"]) for event in stream]
    metrics = chunks[-1]["amazon-bedrock-invocationMetrics"]
    return {
        "inputTokens": metrics["inputTokenCount"],
        "outputTokens": metrics["outputTokenCount"],
    }


def test_definitions_are_deployed_changed_and_removed_with_their_stack(cloud: LocalCloud) -> None:
    cloudformation = cloud.client("cloudformation")

    def deployed() -> dict[str, str]:
        found = cloudformation.list_stack_resources(StackName="definitions")
        return {
            resource["ResourceType"]: resource["PhysicalResourceId"]
            for resource in found["StackResourceSummaries"]
        }

    def template(query: str) -> str:
        rule = {"RuleName": "Callers", "RuleBody": "{}", "RuleState": "ENABLED"}
        return json.dumps(
            {
                "Resources": {
                    "Query": {
                        "Type": "AWS::Logs::QueryDefinition",
                        "Properties": {"Name": "One", "QueryString": query},
                    },
                    "Rule": {"Type": "AWS::CloudWatch::InsightRule", "Properties": rule},
                }
            }
        )

    deploy(cloud, "definitions", template("fields @message"))
    before = deployed()
    assert before["AWS::CloudWatch::InsightRule"] == "Callers"
    cloudformation.update_stack(StackName="definitions", TemplateBody=template("limit 1"))
    cloudformation.get_waiter("stack_update_complete").wait(StackName="definitions")
    assert deployed() == before
    cloudformation.delete_stack(StackName="definitions")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="definitions")


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("Converse", converse),
        ("ConverseStream", converse_stream),
        ("InvokeModel", invoke),
        ("InvokeModelWithResponseStream", invoke_stream),
    ],
)
def test_a_call_of_bedrock_is_logged_with_its_caller_and_counts(
    cloud: LocalCloud, operation: str, call: Any
) -> None:
    group, iam = f"calls-{operation}", cloud.client("iam")
    iam.create_user(UserName=operation)
    key = iam.create_access_key(UserName=operation)["AccessKey"]
    cloud.client("logs").create_log_group(logGroupName=group)
    cloud.client("bedrock").put_model_invocation_logging_configuration(
        loggingConfig={
            "cloudWatchConfig": {
                "logGroupName": group,
                "roleArn": f"arn:aws:iam::{ACCOUNT}:role/x",
            }
        }
    )
    usage = call(cloud.client("bedrock-runtime", key["AccessKeyId"], key["SecretAccessKey"]))
    notice, message = (
        event["message"]
        for event in cloud.client("logs").filter_log_events(logGroupName=group)["events"]
    )
    assert notice.startswith(PERMISSION_NOTICE)
    record = json.loads(message)
    assert record["operation"] == operation
    assert record["identity"]["arn"] == f"arn:aws:iam::{ACCOUNT}:user/{operation}"
    assert record["input"]["inputTokenCount"] == usage["inputTokens"] > 0
    assert record["output"]["outputTokenCount"] == usage["outputTokens"] > 0


def test_an_application_inference_profile_has_an_arn_as_on_aws(
    cloud: LocalCloud,
) -> None:
    bedrock, model = cloud.client("bedrock"), f"arn:aws:bedrock:us-east-1::foundation-model/{MODEL}"
    arn = bedrock.create_inference_profile(
        inferenceProfileName="support",
        modelSource={"copyFrom": model},
        tags=[{"key": "project", "value": "support"}],
    )["inferenceProfileArn"]
    assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == [
        {"key": "project", "value": "support"}
    ]
    assert profile_arn(arn) == arn
    for identifier in (arn, arn.partition("/")[2]):
        found = bedrock.get_inference_profile(inferenceProfileIdentifier=identifier)
        assert found["models"] == [{"modelArn": model}]


def test_an_application_inference_profile_is_read_with_a_grant_for_its_arn() -> None:
    model = f"arn:aws:bedrock:us-east-1::foundation-model/{MODEL}"
    with open_local_cloud(settings={"AUTH": "true"}) as cloud:
        arns = [
            cloud.client("bedrock").create_inference_profile(
                inferenceProfileName=name, modelSource={"copyFrom": model}
            )["inferenceProfileArn"]
            for name in ("granted", "other")
        ]
        actions = ["bedrock:GetInferenceProfile", "bedrock:ListTagsForResource"]
        grant = {"Effect": "Allow", "Action": actions}
        on_all, limited = (
            client_with(cloud, "bedrock", name, grant | {"Resource": resource})
            for name, resource in (("on-all", "*"), ("limited", arns[0]))
        )
        for reader, arn in ((on_all, arns[0]), (on_all, arns[1]), (limited, arns[0])):
            found = reader.get_inference_profile(inferenceProfileIdentifier=arn)
            assert found["inferenceProfileArn"] == arn
            assert reader.list_tags_for_resource(resourceARN=arn)["tags"] == []
        with pytest.raises(ClientError, match="AccessDenied"):
            limited.get_inference_profile(inferenceProfileIdentifier=arns[1])
        with pytest.raises(ClientError, match="AccessDenied"):
            limited.list_tags_for_resource(resourceARN=arns[1])


def test_a_batch_job_ends_and_is_listed_like_on_aws(cloud: LocalCloud) -> None:
    bedrock = cloud.client("bedrock")
    output = {"s3OutputDataConfig": {"s3Uri": "s3://results/nightly/"}}
    arn = bedrock.create_model_invocation_job(
        jobName="nightly",
        modelId=MODEL,
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/batch",
        inputDataConfig={"s3InputDataConfig": {"s3Uri": "s3://in/records.jsonl"}},
        outputDataConfig=output,
    )["jobArn"]
    (job,) = bedrock.list_model_invocation_jobs()["invocationJobSummaries"]
    assert (job["jobArn"], job["modelId"], job["outputDataConfig"]) == (arn, MODEL, output)
    assert job["submitTime"] == job["endTime"] <= datetime.now(UTC)


def test_without_a_configuration_a_call_is_answered_and_not_logged(cloud: LocalCloud) -> None:
    cloud.client("bedrock").delete_model_invocation_logging_configuration()
    assert converse(cloud.client("bedrock-runtime"))["inputTokens"] > 0


def test_a_log_group_has_no_policies_and_a_missing_one_is_not_found(cloud: LocalCloud) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="without-policies")
    assert logs.describe_account_policies(policyType="TRANSFORMER_POLICY")["accountPolicies"] == []
    found = logs.get_data_protection_policy(logGroupIdentifier="without-policies")
    assert "policyDocument" not in found
    assert "transformerConfig" not in logs.get_transformer(logGroupIdentifier="without-policies")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        logs.get_transformer(logGroupIdentifier="missing")


def test_a_deployed_log_group_has_the_data_protection_policy_of_its_template(
    cloud: LocalCloud,
) -> None:
    logs, stack = cloud.client("logs"), "data-protection"

    def write_template(**properties: Any) -> str:
        group = {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": "protected", **properties},
        }
        return json.dumps({"Resources": {"Group": group}})

    def read_policy() -> str | None:
        answer = logs.get_data_protection_policy(logGroupIdentifier="protected")
        policy: str | None = answer.get("policyDocument")
        return policy

    policy = {"Name": "masking", "Version": "2021-06-01", "Statement": []}
    deploy(cloud, stack, write_template(DataProtectionPolicy=policy))
    assert json.loads(read_policy() or "") == policy
    logs.put_data_protection_policy(logGroupIdentifier="protected", policyDocument="{}")
    assert read_policy() == "{}"
    logs.delete_data_protection_policy(logGroupIdentifier="protected")
    assert read_policy() is None
    logs.put_data_protection_policy(logGroupIdentifier="protected", policyDocument="{}")
    cloudformation = cloud.client("cloudformation")
    cloudformation.update_stack(StackName=stack, TemplateBody=write_template(RetentionInDays=30))
    cloudformation.get_waiter("stack_update_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 1}
    )
    assert read_policy() is None


def test_a_deployed_topic_has_the_key_of_its_template(cloud: LocalCloud) -> None:
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": "arn:key"}}
    deploy(cloud, "topic-keys", json.dumps({"Resources": {"Topic": topic}}))
    (resource,) = cloud.client("cloudformation").list_stack_resources(StackName="topic-keys")[
        "StackResourceSummaries"
    ]
    attributes = cloud.client("sns").get_topic_attributes(TopicArn=resource["PhysicalResourceId"])[
        "Attributes"
    ]
    assert attributes["KmsMasterKeyId"] == "arn:key"


def test_a_deployed_function_has_the_reserved_concurrency_of_its_template(
    cloud: LocalCloud,
) -> None:
    role = cloud.client("iam").create_role(RoleName="capped", AssumeRolePolicyDocument=TRUST)
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": "capped",
            "Runtime": f"python{local_settings()['python_version']}",
            "Handler": "index.handler",
            "Role": role["Role"]["Arn"],
            "Code": {"ZipFile": "def handler(event, context):\n    return event\n"},
            "ReservedConcurrentExecutions": 3,
        },
    }
    deploy(cloud, "capped", json.dumps({"Resources": {"Function": function}}))
    live = cloud.client("lambda").get_function_concurrency(FunctionName="capped")
    assert live["ReservedConcurrentExecutions"] == 3


def test_a_deployed_table_expires_and_is_backed_up_as_in_its_template(cloud: LocalCloud) -> None:
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": "settings",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
        },
    }
    deploy(cloud, "table-settings", json.dumps({"Resources": {"Table": table}}))
    dynamodb = cloud.client("dynamodb")
    assert dynamodb.describe_time_to_live(TableName="settings")["TimeToLiveDescription"] == {
        "AttributeName": "expires_at",
        "TimeToLiveStatus": "ENABLED",
    }
    backups = dynamodb.describe_continuous_backups(TableName="settings")[
        "ContinuousBackupsDescription"
    ]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_deployed_table_has_the_resource_policy_of_its_template(cloud: LocalCloud) -> None:
    denial = {
        "Sid": "NoChanges",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "dynamodb:UpdateItem",
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Statement": [denial]}
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": "denied",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "ResourcePolicy": {"PolicyDocument": policy},
        },
    }
    deploy(cloud, "table-policy", json.dumps({"Resources": {"Table": table}}))
    dynamodb = cloud.client("dynamodb")
    arn = dynamodb.describe_table(TableName="denied")["Table"]["TableArn"]
    assert json.loads(dynamodb.get_resource_policy(ResourceArn=arn)["Policy"]) == policy


def test_objects_of_a_deployed_bucket_are_locked_as_in_its_template(cloud: LocalCloud) -> None:
    bucket = {
        "Type": "AWS::S3::Bucket",
        "Properties": {
            "BucketName": "locked-bucket",
            "VersioningConfiguration": {"Status": "Enabled"},
            "ObjectLockEnabled": True,
            "ObjectLockConfiguration": {
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 2}},
            },
        },
    }
    deploy(cloud, "bucket-lock", json.dumps({"Resources": {"Bucket": bucket}}))
    s3 = cloud.client("s3")
    s3.put_object(Bucket="locked-bucket", Key="x", Body=b"x", ChecksumAlgorithm="SHA256")
    (version,) = s3.list_object_versions(Bucket="locked-bucket")["Versions"]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket="locked-bucket", Key="x", VersionId=version["VersionId"])
