"""Log messages with a mark wherever Bedrock may write a prompt, a completion or their location."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from tests.invocation_logs import log

_MARK = "XyzzyPrompt"
_FOUND = re.compile(rf"{_MARK}(?:-[a-z]+)+", re.IGNORECASE)
_PROFILE = "arn:aws:bedrock:us-east-1:444455556666:application-inference-profile/abc"


def find_prompts(text: str) -> set[str]:
    """The kinds of records whose mark is in a text."""
    return {found.removeprefix(f"{_MARK}-") for found in _FOUND.findall(text)}


def prompt_messages(time: datetime) -> list[str]:
    """One message of each kind, each with a unique mark."""
    at = {"timestamp": time.isoformat()}
    records = [log(f"request {kind}", **at) | changes for kind, changes in _kinds().items()]
    cut_off = json.dumps(log("cut off", **at) | _bodies(_mark("cut-off"), _mark("cut-off")))
    deep, odd = (json.dumps(log(kind, **at))[:-1] for kind in ("deep", "odd"))
    nested = f"{'[' * 20_000}{json.dumps(_mark('nested'))}{']' * 20_000}"
    return [
        *map(json.dumps, records),
        cut_off[: -len(_mark("cut-off"))],
        f"{_mark('plain-text')}: no JSON",
        json.dumps(_mark("json-text")),
        json.dumps([_mark("json-list")]),
        f'{deep}, "input": {{"inputBodyJson": {nested}}}}}',
        f'{odd}, "output": {{"outputBodyJson": {{"a": "{_mark("lone-surrogate")}\\ud800"}}}}}}',
    ]


def _mark(kind: str) -> str:
    return f"{_MARK}-{kind}"


def _bodies(request: Any, response: Any, **counts: int) -> dict[str, Any]:
    return {
        "input": {"inputTokenCount": 10, "inputBodyJson": request},
        "output": {"outputTokenCount": 5, "outputBodyJson": response} | counts,
    }


def _kinds() -> dict[str, dict[str, Any]]:
    """The fields of each kind of record beside its envelope."""
    return {
        "converse": _converse(_mark("converse")),
        "converse-stream": _converse_stream(_mark("converse-stream")),
        "tools": _tools(_mark("tools")),
        "guardrail": _guardrail(_mark("guardrail")),
        "messages": _messages(_mark("messages")),
        "messages-stream": _messages_stream(_mark("messages-stream")),
        "text-completion": _bodies(
            {"inputText": _mark("text-completion")},
            {"inputTextTokenCount": 3, "results": [{"outputText": _mark("text-completion")}]},
        ),
        "chat-completions": _chat_completions(_mark("chat-completions")),
        "responses": _responses(_mark("responses")),
        "embeddings": _bodies(
            {"texts": [_mark("embeddings")], "inputText": _mark("embeddings")},
            {"texts": [_mark("embeddings")], "embeddings": [[0.5]], "id": _mark("embeddings")},
        )
        | {"operation": "InvokeModel"},
        "images": _bodies(
            {"textToImageParams": {"text": _mark("images")}},
            {"images": [_mark("images")], "error": _mark("images"), "seeds": [_mark("images")]},
        )
        | {"operation": "InvokeModel"},
        "rerank": _bodies(
            {"query": _mark("rerank"), "documents": [_mark("rerank")]},
            {"results": [{"index": 0, "document": {"text": _mark("rerank")}}]},
        ),
        "errors": _bodies({"prompt": _mark("errors")}, {"message": _mark("errors")})
        | {"errorCode": "ValidationException", "errorMessage": _mark("errors")},
        "text-bodies": _bodies(f'{{"prompt": "{_mark("text-bodies")}', _mark("text-bodies")),
        "body-places": {
            "input": {"inputTokenCount": 1, "inputBodyS3Path": f"s3://a/{_mark('body-places')}"},
            "output": {"outputTokenCount": 1, "outputBodyS3Path": f"s3://{_mark('body-places')}"},
        },
        "content-types": {
            "input": {"inputTokenCount": 1, "inputContentType": _mark("content-types")},
            "output": {"outputTokenCount": 1, "outputContentType": _mark("content-types")},
        },
        "metadata": {"requestMetadata": {"trace": _mark("metadata"), _mark("metadata"): "a"}},
        "counts": {
            "input": {"inputTokenCount": {"text": _mark("counts")}},
            "output": {"outputTokenCount": [_mark("counts")]},
        },
        "names-in-bodies": _names_in_bodies(_mark("names-in-bodies")),
        "unknown-fields": {"prompt": _mark("unknown-fields"), "session": [_mark("unknown-fields")]},
        "no-request-id": _converse(_mark("no-request-id")) | {"requestId": None},
        "no-model": _converse(_mark("no-model")) | {"modelId": {"name": _mark("no-model")}},
        "other-schema": _converse(_mark("other-schema")) | {"schemaType": "AnotherLog"},
        "bad-time": _converse(_mark("bad-time")) | {"timestamp": None},
        "wrong-types": {"input": [_mark("wrong-types")], "output": _mark("wrong-types")},
    }


def _converse(mark: str) -> dict[str, Any]:
    request = {"system": [{"text": mark}], "messages": [{"content": [{"text": mark}]}]}
    message = {"role": "assistant", "content": [{"text": mark}]}
    return _bodies(request, {"output": {"message": message}, "stopReason": mark})


def _converse_stream(mark: str) -> dict[str, Any]:
    events = [
        {"contentBlockDelta": {"delta": {"text": mark}}},
        {"metadata": {"usage": {"inputTokens": 10, "outputTokens": 5, "note": mark}}},
    ]
    return _bodies({"messages": [mark]}, events) | {"operation": "ConverseStream"}


def _tools(mark: str) -> dict[str, Any]:
    """Arguments of a tool, which a model writes as JSON, in the shape of a response."""
    own_response = {
        "usage": {"inputTokens": mark, "serviceTier": {"type": mark}},
        "model": mark,
        "trace": {"promptRouter": {"invokedModelId": mark}},
    }
    tool_use = {"toolUse": {"name": mark, "input": own_response | {mark: mark}}}
    request = {"toolConfig": {"tools": [{"toolSpec": {"name": mark, "description": mark}}]}}
    return _bodies(request, {"output": {"message": {"content": [tool_use]}}, mark: mark})


def _guardrail(mark: str) -> dict[str, Any]:
    policies = {
        "wordPolicy": {"customWords": [{"match": mark}]},
        "sensitiveInformationPolicy": {"regexes": [{"match": mark}]},
        "invocationMetrics": {"usage": {"wordPolicyUnits": 1, mark: 7}},
    }
    trace = {"guardrail": {"modelOutput": [mark], "inputAssessment": {mark: policies}}}
    return _bodies({"messages": [mark]}, {"trace": trace, "output": mark})


def _messages(mark: str) -> dict[str, Any]:
    request = {"anthropic_version": mark, "system": mark, "messages": [{"content": mark}]}
    response = {
        "content": [{"type": "thinking", "thinking": mark}, {"type": "text", "text": mark}],
        "usage": {"input_tokens": 10, "output_tokens": 5, "service_tier": mark},
        "stop_sequence": mark,
    }
    return _bodies(request, response) | {"operation": "InvokeModel"}


def _messages_stream(mark: str) -> dict[str, Any]:
    chunks = [
        {"type": "message_start", "message": {"content": [mark], "usage": {"input_tokens": 10}}},
        {"type": "content_block_delta", "delta": {"text": mark, "partial_json": mark}},
        {"type": "message_delta", "usage": {"output_tokens": 5}, "stop_sequence": mark},
    ]
    return _bodies({"prompt": mark}, chunks) | {"operation": "InvokeModelWithResponseStream"}


def _chat_completions(mark: str) -> dict[str, Any]:
    answer = {"role": "assistant", "content": mark, "tool_calls": [{"arguments": mark}]}
    response = {
        "choices": [{"message": answer, "logprobs": [mark]}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "user": mark},
    }
    request = {"messages": [{"content": mark}], "user": mark}
    return _bodies(request, response) | {"operation": "ChatCompletions"}


def _responses(mark: str) -> dict[str, Any]:
    output = [{"content": [{"type": "output_text", "text": mark}]}, {"summary": [mark]}]
    response = {"output": output, "instructions": mark, "usage": {"input_tokens": 10}}
    request = {"input": mark, "instructions": mark}
    return _bodies(request, [{"response": response, "delta": mark}]) | {"operation": "Responses"}


def _names_in_bodies(mark: str) -> dict[str, Any]:
    """The fields where a body names a model or a tier, as only an odd container would fill them."""
    body = {
        "model": mark,
        "message": {"model": mark, "usage": {"service_tier": mark}},
        "service_tier": mark,
        "performanceConfig": {"latency": mark},
        "usage": {"type": mark, "prompt_audio_seconds": mark},
        "trace": {"promptRouter": {"invokedModelId": mark}},
        "meta": {"billed_units": {mark: 3}},
    }
    return _bodies({"model": mark}, body) | {
        "modelId": _PROFILE,
        "performanceConfig": {"latency": mark},
    }
