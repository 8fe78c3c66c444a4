"""Batch jobs, their manifests and the metrics of `bedrock-mantle` are read as AWS documents it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from lambdas.adapters.bedrock.batch_jobs import BedrockBatchJobs
from lambdas.adapters.cloudwatch import mantle_metrics
from lambdas.adapters.cloudwatch.mantle_metrics import CloudWatchMantleMetrics
from lambdas.adapters.dynamodb.counted_batch_jobs import DynamoDbCountedBatchJobs
from lambdas.adapters.s3.batch_manifests import S3BatchManifests
from lambdas.domain.unlogged import (
    BatchTokens,
    CountedBatchJobs,
    MantleTokens,
    UnloggedUsageUnavailableError,
)
from tests.aws import STATE
from tests.builders import HAIKU_3, NOON
from tests.unlogged import ACCOUNT, BUCKET, JOBS, InMemoryCountedBatchJobs, batch_job

DAY = timedelta(days=1)
TOKENS = BatchTokens(1200, 340)
MANIFEST = {"inputTokenCount": 1200, "outputTokenCount": 340}
OWNER = "123456789012"  # moto's account
JOB = batch_job(account=OWNER)
KEY = "nightly/abcdefghwxyz/manifest.json.out"


def summary(job_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "jobArn": f"{JOBS}/{job_id}",
        "jobName": "a person's name",
        "modelId": HAIKU_3,
        "roleArn": "arn:aws:iam::111122223333:role/batch",
        "status": "Completed",
        "submitTime": NOON - DAY,
        "endTime": NOON,
        "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://in/records.jsonl"}},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": f"s3://{BUCKET}/nightly/"}},
        **changes,
    }


def bedrock() -> Any:
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client("bedrock", region_name="us-east-1", **keys)  # type: ignore[call-overload]


def test_jobs_that_ended_in_a_period_are_listed_from_all_pages() -> None:
    client = bedrock()
    asked = {
        "submitTimeAfter": NOON - 9 * DAY,
        "submitTimeBefore": NOON + DAY,
        "maxResults": 1000,
    }
    running = summary("running", status="InProgress")
    del running["endTime"]
    pages = [
        [summary("b"), running, summary("early", endTime=NOON - DAY - timedelta(seconds=1))],
        [summary("late", endTime=NOON + DAY), summary("a")],
    ]
    with Stubber(client) as stub:
        first, second = ({"invocationJobSummaries": page} for page in pages)
        stub.add_response("list_model_invocation_jobs", {**first, "nextToken": "more"}, asked)
        stub.add_response("list_model_invocation_jobs", second, {**asked, "nextToken": "more"})
        found = BedrockBatchJobs(client).list(NOON - DAY, NOON + DAY)
    assert found == [batch_job("a"), batch_job("b")]


def test_jobs_are_unknown_if_bedrock_cannot_list_them() -> None:
    client = bedrock()
    with Stubber(client) as stub:
        stub.add_client_error("list_model_invocation_jobs", "ThrottlingException")
        with pytest.raises(UnloggedUsageUnavailableError, match="ThrottlingException"):
            BedrockBatchJobs(client).list(NOON, NOON + DAY)


@pytest.fixture
def manifests(aws: None) -> S3BatchManifests:
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key=KEY, Body=json.dumps(MANIFEST).encode())
    return S3BatchManifests(client, [BUCKET])


def test_the_manifest_of_a_job_is_read(manifests: S3BatchManifests) -> None:
    assert manifests.read(JOB) == TOKENS


@pytest.mark.parametrize(
    "job",
    [
        batch_job("another", account=OWNER),
        batch_job(output_uri="s3://quarantine/nightly/", account=OWNER),
        batch_job(output_uri="no location", account=OWNER),
    ],
    ids=["missing", "other bucket", "no location"],
)
def test_a_manifest_outside_the_configured_buckets_has_no_tokens(
    manifests: S3BatchManifests, job: Any
) -> None:
    boto3.client("s3").put_object(Bucket="quarantine", Key=KEY, Body=json.dumps(MANIFEST).encode())
    assert manifests.read(job) is None


@pytest.mark.parametrize(
    ("output_uri", "is_readable"),
    [
        (f"s3://{BUCKET}/nightly/", True),
        ("s3://quarantine/nightly/", False),
        ("no location", False),
    ],
)
def test_only_jobs_that_write_to_configured_buckets_are_readable(
    manifests: S3BatchManifests, output_uri: str, *, is_readable: bool
) -> None:
    assert manifests.is_readable(batch_job(output_uri=output_uri)) is is_readable


def test_the_owner_that_a_job_names_for_its_bucket_is_not_used() -> None:
    client = bedrock()
    output = {"s3Uri": f"s3://{BUCKET}/nightly/", "s3BucketOwner": "999999999999"}
    listed = summary("a", outputDataConfig={"s3OutputDataConfig": output})
    with Stubber(client) as stub:
        stub.add_response("list_model_invocation_jobs", {"invocationJobSummaries": [listed]})
        (job,) = BedrockBatchJobs(client).list(NOON - DAY, NOON + DAY)
    assert job.manifest is not None
    assert job.manifest.owner == ACCOUNT


def test_a_manifest_is_read_only_in_a_bucket_of_the_account_of_the_job() -> None:
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    client = boto3.client("s3", region_name="us-east-1", **keys)  # type: ignore[call-overload]
    asked = {"Bucket": BUCKET, "Key": KEY, "ExpectedBucketOwner": "111122223333"}
    with Stubber(client) as stub:
        stub.add_client_error("get_object", "AccessDenied", expected_params=asked)
        assert S3BatchManifests(client, [BUCKET]).read(batch_job()) is None


@pytest.mark.parametrize(
    "content", [b"x" * 10**6, b"not JSON", b'{"inputTokenCount": -1, "outputTokenCount": 2}']
)
def test_a_hostile_manifest_has_no_tokens_and_is_not_logged(
    manifests: S3BatchManifests, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=content)
    with caplog.at_level("INFO"):
        assert manifests.read(JOB) is None
    assert vars(caplog.records[-1])["reason"] == "it does not report the tokens"
    assert content.decode() not in caplog.text


@pytest.fixture(params=["in memory", "dynamodb"])
def counted(request: pytest.FixtureRequest) -> Iterator[CountedBatchJobs]:
    if request.param == "in memory":
        yield InMemoryCountedBatchJobs()
        return
    request.getfixturevalue("aws")
    yield DynamoDbCountedBatchJobs(boto3.client("dynamodb"), STATE)


def test_a_job_is_counted_once(counted: CountedBatchJobs) -> None:
    assert counted.add(JOB, TOKENS)
    assert not counted.add(JOB, BatchTokens(9, 9))
    assert counted.read([JOB.arn, JOB.arn, f"{JOBS}/another"]) == {JOB.arn: TOKENS}


def test_no_jobs_have_no_tokens(counted: CountedBatchJobs) -> None:
    assert counted.read([]) == {}


def test_an_item_has_only_tokens_and_expires(aws: None) -> None:
    client = boto3.client("dynamodb")
    DynamoDbCountedBatchJobs(client, STATE).add(JOB, TOKENS)
    (item,) = client.scan(TableName=STATE)["Items"]
    assert item == {
        "pk": {"S": f"batch#{JOB.arn}"},
        "input_tokens": {"N": "1200"},
        "output_tokens": {"N": "340"},
        "expires_at": {"N": str(round((NOON + 90 * DAY).timestamp()))},
    }


NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
WEEK = (NOW - 7 * DAY, NOW)


# The account's total is a metric of its own; moto adds up those with dimensions for it.
def put(name: str, tokens: int, at: datetime = NOW - 2 * DAY, **dimensions: str) -> None:
    datum: Any = {
        "MetricName": name,
        "Timestamp": at,
        "Value": tokens,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }
    boto3.client("cloudwatch").put_metric_data(Namespace="AWS/BedrockMantle", MetricData=[datum])


def read() -> list[MantleTokens]:
    return list(CloudWatchMantleMetrics(boto3.client("cloudwatch")).read(*WEEK))


def test_tokens_of_bedrock_mantle_are_read_by_project_and_model(aws: None) -> None:
    for project, model, tokens in (("chat", "a", 5), ("chat", "a", 6), ("search", "b", 900)):
        put("TotalInputTokens", tokens, Project=project, Model=model)
    put("TotalOutputTokens", 70, Project="chat", Model="a")
    put("TotalInputTokens", 4000, NOW - 8 * DAY, Project="chat", Model="a")
    assert read() == [MantleTokens("search", "b", 900, None), MantleTokens("chat", "a", 11, 70)]


def test_usage_outside_the_read_series_is_one_row(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mantle_metrics, "MAX_MANTLE_SERIES", 1)
    for model in ("a", "b"):
        put("TotalInputTokens", 10, Project="chat", Model=model)
    rest = MantleTokens("__other__", "__other__", 10, None)
    found = read()
    assert rest in found
    assert [row.input for row in found] == [10, 10]


def test_input_and_output_are_read_of_the_same_pairs(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mantle_metrics, "MAX_MANTLE_SERIES", 1)
    for model, received in (("a", 10), ("b", 900)):
        put("TotalInputTokens", received, Project="chat", Model=model)
    # CloudWatch lists metrics in no order.
    for model, generated in (("b", 70), ("a", 3)):
        put("TotalOutputTokens", generated, Project="chat", Model=model)
    put("TotalOutputTokens", 8, Project="answers", Model="c")
    assert {(row.project, row.input, row.output) for row in read()} in (
        {("chat", 10, 3), ("__other__", 900, 78)},
        {("chat", 900, 70), ("__other__", 10, 11)},
    )


def test_a_pair_with_output_alone_is_listed(aws: None) -> None:
    put("TotalOutputTokens", 8, Project="answers", Model="c")
    assert read() == [MantleTokens("answers", "c", None, 8)]


def test_an_account_that_does_not_use_bedrock_mantle_has_no_rows(aws: None) -> None:
    assert read() == []


def test_metrics_are_unknown_if_cloudwatch_cannot_read_them() -> None:
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    client = boto3.client("cloudwatch", region_name="us-east-1", **keys)  # type: ignore[call-overload]
    with Stubber(client) as stub:
        stub.add_client_error("list_metrics", "AccessDenied")
        with pytest.raises(UnloggedUsageUnavailableError, match="AccessDenied"):
            CloudWatchMantleMetrics(client).read(*WEEK)
