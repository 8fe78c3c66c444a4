"""A batch of a table's stream is retried from the record that a function reports as failed.

MiniStack treats any answer as success.
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from __future__ import annotations

import json
import time
from typing import Any

from ministack.services import dynamodb, lambda_svc


def install() -> None:
    """Add it."""
    execute = lambda_svc._execute_function
    poll = lambda_svc._poll_dynamodb_streams
    # The first failed record of each batch of one pass, and the function that failed it.
    failed: list[tuple[str, dict[str, Any]]] = []

    def execute_and_note(function: dict[str, Any], event: Any, *rest: Any) -> dict[str, Any]:
        result: dict[str, Any] = execute(function, event, *rest)
        records = event.get("Records") if isinstance(event, dict) else None
        if records and records[0].get("eventSource") == "aws:dynamodb":
            name = function["config"]["FunctionName"]
            failed.extend((name, record) for record in _first_failed(records, result.get("body")))
        return result

    def poll_and_rewind() -> bool:
        failed.clear()
        processed: bool = poll()
        for name, record in failed:
            _rewind_to(name, record)
        return processed

    lambda_svc._execute_function = execute_and_note
    lambda_svc._poll_dynamodb_streams = poll_and_rewind


def _first_failed(records: list[dict[str, Any]], body: Any) -> list[dict[str, Any]]:
    answer = json.loads(body) if isinstance(body, str | bytes) and body else body
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    failed = {failure["itemIdentifier"] for failure in failures or ()}
    return [record for record in records if record["dynamodb"]["SequenceNumber"] in failed][:1]


def _rewind_to(function: str, record: dict[str, Any]) -> None:
    stream = record["eventSourceARN"]
    table = stream.split("/")[1]
    start = dynamodb.stream_start_position(table)
    live = dynamodb.stream_live_records(table)
    numbers = [live_record["dynamodb"]["SequenceNumber"] for live_record in live]
    position = start + numbers.index(record["dynamodb"]["SequenceNumber"])
    for _, _, mapping in lambda_svc._iter_all_esms():
        if (mapping["FunctionName"], mapping.get("EventSourceArn")) == (function, stream):
            with lambda_svc._dynamodb_stream_positions_lock:
                lambda_svc._dynamodb_stream_positions[mapping["UUID"]] = position
            lambda_svc._esm_backoff_until[mapping["UUID"]] = time.time() + 1
