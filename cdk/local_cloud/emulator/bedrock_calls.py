"""Calls of Bedrock are logged, as its logging configuration says.

MiniStack answers calls with made-up text and counts, and logs no call. These log records follow
Bedrock's documentation, without bodies. They can prove the path of a call through the meter, but
not the parser, which is tested with `facts` and samples.
"""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from typing import Any
from urllib.parse import unquote

from botocore.eventstream import EventStreamBuffer
from ministack.core.iam_evaluator import resolve_credential
from ministack.core.responses import get_account_id, get_region
from ministack.services import bedrock, bedrock_runtime, cloudwatch_logs

_OPERATIONS = {
    "converse": "Converse",
    "converse-stream": "ConverseStream",
    "invoke": "InvokeModel",
    "invoke-with-response-stream": "InvokeModelWithResponseStream",
}
_PATH = re.compile(rf"/model/(?P<model>[^/]+(?:/[^/]+)*)/(?P<operation>{'|'.join(_OPERATIONS)})")
_KEY = re.compile(r"Credential=([^/]+)/")
_STREAM = "aws/bedrock/modelinvocations"
_NOTICE = "Permissions are correctly set for Amazon Bedrock logs."
"""The first line of a log, which Bedrock writes when logging is switched on."""
_METRICS = "amazon-bedrock-invocationMetrics"
_SUCCESS = 200


def install() -> None:
    """Add it."""
    answer = bedrock_runtime.handle_request

    async def answer_and_log(
        method: str, path: str, headers: dict[str, str], body: bytes, query: Any
    ) -> Any:
        status, answered, content = await answer(method, path, headers, body, query)
        call = _PATH.fullmatch(path)
        if call is not None and status == _SUCCESS:
            _log(call["operation"], unquote(call["model"]), headers, _usage(answered, content))
        return status, answered, content

    stream = bedrock_runtime._build_invoke_stream

    def stream_with_counts(family: str, model: str, prompt: str, reply: str) -> bytes:
        counts = {
            "inputTokenCount": bedrock_runtime._estimate_tokens(prompt),
            "outputTokenCount": bedrock_runtime._estimate_tokens(reply),
        }
        events: bytes = stream(family, model, prompt, reply)
        last: bytes = bedrock_runtime._es_event_chunk({_METRICS: counts})
        return events + last

    bedrock_runtime.handle_request = answer_and_log
    bedrock_runtime._build_invoke_stream = stream_with_counts


def _usage(headers: dict[str, str], content: bytes) -> tuple[int, int]:
    """Read the input and output tokens of an answer, from its headers, body or event stream."""
    named = {name.lower(): value for name, value in headers.items()}
    if "x-amzn-bedrock-input-token-count" in named:
        return (
            int(named["x-amzn-bedrock-input-token-count"]),
            int(named["x-amzn-bedrock-output-token-count"]),
        )
    if "eventstream" not in named.get("content-type", ""):
        usage = json.loads(content)["usage"]
        return usage["inputTokens"], usage["outputTokens"]
    events = EventStreamBuffer()
    events.add_data(content)
    for event in events:
        payload = json.loads(event.payload)
        if "bytes" in payload:
            metrics = json.loads(base64.b64decode(payload["bytes"])).get(_METRICS)
            if metrics is not None:
                return metrics["inputTokenCount"], metrics["outputTokenCount"]
        elif "usage" in payload:
            return payload["usage"]["inputTokens"], payload["usage"]["outputTokens"]
    message = "an answer without counts"
    raise ValueError(message)


def _log(operation: str, model: str, headers: dict[str, str], usage: tuple[int, int]) -> None:
    configuration = bedrock._invocation_logging_config.get("config") or {}
    group = (configuration.get("cloudWatchConfig") or {}).get("logGroupName")
    if group is None or group not in cloudwatch_logs._log_groups:
        return
    if _STREAM not in cloudwatch_logs._log_groups[group]["streams"]:
        cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": _STREAM})
        _put_event(group, _NOTICE)
    now = time.time()
    record = {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "accountId": get_account_id(),
        "identity": {"arn": _caller(headers)},
        "region": get_region(),
        "requestId": str(uuid.uuid4()),
        "operation": _OPERATIONS[operation],
        "modelId": model,
        "input": {"inputContentType": "application/json", "inputTokenCount": usage[0]},
        "output": {"outputContentType": "application/json", "outputTokenCount": usage[1]},
    }
    _put_event(group, json.dumps(record))


def _put_event(group: str, message: str) -> None:
    event = {"timestamp": int(time.time() * 1000), "message": message}
    cloudwatch_logs._put_log_events(
        {"logGroupName": group, "logStreamName": _STREAM, "logEvents": [event]}
    )


def _caller(headers: dict[str, str]) -> str:
    named = {name.lower(): value for name, value in headers.items()}
    key = _KEY.search(named.get("authorization", ""))
    credential = resolve_credential(key[1]) if key else None
    arn: str | None = getattr(credential, "principal_arn", None)
    return arn or f"arn:aws:iam::{get_account_id()}:root"
