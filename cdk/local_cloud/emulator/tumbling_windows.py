"""A mapping with a tumbling window names the shard of each event, and requires a state in answers.

MiniStack drops the window, and its tables have one shard. The window here ends with each event: a
last event without records follows, with the state that was answered.
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html
"""

from __future__ import annotations

import json
import time
from typing import Any

from ministack.services import dynamodb_streams, lambda_svc
from ministack.services.cloudformation import provisioners

_KIND = "AWS::Lambda::EventSourceMapping"
_WINDOW = "TumblingWindowInSeconds"


def install() -> None:
    """Add it."""
    execute = lambda_svc._execute_function
    create = lambda_svc._create_esm
    handler = provisioners._RESOURCE_HANDLERS[_KIND]

    def execute_in_window(function: dict[str, Any], event: Any, *rest: Any) -> dict[str, Any]:
        seconds = _find_window(function, event)
        if not seconds:
            result: dict[str, Any] = execute(function, event, *rest)
            return result
        in_window = _in_window(event, seconds)
        result = _require_state(execute(function, in_window, *rest))
        if not result.get("error"):
            state = _read_body(result.get("body")).get("state")
            end: dict[str, Any] = {"Records": [], "state": state, "isFinalInvokeForWindow": True}
            execute(function, in_window | end, *rest)
        return result

    def create_with_window(data: dict[str, Any]) -> Any:
        response = create(data)
        _keep_window(_read_body(response[-1]).get("UUID", ""), data)
        return response

    def deploy_with_window(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        physical_id, attributes = handler["create"](logical_id, properties, stack)
        _keep_window(physical_id, properties)
        return physical_id, attributes

    def update_with_window(physical_id: str, old: Any, new: dict[str, Any], stack: str) -> Any:
        physical_id, attributes = handler["update"](physical_id, old, new, stack)
        _keep_window(physical_id, new)
        return physical_id, attributes

    lambda_svc._execute_function = execute_in_window
    lambda_svc._create_esm = create_with_window
    provisioners._RESOURCE_HANDLERS[_KIND] = {
        **handler,
        "create": deploy_with_window,
        "update": update_with_window,
    }


def _keep_window(mapping_id: str, properties: dict[str, Any]) -> None:
    mapping = lambda_svc._esms.get(mapping_id)
    if mapping is not None and _WINDOW in properties:
        mapping[_WINDOW] = int(properties[_WINDOW])


def _find_window(function: dict[str, Any], event: Any) -> int:
    """The length of the window of the mapping that an event comes from, in seconds; 0 for none."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not records or "shardId" in event or records[0].get("eventSource") != "aws:dynamodb":
        return 0
    name, stream = function["config"]["FunctionName"], records[0]["eventSourceARN"]
    for _, _, mapping in lambda_svc._iter_all_esms():
        if (mapping["FunctionName"], mapping["EventSourceArn"]) == (name, stream):
            return int(mapping.get(_WINDOW, 0))
    return 0


def _in_window(event: dict[str, Any], seconds: int) -> dict[str, Any]:
    start = int(time.time()) // seconds * seconds
    return {
        **event,
        "shardId": dynamodb_streams._DEFAULT_SHARD_ID,
        "eventSourceARN": event["Records"][0]["eventSourceARN"],
        "window": {"start": _write_time(start), "end": _write_time(start + seconds)},
        "state": {},
        "isFinalInvokeForWindow": False,
        "isWindowTerminatedEarly": False,
    }


def _require_state(result: dict[str, Any]) -> dict[str, Any]:
    if result.get("error") or "state" in _read_body(result.get("body")):
        return result
    message = "The response of a function with a tumbling window has no state"
    return {**result, "error": True, "body": {"errorType": "NoState", "errorMessage": message}}


def _read_body(body: Any) -> dict[str, Any]:
    read = json.loads(body) if isinstance(body, str | bytes) and body else body
    return read if isinstance(read, dict) else {}


def _write_time(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
