"""Every function works with exactly the role that its template gives it."""

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk.config import stack_names
from cdk.local_cloud.cloud import ACCOUNT, REGION
from cdk.local_cloud.subscriber import Subscriber, open_subscriber
from lambdas.adapters.dynamodb.usage_item import to_item
from lambdas.adapters.s3.price_editions import S3PriceEditions
from lambdas.domain.counters.table import CELL_PREFIX, CHECKPOINT_PREFIX, MARK_PREFIX, MISSED_PREFIX
from lambdas.domain.invocations import UsageRecord, read_message
from lambdas.domain.ledger.state_table import (
    BATCH_JOB_PREFIX,
    CORRECTION_PREFIX,
    NOTICE_PREFIX,
    TURN_PREFIX,
    WATCH_KEY,
)
from lambdas.domain.ledger.table import PARTITION_KEY
from lambdas.domain.reports.weekly import ReportedWeek
from lambdas.domain.unmetered import traffic_window
from tests.aws import event
from tests.builders import usage_record
from tests.end_to_end.deployed import Deployed, calls, user
from tests.end_to_end.roles import Role, restarting, works
from tests.local_cloud.callers import MODEL
from tests.local_cloud.waiting import wait_for
from tests.log_deliveries import pack
from tests.price_editions import publish_bad_edition
from tests.unit.unmetered.test_jobs import JOB, batch_detail
from tests.unlogged import BUCKET


@pytest.fixture(scope="module", autouse=True)
def superseded(deployed: Deployed) -> None:
    """Publish an edition that was superseded, so that `price_refresher` has costs to correct."""
    now = datetime.now(UTC)
    publish_bad_edition(price_editions(deployed), now, now - timedelta(hours=2))


def price_editions(deployed: Deployed) -> S3PriceEditions:
    return S3PriceEditions(lambda: deployed.cloud.client("s3"), deployed.bucket("PriceBucketName"))


def superseded_edition(deployed: Deployed) -> str:
    editions = price_editions(deployed)
    current = editions.read_pointer().updates.edition
    assert current is not None
    return editions.read_edition(current).superseded[0].edition


def delivery(deployed: Deployed, *messages: str) -> dict[str, Any]:
    return {"awslogs": {"data": pack(messages, deployed.log_group)}}


def batch() -> dict[str, Any]:
    """A new call of a new identity, of a new model without a price."""
    now = datetime.now(UTC)
    caller = user(f"new-{now.timestamp()}")
    model_id = f"imported-model/{now.timestamp()}"
    record = usage_record(request_id=caller, identity_arn=caller, timestamp=now, model_id=model_id)
    images = {
        "NewImage": to_item(record, timedelta(days=90)),
        "SequenceNumber": "1",
        "ApproximateCreationDateTime": now.timestamp(),
    }
    return {"Records": [{"eventName": "INSERT", "dynamodb": images}]}


def further_reading(deployed: Deployed) -> str:
    """A log of a call that has another reading in the ledger."""
    (message,) = calls(user("known"), 1)
    record = read_message(message)
    assert isinstance(record, UsageRecord)
    deployed.cloud.client("dynamodb").put_item(
        TableName=deployed.bucket("LedgerTableName"),
        Item=to_item(record._replace(identity_arn=user("other")), timedelta(days=90)),
    )
    return message


def event_for(deployed: Deployed, job: str) -> dict[str, Any]:
    if job == "log_processor":
        return delivery(deployed, further_reading(deployed), *calls(user("granted"), 1), "{ poison")
    if job == "metric_publisher":
        return batch()
    if job == "usage_counter":
        return {"shardId": f"shard-{datetime.now(UTC).timestamp()}", **batch()}
    # A run that was cut off would let others wait, and one that ended leaves nothing to do.
    for key in (f"{TURN_PREFIX}unpriced", CORRECTION_PREFIX + superseded_edition(deployed)):
        deployed.cloud.client("dynamodb").delete_item(
            TableName=deployed.bucket("StateTableName"), Key={PARTITION_KEY: {"S": key}}
        )
    return {}


@pytest.mark.parametrize(
    ("job", "action"),
    [
        ("log_processor", "dynamodb:PartiQLInsert"),
        ("log_processor", "dynamodb:BatchGetItem"),
        ("log_processor", "dynamodb:PutItem"),
        ("log_processor", "s3:PutObject"),
        ("metric_publisher", "cloudwatch:PutMetricData"),
        ("metric_publisher", "dynamodb:BatchWriteItem"),
        ("metric_publisher", "dynamodb:GetItem"),
        ("metric_publisher", "dynamodb:PutItem"),
        ("metric_publisher", "dynamodb:UpdateItem"),
        ("metric_publisher", "cloudformation:DescribeStacks"),
        ("price_refresher", "dynamodb:DeleteItem"),
        ("price_refresher", "dynamodb:GetItem"),
        ("price_refresher", "dynamodb:PutItem"),
        ("price_refresher", "dynamodb:Query"),
        ("price_refresher", "dynamodb:Scan"),
        ("usage_counter", "dynamodb:GetItem"),
        ("usage_counter", "dynamodb:PutItem"),
        ("usage_counter", "dynamodb:UpdateItem"),
    ],
)
def test_a_function_needs_each_of_its_grants(deployed: Deployed, job: str, action: str) -> None:
    function: str = getattr(deployed.deployment, job)
    role = Role(deployed, function)
    assert works(deployed, function, event_for(deployed, job))
    # A running function would hide a missing permission behind its state.
    with role.having(role.without(action)), restarting(deployed, function, f"no {action}"):
        assert not works(deployed, function, event_for(deployed, job))
    assert works(deployed, function, event_for(deployed, job))


def test_the_pipeline_works_with_the_deployed_roles(deployed: Deployed) -> None:
    caller = user("operator")
    deployed.log_calls(*calls(caller, 2), "{ poison")
    deployed.wait_for_tokens(caller, 30)
    live = deployed.cloud.client("bedrock").get_model_invocation_logging_configuration()
    assert live["loggingConfig"]["cloudWatchConfig"]["logGroupName"] == deployed.log_group


def test_reports_are_written_with_the_deployed_roles(deployed: Deployed) -> None:
    caller, last_week = user("reported"), datetime.now(UTC) - timedelta(days=7)
    deployed.log_calls(*calls(caller, 2, timestamp=last_week.isoformat()))
    deployed.wait_for_tokens(caller, 30)
    s3, bucket = deployed.cloud.client("s3"), deployed.bucket("ReportBucketName")

    def written(function: str, folder: str) -> list[str]:
        deployed.start(function, {}, stack=stack_names.REPORTING)
        return [
            s3_object["Key"]
            for s3_object in s3.list_objects_v2(Bucket=bucket, Prefix=folder)["Contents"]
        ]

    year, week, _ = last_week.isocalendar()
    stem = f"comparison/week={year}-W{week:02}/bedrock-meter"
    assert written("ComparisonReporter", "comparison/") == [f"{stem}.json", f"{stem}.txt"]
    compared = json.loads(s3.get_object(Bucket=bucket, Key=f"{stem}.json")["Body"].read())
    assert (compared["calls"], compared["not_logged"]["unread"]) == (2, [])
    exported = written("FocusExporter", "focus/")
    assert {name.partition(".")[2] for name in exported} == {"csv.gz", "json", "parquet"}


def summaries(subscriber: Subscriber) -> list[dict[str, Any]]:
    return [message for message in subscriber.messages if "Month so far" in message["Message"]]


def test_the_weekly_summary_is_sent_once_with_the_role_as_it_is(deployed: Deployed) -> None:
    caller, week = user("summarized"), ReportedWeek.last_closed(datetime.now(UTC))
    sunday = datetime.combine(week.last_day, time(12), UTC)
    deployed.log_calls(*calls(caller, 2, timestamp=sunday.isoformat()))
    deployed.wait_for_tokens(caller, 30)
    with open_subscriber(deployed.cloud, deployed.topic) as subscriber:
        for _ in range(2):
            deployed.start("WeeklySummarizer", {})
        (message,) = wait_for(lambda: summaries(subscriber))
    assert message["Subject"].startswith("Bedrock Meter: ")
    assert ". user/summarized: " in message["Message"]
    assert "could not be read" not in message["Message"]


def find_drifts(deployed: Deployed) -> list[str]:
    """Start the watcher; returns the drift that it found."""
    deployed.start("LoggingWatcher", event("Scheduled Event", datetime.now(UTC)))
    item = deployed.cloud.client("dynamodb").get_item(
        TableName=deployed.bucket("StateTableName"), Key={PARTITION_KEY: {"S": WATCH_KEY}}
    )
    if "Item" not in item:
        return []  # nothing was ever found
    found: list[str] = json.loads(item["Item"]["watch_state"]["S"])["drifts"]
    return found


def test_the_watcher_may_read_everything_that_it_compares(deployed: Deployed) -> None:
    """An unreadable setting would show as drift in the state table."""
    assert find_drifts(deployed) == []
    alarm = "BedrockMeter-Health-Coverage"
    cloudwatch = deployed.cloud.client("cloudwatch")
    cloudwatch.disable_alarm_actions(AlarmNames=[alarm])
    try:
        found = find_drifts(deployed)
    finally:
        cloudwatch.enable_alarm_actions(AlarmNames=[alarm])
    assert found == [f"actions were turned off or on for alarms: {alarm}"]
    assert find_drifts(deployed) == []


def test_the_watcher_needs_the_condition_that_names_the_counter(deployed: Deployed) -> None:
    counter = deployed.deployment.usage_counter
    role = Role(deployed, deployed.function_name("LoggingWatcher"))
    with role.having(role.replacing(f":function:{counter}", ":function:another")):
        (found,) = find_drifts(deployed)
    assert "cannot be read: AccessDenied" in found
    assert find_drifts(deployed) == []


def sent_notices(deployed: Deployed) -> set[str]:
    """The keys of notices that were sent, without their prefix."""
    pages = (
        deployed.cloud.client("dynamodb")
        .get_paginator("scan")
        .paginate(TableName=deployed.bucket("StateTableName"))
    )
    keys = (item[PARTITION_KEY]["S"] for page in pages for item in page["Items"])
    return {key.removeprefix(NOTICE_PREFIX) for key in keys if key.startswith(NOTICE_PREFIX)}


def test_traffic_outside_the_logs_is_found_with_the_deployed_role(deployed: Deployed) -> None:
    now = datetime.now(UTC)
    window = traffic_window(now)
    tiers = {"ServiceTier": "priority", "ResolvedServiceTier": "priority"}
    for region, dimensions in (("eu-north-1", {}), (REGION, tiers)):
        datum: Any = {
            "MetricName": "Invocations",
            "Timestamp": window.middle,
            "Value": 12,
            "Dimensions": [
                {"Name": name, "Value": value}
                for name, value in {"ModelId": MODEL, **dimensions}.items()
            ],
        }
        cloudwatch = deployed.cloud.client("cloudwatch", region=region)
        cloudwatch.put_metric_data(Namespace="AWS/Bedrock", MetricData=[datum])
    deployed.start("TrafficAuditor", event("Scheduled Event", now))
    deployed.start("TrafficAuditor", event("Batch Inference Job State Change", now, batch_detail()))
    day = f"{window.start:%Y-%m-%d}"
    assert sent_notices(deployed) >= {
        f"region/eu-north-1/{day}/0",
        f"tier/{MODEL}/priority/{day}",
        f"batch/{JOB}",
    }


@pytest.mark.parametrize(
    "action", ["dynamodb:GetItem", "dynamodb:PutItem", "events:PutEvents", "sns:Publish"]
)
def test_the_traffic_auditor_needs_each_grant_to_notify_once(
    deployed: Deployed, action: str
) -> None:
    function = deployed.function_name("TrafficAuditor")
    role = Role(deployed, function)
    job = f"{JOB}{action.partition(':')[2].lower()}"
    reported = event(
        "Batch Inference Job State Change", datetime.now(UTC), batch_detail(batchJobArn=job)
    )
    with role.having(role.without(action)):
        assert not works(deployed, function, reported)
    assert works(deployed, function, reported)
    assert f"batch/{job}" in sent_notices(deployed)


def run_batch_job(deployed: Deployed, folder: str) -> str:
    """Run a job of nine and four tokens; returns its ARN."""
    s3 = deployed.cloud.client("s3")
    if BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=BUCKET)
    arn: str = deployed.cloud.client("bedrock").create_model_invocation_job(
        jobName=folder,
        modelId=MODEL,
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/batch",
        inputDataConfig={"s3InputDataConfig": {"s3Uri": f"s3://{BUCKET}/in.jsonl"}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": f"s3://{BUCKET}/{folder}/"}},
    )["jobArn"]
    key = f"{folder}/{arn.rpartition('/')[2]}/manifest.json.out"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b'{"inputTokenCount": 9, "outputTokenCount": 4}')
    return arn


def is_counted(deployed: Deployed, arn: str) -> bool:
    deployed.start("TrafficAuditor", event("Scheduled Event", datetime.now(UTC)))
    answer = deployed.cloud.client("dynamodb").get_item(
        TableName=deployed.bucket("StateTableName"),
        Key={PARTITION_KEY: {"S": BATCH_JOB_PREFIX + arn}},
    )
    return "Item" in answer


def test_the_tokens_of_a_batch_job_are_counted_once_with_the_deployed_role(
    deployed: Deployed,
) -> None:
    before = deployed.metric("BatchInputTokens") or 0
    arn = run_batch_job(deployed, "counted")
    assert is_counted(deployed, arn)
    assert is_counted(deployed, arn)
    wait_for(lambda: deployed.metric("BatchInputTokens") == before + 9)
    assert deployed.metric("BatchOutputTokens", ModelId=MODEL)


@pytest.mark.parametrize("action", ["bedrock:ListModelInvocationJobs", "s3:GetObject"])
def test_the_traffic_auditor_needs_each_grant_to_count_a_batch_job(
    deployed: Deployed, action: str
) -> None:
    role = Role(deployed, deployed.function_name("TrafficAuditor"))
    arn = run_batch_job(deployed, f"without-{action.partition(':')[2].lower()}")
    with role.having(role.without(action)):
        assert not is_counted(deployed, arn)
    assert is_counted(deployed, arn)


def test_the_publisher_is_denied_other_namespaces(deployed: Deployed) -> None:
    role = Role(deployed, deployed.deployment.metric_publisher)
    with role.having(role.replacing('"BedrockMeter"', '"OtherMeter"')):
        assert not works(deployed, deployed.deployment.metric_publisher, batch())


@pytest.mark.parametrize(
    ("job", "keys"),
    [
        ("metric_publisher", "identity#*"),
        ("metric_publisher", "tags#*"),
        ("metric_publisher", "unpriced#*"),
        ("metric_publisher", "waiting#*"),
        ("price_refresher", "turn#*"),
        ("price_refresher", "correction#*"),
        ("usage_counter", f"{CELL_PREFIX}*"),
        ("usage_counter", f"{CHECKPOINT_PREFIX}*"),
        ("usage_counter", f"{MARK_PREFIX}*"),
    ],
)
def test_a_function_needs_the_grant_for_its_items_in_a_table(
    deployed: Deployed, job: str, keys: str
) -> None:
    function: str = getattr(deployed.deployment, job)
    role = Role(deployed, function)
    with role.having(role.replacing(f'"{keys}"', '"others#*"')):
        assert not works(deployed, function, event_for(deployed, job))
    assert works(deployed, function, event_for(deployed, job))


def test_a_batch_that_was_given_up_is_counted_with_the_deployed_role(deployed: Deployed) -> None:
    counter, now = deployed.deployment.usage_counter, datetime.now(UTC)
    assert counter is not None
    role = Role(deployed, counter)

    def count(number: int, hours_ago: int) -> bool:
        event = batch()
        event["Records"][0]["dynamodb"] |= {
            "SequenceNumber": str(number),
            "ApproximateCreationDateTime": (now - timedelta(hours=hours_ago)).timestamp(),
        }
        return works(deployed, counter, event | {"shardId": f"shard-{now.timestamp()}"})

    assert count(1, 23)
    assert count(3, 0)
    with role.having(role.replacing(f'"{MISSED_PREFIX}*"', '"others#*"')):
        assert not count(2, 23)
    assert count(2, 23)


def test_a_grant_on_the_state_table_gives_no_access_to_the_ledger(
    deployed: Deployed,
) -> None:
    function = deployed.deployment.log_processor
    role = Role(deployed, function)
    ledger, state = deployed.bucket("LedgerTableName"), deployed.bucket("StateTableName")
    with role.having(role.replacing(ledger, state)):
        assert not works(deployed, function, event_for(deployed, "log_processor"))
    assert works(deployed, function, event_for(deployed, "log_processor"))


def user_with(deployed: Deployed, name: str, *actions: str) -> Any:
    """Create a user with some permissions on all resources; returns an access key."""
    iam = deployed.cloud.client("iam")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=policy)
    return iam.create_access_key(UserName=name)["AccessKey"]


def redriver(deployed: Deployed, user: Any, service: str) -> Any:
    """A client of a service with the redrive role, which a user assumes."""
    sts = deployed.cloud.client("sts", user["AccessKeyId"], user["SecretAccessKey"])
    role = deployed.bucket("RedriveRoleArn")
    got = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return deployed.cloud.client(
        service, got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"]
    )


def test_only_the_redrive_role_can_read_failures(deployed: Deployed) -> None:
    bucket = deployed.bucket("FailureBucketName")
    failure = {"Bucket": bucket, "Key": "aws/lambda/async/processor/1"}
    deployed.cloud.client("s3").put_object(**failure, Body=b"a delivery")
    operator = user_with(deployed, "operator", "s3:*", "sts:AssumeRole")
    own = deployed.cloud.client("s3", operator["AccessKeyId"], operator["SecretAccessKey"])
    assert own.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    with pytest.raises(ClientError, match="AccessDenied"):
        own.get_object(**failure)
    redriving = redriver(deployed, operator, "s3")
    assert redriving.get_object(**failure)["Body"].read() == b"a delivery"
    redriving.delete_object(**failure)
    with pytest.raises(ClientError, match="AccessDenied"):
        redriving.list_objects_v2(Bucket=deployed.bucket("ReportBucketName"))


def test_no_policy_extends_a_role_beyond_the_boundary(deployed: Deployed) -> None:
    intruder = user_with(deployed, "intruder", "sts:AssumeRole")
    iam, name = deployed.cloud.client("iam"), deployed.bucket("RedriveRoleArn").split("/")[-1]
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    iam.put_role_policy(RoleName=name, PolicyName="everything", PolicyDocument=document)
    within = redriver(deployed, intruder, "s3")
    within.list_objects_v2(Bucket=deployed.bucket("ReportBucketName"))
    for service, operation, parameters in (
        ("iam", "create_user", {"UserName": "backdoor"}),
        ("iam", "list_users", {}),
        ("lambda", "list_functions", {}),
        ("s3", "list_buckets", {}),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(redriver(deployed, intruder, service), operation)(**parameters)
    iam.delete_role_policy(RoleName=name, PolicyName="everything")


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_a_caller_denied_invoke_model_is_denied_converse(deployed: Deployed, effect: str) -> None:
    """AWS has no action for Converse: it is InvokeModel that allows and denies it."""
    iam = deployed.cloud.client("iam")
    iam.create_user(UserName=effect)
    statements = [
        {"Effect": effect, "Action": "bedrock:InvokeModel*", "Resource": "*"},
        {"Effect": "Allow", "Action": "bedrock:Converse*", "Resource": "*"},
    ]
    iam.put_user_policy(
        UserName=effect,
        PolicyName="bedrock",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )
    key = iam.create_access_key(UserName=effect)["AccessKey"]
    client = deployed.cloud.client("bedrock-runtime", key["AccessKeyId"], key["SecretAccessKey"])
    messages = [{"role": "user", "content": [{"text": "May I?"}]}]
    if effect == "Allow":
        assert client.converse(modelId=MODEL, messages=messages)["usage"]["inputTokens"] > 0
        return
    with pytest.raises(ClientError, match="AccessDenied"):
        client.converse(modelId=MODEL, messages=messages)
