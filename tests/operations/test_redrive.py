"""Failed deliveries and batches are processed once, and nothing else is changed."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from cdk.operations.redrive import Redrive, RedriveReport, print_report
from tests.operations.deployed import RunningFunctions

BUCKET = "failures"
ARN = "arn:aws:lambda:us-east-1:123456789012:function"
DELIVERY = {"awslogs": {"data": "packed"}}
BATCH = {"Records": [{"dynamodb": {"SequenceNumber": str(number)}} for number in (7, 8, 9)]}


@pytest.fixture(autouse=True)
def bucket(aws: None) -> None:
    boto3.client("s3").create_bucket(Bucket=BUCKET)


def fail(key: str, failure: Any) -> None:
    body = failure if isinstance(failure, bytes) else json.dumps(failure).encode()
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"aws/lambda/{key}", Body=body)


def asynchronous(function: str = "processor") -> dict[str, Any]:
    context = {"functionArn": f"{ARN}:{function}:$LATEST", "condition": "RetriesExhausted"}
    return {"version": "1.0", "requestContext": context, "requestPayload": DELIVERY}


def stream(payload: Any) -> dict[str, Any]:
    return {"requestContext": {"functionArn": f"{ARN}:publisher"}, "payload": payload}


def redrive(**handlers: Any) -> RedriveReport:
    functions: Any = RunningFunctions(**handlers)
    known = frozenset({"processor", "publisher"})
    return Redrive(boto3.client("s3"), functions, BUCKET, known).redrive_all()


def left() -> dict[str, Any]:
    s3 = boto3.client("s3")
    return {
        s3_object["Key"]: json.loads(
            s3.get_object(Bucket=BUCKET, Key=s3_object["Key"])["Body"].read()
        )
        for s3_object in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    }


@pytest.mark.parametrize("payload", [BATCH, json.dumps(BATCH)], ids=["object", "text"])
def test_deliveries_and_batches_are_sent_back_to_their_functions(payload: Any) -> None:
    fail("async/a", asynchronous())
    fail("mapping/b", stream(payload))
    seen: dict[str, Any] = {}

    def processor(event: Any) -> None:
        seen["processor"] = event

    def publisher(event: Any) -> Any:
        seen["publisher"] = event
        return {"batchItemFailures": []}

    assert redrive(processor=processor, publisher=publisher) == RedriveReport(2, {})
    assert seen == {"processor": DELIVERY, "publisher": BATCH}
    assert left() == {}


def test_a_batch_of_exact_counters_names_its_shard() -> None:
    failure = stream(json.dumps(BATCH)) | {"DDBStreamBatchInfo": {"shardId": "shard-1"}}
    fail("mapping/b", failure)
    seen: list[Any] = []
    redrive(publisher=seen.append)
    assert seen == [BATCH | {"shardId": "shard-1"}]


def test_an_object_that_fails_again_stays_and_stops_no_other() -> None:
    fail("async/1", asynchronous())
    fail("async/2", asynchronous())
    calls = iter([True, False])

    def processor(_: Any) -> None:
        if next(calls):
            raise RuntimeError

    report = redrive(processor=processor)
    assert report.done == 1
    assert report.left == {"aws/lambda/async/1": "processor failed with RuntimeError"}
    assert left().keys() == {"aws/lambda/async/1"}


def test_only_the_unpublished_part_of_a_batch_is_left() -> None:
    fail("mapping/b", stream(json.dumps(BATCH)))
    report = redrive(publisher=lambda _: {"batchItemFailures": [{"itemIdentifier": "8"}]})
    assert report.left == {"aws/lambda/mapping/b": "publisher left 2 of 3 records"}
    seen: list[Any] = []
    redrive(publisher=seen.append)
    assert seen == [{"Records": BATCH["Records"][1:]}]
    assert left() == {}


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (asynchronous("foreign"), "not one of the meter's functions"),
        (b"{ no json", "Expecting"),
        ({"requestPayload": {}}, "no function name"),
        ({**asynchronous(), "requestPayload": 5}, "no event in it"),
        ([], "not written by Lambda"),
        ({"requestContext": "x"}, "not written by Lambda"),
        (b"[" * 100_000, "not written by Lambda"),
    ],
)
def test_a_foreign_object_is_left_with_a_reason(failure: Any, reason: str) -> None:
    fail("x", failure)
    fail("y", asynchronous())
    report = redrive(processor=lambda _: None)
    assert report.done == 1
    assert reason in report.left["aws/lambda/x"]


def test_a_malformed_or_mismatched_batch_is_left() -> None:
    fail("a", stream({"Records": [5]}))
    fail("b", stream(BATCH))
    report = redrive(publisher=lambda _: {"batchItemFailures": [{"itemIdentifier": "1000"}]})
    assert report.done == 0
    assert len(report.left) == 2


def test_a_throttled_function_stops_no_other() -> None:
    class Throttled(RunningFunctions):
        def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
            if FunctionName == "publisher":
                raise ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke")
            return super().invoke(FunctionName, Payload)

    fail("a", stream(BATCH))
    fail("b", asynchronous())
    functions: Any = Throttled(processor=lambda _: None)
    report = Redrive(
        boto3.client("s3"), functions, BUCKET, frozenset({"processor", "publisher"})
    ).redrive_all()
    assert report.done == 1
    assert "TooManyRequests" in report.left["aws/lambda/a"]


def test_names_in_the_bucket_are_printed_without_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fail("\x1b[2Jkey", asynchronous("\x1b[31mred"))
    print_report(redrive())
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "key" in out
    assert "red is not one of the meter's functions" in out
