"""S3 buckets can be failure destinations of functions.

MiniStack knows queues, topics and functions as destinations. Its message about a failed stream
batch leaves out the records.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from ministack.services import lambda_svc, s3

_TO_S3 = "arn:aws:s3:::"


def install() -> None:
    """Add it."""
    route = lambda_svc._route_async_failure
    send = lambda_svc._send_ddb_stream_failure_record

    def route_failure(target: str, function: str, event: object, result: dict[str, Any]) -> None:
        if not target.startswith(_TO_S3):
            route(target, function, event, result)
            return
        body = {
            "version": "1.0",
            "timestamp": _now(),
            "requestContext": _context(function, "RetriesExhausted"),
            "requestPayload": event,
            "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
            "responsePayload": result.get("body"),
        }
        _keep(target, f"async/{function}", body)

    def send_batch(  # noqa: PLR0917  # as MiniStack calls it
        mapping: dict[str, Any],
        function: dict[str, Any],
        batch: list[dict[str, Any]],
        stream: str,
        result: dict[str, Any],
        condition: str,
    ) -> None:
        destination = mapping.get("DestinationConfig", {}).get("OnFailure", {})
        target = destination.get("Destination", "")
        if not target.startswith(_TO_S3):
            send(mapping, function, batch, stream, result, condition)
            return
        body = {
            "version": "1.0",
            "timestamp": _now(),
            "requestContext": _context(mapping["FunctionName"], condition),
            "DDBStreamBatchInfo": {"streamArn": stream, "batchSize": len(batch)},
            "payload": {"Records": batch},
        }
        _keep(target, f"{mapping['UUID']}/shard", body)

    lambda_svc._route_async_failure = route_failure
    lambda_svc._send_ddb_stream_failure_record = send_batch


def _context(function: str, condition: str) -> dict[str, Any]:
    return {
        "requestId": str(uuid.uuid4()),
        "functionArn": lambda_svc._func_arn(function),
        "condition": condition,
    }


def _keep(target: str, folder: str, body: dict[str, Any]) -> None:
    key = f"aws/lambda/{folder}/{time.strftime('%Y/%m/%d')}/{_now()}-{uuid.uuid4()}"
    s3._put_object(target.removeprefix(_TO_S3), key, json.dumps(body).encode(), {})


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
