"""A deployment for operators' commands: stacks with outputs, and functions to call."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import boto3

from cdk.config import stack_names

OUTPUTS: dict[str, dict[str, str]] = {
    stack_names.STORAGE: {
        "LogGroupName": "invocation-logs",
        "LedgerTableName": "usage-ledger",
        "StateTableName": "meter-state",
        "CounterTableName": "usage-counters",
        "GovernanceTableName": "governance",
        "LimitTableName": "limits",
        "AuditTableName": "audit",
        "AnchorBucketName": "audit-anchors",
        "AuditLock": "compliance",
        "AuditLockDays": "365",
        "QuarantineBucketName": "quarantine",
        "FailureBucketName": "failures",
        "RedriveRoleArn": "arn:aws:iam::123456789012:role/redrive",
        "ReportBucketName": "reports",
        "PriceBucketName": "prices",
        "LoggingStateParameterName": "logging-memory",
        "LedgerRetentionDays": "90",
    },
    stack_names.INGESTION: {
        "LogProcessorName": "processor",
        "MetricPublisherName": "publisher",
        "PriceRefresherName": "refresher",
        "PriceUpdaterName": "updater",
    },
    stack_names.MONITORING: {
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:notifications",
        "TestAlarmName": "BedrockMeter-Health-RejectedRecords",
    },
}


def deploy(stack: str, resources: Mapping[str, Any] | None = None, **outputs: str) -> None:
    """Deploy a stack with the outputs of the real one, in moto."""
    queue = {"Filler": {"Type": "AWS::SQS::Queue"}}
    template = {
        "Resources": dict(resources or queue),
        "Outputs": {
            name: {"Value": value} for name, value in (OUTPUTS.get(stack, {}) | outputs).items()
        },
    }
    boto3.client("cloudformation").create_stack(StackName=stack, TemplateBody=json.dumps(template))


class RunningFunctions:
    """Calls handlers in place of Lambda, and answers like its API."""

    def __init__(self, **handlers: Callable[[Any], Any]) -> None:
        self.handlers = handlers

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        try:
            answer = self.handlers[FunctionName](json.loads(Payload))
        except Exception as error:  # noqa: BLE001  # as Lambda does
            answer = {"errorType": type(error).__name__, "errorMessage": "not to be shown"}
            return {"FunctionError": "Unhandled", "Payload": _stream(answer)}
        return {"Payload": _stream(answer)}


def _stream(answer: object) -> io.BytesIO:
    return io.BytesIO(json.dumps(answer).encode())
