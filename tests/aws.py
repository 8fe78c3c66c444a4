"""An in-memory AWS account (moto) with the tables and buckets of the functions."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.session import Session
from moto import mock_aws
from moto.bedrock.responses import BedrockResponse
from moto.dynamodb.models import DynamoDBBackend

from lambdas.domain.ledger.state_table import UNPRICED_INDEX, UNPRICED_KEY
from lambdas.domain.ledger.table import RESERVATION_INDEX, RESERVATION_KEY
from lambdas.domain.metrics.catalog import NAMESPACE
from lambdas.wiring.gateway_clients import share_session
from tests.dynamodb import insert_by_partiql

LEDGER = "usage-ledger"
STATE = "meter-state"
QUARANTINE = "quarantine"
REGION = "us-east-1"
LOG_GROUP = "/bedrock-meter/invocations"


def set_log_processor_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what `log_processor` needs to take records of a made-up account, and the state table."""
    for name, value in (
        ("LOG_GROUP", LOG_GROUP),
        ("ACCOUNT_ID", "111122223333"),
        ("REGION", REGION),
        ("LEDGER_TABLE", LEDGER),
        ("STATE_TABLE", STATE),
        ("QUARANTINE_BUCKET", QUARANTINE),
    ):
        monkeypatch.setenv(name, value)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account with empty tables and quarantine bucket, and no function that runs."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(DynamoDBBackend, "batch_execute_statement", insert_by_partiql)
    list_batch_jobs(monkeypatch)
    with mock_aws():
        dynamodb = boto3.client("dynamodb")
        dynamodb.create_table(
            TableName=LEDGER,
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", RESERVATION_KEY)
            ],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": RESERVATION_INDEX,
                    "KeySchema": [{"AttributeName": RESERVATION_KEY, "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        dynamodb.create_table(
            TableName=STATE,
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", UNPRICED_KEY)
            ],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": UNPRICED_INDEX,
                    "KeySchema": [{"AttributeName": UNPRICED_KEY, "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        boto3.client("s3").create_bucket(Bucket=QUARANTINE)
        yield
    clear_caches()


def create_sorted_table(name: str, **properties: Any) -> None:
    """Create a table with a partition key `pk` and a sort key `sk`, in moto."""
    boto3.client("dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
        **properties,
    )


def list_batch_jobs(monkeypatch: pytest.MonkeyPatch, *summaries: dict[str, Any]) -> None:
    """Answer what moto does not: the list of batch jobs."""
    answer = json.dumps({"invocationJobSummaries": summaries})
    monkeypatch.setattr(
        BedrockResponse, "list_model_invocation_jobs", lambda _: answer, raising=False
    )


def deploy_stack() -> str:
    """Create a stack just now; returns its id."""
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    answer = boto3.client("cloudformation").create_stack(
        StackName="stack", TemplateBody=json.dumps(template)
    )
    return answer["StackId"]


def published(metric: str, around: datetime, **dimensions: str) -> float:
    """The sum of a published metric, within hours around a time."""
    statistics = boto3.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=around - timedelta(hours=2),
        EndTime=around + timedelta(hours=1),
        Period=60,
        Statistics=["Sum"],
    )
    return sum(point["Sum"] for point in statistics["Datapoints"])


def event(kind: str, at: datetime, detail: dict[str, Any] | None = None) -> dict[str, Any]:
    """An event of EventBridge, as it is documented."""
    return {
        "version": "0",
        "id": "11111111-2222-3333-4444-555555555555",
        "detail-type": kind,
        "source": "aws.any",
        "account": "123456789012",
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [],
        "detail": detail or {},
    }


def take_events() -> list[dict[str, Any]]:
    """Collect the events that functions publish, in place of EventBridge."""
    entries: list[dict[str, Any]] = []

    def take(params: dict[str, Any], **_: Any) -> Any:
        entries.extend(json.loads(params["body"])["Entries"])
        return SimpleNamespace(status_code=200), {"FailedEntryCount": 0, "Entries": [{}]}

    session = boto3.DEFAULT_SESSION
    assert session is not None
    session.events.register("before-call.eventbridge.PutEvents", take)
    return entries


def take_starts() -> list[dict[str, Any]]:
    """Collect the requests that start other functions, in place of Lambda."""
    requests: list[dict[str, Any]] = []

    def take(params: dict[str, Any], **_: Any) -> Any:
        kind = params["headers"]["X-Amz-Invocation-Type"]
        requests.append({"path": params["url_path"], "type": kind, "event": params["body"]})
        return SimpleNamespace(status_code=202), {"StatusCode": 202}

    session = boto3.DEFAULT_SESSION
    assert session is not None
    session.events.register("before-call.lambda.Invoke", take)
    return requests


def subscribe_queue() -> tuple[str, Callable[[], list[dict[str, Any]]]]:
    """The ARN of a topic, and a function that returns the messages received since."""
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = sns.create_topic(Name="notifications")["TopicArn"]
    queue = sqs.create_queue(QueueName="notifications")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["Attributes"]["QueueArn"])

    def received() -> list[dict[str, Any]]:
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    return topic, received


def health_metrics(printed: str) -> dict[str, list[float]]:
    """The health metrics in what a function printed, by name."""
    values: dict[str, list[float]]
    (values,) = (json.loads(line) for line in printed.splitlines() if '"_aws"' in line)
    return values


class EmbeddedMetric(NamedTuple):
    """A value of a metric that a function wrote to its log."""

    namespace: str
    name: str
    dimensions: dict[str, str]
    value: float
    at: datetime


def embedded_metrics(printed: str) -> list[EmbeddedMetric]:
    """The metrics in what a function printed, in their order."""
    return [
        EmbeddedMetric(
            directive["Namespace"],
            metric["Name"],
            {name: line[name] for name in names},
            value,
            datetime.fromtimestamp(line["_aws"]["Timestamp"] / 1000, UTC),
        )
        for line in (json.loads(text) for text in printed.splitlines() if '"_aws"' in text)
        for directive in line["_aws"]["CloudWatchMetrics"]
        for names in directive["Dimensions"]
        for metric in directive["Metrics"]
        for value in line[metric["Name"]]
    ]


def client_configs(
    make: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> dict[str, object]:
    """The configuration of a function's clients by service, without creating the clients."""
    configs: dict[str, object] = {}

    def client(service: str, config: object) -> None:
        configs[service] = config

    def create_client(_: object, service: str, **properties: object) -> None:
        configs[service] = properties["config"]

    monkeypatch.setattr(boto3, "client", client)
    monkeypatch.setattr(Session, "create_client", create_client)  # of the gateway
    make()
    return configs


def lambda_context(milliseconds: int = 900_000, request_id: str = "a-request") -> Any:
    """The context of an invocation with this much time left."""
    return SimpleNamespace(
        function_name="function",
        memory_limit_in_mb=512,
        invoked_function_arn=f"arn:aws:lambda:{REGION}:111122223333:function:function",
        aws_request_id=request_id,
        get_remaining_time_in_millis=lambda: milliseconds,
    )


def clear_caches() -> None:
    """Clear cached settings, services and sessions, as new processes would."""
    share_session.cache_clear()
    for name, module in list(sys.modules.items()):
        if name.startswith("lambdas.functions.") and name.endswith(".handler"):
            for resource in vars(module).values():
                if hasattr(resource, "cache_clear") and resource.__module__ == name:
                    resource.cache_clear()
