"""Sends failed events to their functions again: `make redrive`.

Safe to repeat: counting is idempotent, and published records are removed from the rest of a batch.
Exact counters know which records of a shard they have not counted, and the audit trail knows which
changes it has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from cdk.config import stack_names
from cdk.config.resource_names import FAILURES_PREFIX
from cdk.operations.deployment import Deployment
from cdk.operations.invocation import FunctionFailedError, invoke, open_functions
from cdk.operations.terminal import CommandError, printable

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client

_PLACE_OF_NAME = 6


@dataclass(frozen=True, slots=True)
class RedriveReport:
    """The outcome of redriving the failures.

    Attributes:
        done: The number that succeeded and are deleted.
        left: Those that failed again or are not of the meter's functions; retained, with reasons.
    """

    done: int
    left: dict[str, str]


@dataclass(frozen=True, slots=True)
class Redrive:
    """Calls functions again with their failed events.

    Attributes:
        s3: An S3 client.
        functions: A Lambda client.
        bucket: The failure bucket.
        known: The names of the meter's functions; no other is called.
    """

    s3: S3Client
    functions: LambdaClient
    bucket: str
    known: frozenset[str]

    def redrive_all(self) -> RedriveReport:
        """Redrive all failures in the bucket."""
        done, left = 0, {}
        for key in list(self._keys()):
            try:
                self._put_back(key)
            except (FunctionFailedError, ValueError) as error:
                left[key] = str(error)
            except ClientError as error:
                left[key] = f"AWS refused: {error}"
            except (AttributeError, IndexError, KeyError, TypeError, RecursionError):
                left[key] = "not written by Lambda"
            else:
                done += 1
        return RedriveReport(done, left)

    def _keys(self) -> Iterator[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=FAILURES_PREFIX
        )
        for page in pages:
            for item in page.get("Contents", []):
                yield item["Key"]

    def _put_back(self, key: str) -> None:
        failure = json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        function, event = _get_function_name(failure), _get_event(failure)
        shard = failure.get("DDBStreamBatchInfo", {}).get("shardId")
        if shard is not None:
            event = {"shardId": shard} | event
        if function not in self.known:
            message = f"{function} is not one of the meter's functions"
            raise ValueError(message)
        answer = invoke(self.functions, function, event)
        failed = answer.get("batchItemFailures") if isinstance(answer, dict) else None
        if failed:
            rest = _from(event, failed[0]["itemIdentifier"])
            body = json.dumps({**failure, "payload": rest}).encode()
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
            message = f"{function} left {len(rest['Records'])} of {len(event['Records'])} records"
            raise FunctionFailedError(message)
        self.s3.delete_object(Bucket=self.bucket, Key=key)


def _get_function_name(failure: dict[str, Any]) -> str:
    """The function's name: `arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]`."""
    arn: object = failure.get("requestContext", {}).get("functionArn")
    parts = arn.split(":") if isinstance(arn, str) else []
    if len(parts) <= _PLACE_OF_NAME:
        message = "no function name: not written by Lambda"
        raise ValueError(message)
    return parts[_PLACE_OF_NAME]


def _get_event(failure: dict[str, Any]) -> dict[str, Any]:
    """The event: of an asynchronous call, or a batch of a stream (as an object or as text).

    Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    event = failure.get("requestPayload", failure.get("payload"))
    if isinstance(event, str):
        event = json.loads(event)
    if not isinstance(event, dict):
        message = "no event in it"
        raise ValueError(message)  # noqa: TRY004  # of the file, not of an argument
    return event


def _from(event: dict[str, Any], sequence_number: str) -> dict[str, Any]:
    """Cut a batch of a stream so that it begins with a record."""
    numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
    return {**event, "Records": event["Records"][numbers.index(sequence_number) :]}


def redrive_failures(session: boto3.Session) -> None:
    """Redrive the failures in the bucket of the deployment."""
    deployment = Deployment(session.client("cloudformation"))
    role = deployment.output(stack_names.STORAGE, "RedriveRoleArn")
    report = Redrive(
        _assume(session, role).client("s3"),
        open_functions(session),
        deployment.output(stack_names.STORAGE, "FailureBucketName"),
        frozenset(
            filter(
                None,
                (
                    *(deployment.log_processor, deployment.metric_publisher),
                    *(deployment.usage_counter, deployment.audit_writer),
                ),
            )
        ),
    ).redrive_all()
    print_report(report)
    if report.left:
        message = "fix the causes listed above, then run make redrive again."
        raise CommandError(message)


def _assume(session: boto3.Session, role: str) -> boto3.Session:
    """Open a session of the only role that reads the failures."""
    answer = session.client("sts").assume_role(RoleArn=role, RoleSessionName="make-redrive")
    credentials = answer["Credentials"]
    return boto3.Session(
        credentials["AccessKeyId"],
        credentials["SecretAccessKey"],
        credentials["SessionToken"],
        region_name=session.region_name,
    )


def print_report(report: RedriveReport) -> None:
    """Print the outcome, made safe for a terminal: functions can write any text into the bucket."""
    print(f"Processed {report.done} events; {len(report.left)} are left.")
    for key, reason in report.left.items():
        print(printable(f"  {key}: {reason}"))
