"""Writes the trace of a call by OpenTelemetry's conventions for generative AI, as OTLP in JSON.

A call has a span of the gateway and, if it was sent on, a span of the model's call within it.
Neither has anything of the prompt or of the answer's text.
Format: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
Names: https://opentelemetry.io/docs/specs/semconv/gen-ai/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any, NamedTuple, TypeAlias

from lambdas.domain.bedrock_calls import NS_OF_A_MS, BedrockPath, CallReport
from lambdas.domain.call_traces.ports import JsonDocument
from lambdas.domain.call_traces.trace_parent import TraceParent

SCOPE_NAME = "bedrock-meter.gateway"
RESOURCE_NAME = "bedrock-meter-gateway"
_PROVIDER = "aws.bedrock"
_EPOCH = datetime.fromtimestamp(0, UTC)
_US = timedelta(microseconds=1)
_NS_OF_A_US = 1000
_MAX_TEXT_LENGTH = 2048
# https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
_IS_SAMPLED, _KNOWS_IF_REMOTE, _IS_REMOTE = 0x001, 0x100, 0x200
_MIN_ERROR, _MIN_SERVER_ERROR = 400, 500
_STATUS_ERROR = 2

_Value: TypeAlias = str | int | float | Sequence[str] | None


class _Kind(IntEnum):
    SERVER = 2
    CLIENT = 3


class TraceIds(NamedTuple):
    """The ids of a call.

    Attributes:
        trace_id: The trace, 16 bytes.
        gateway_span_id: The span of the gateway, 8 bytes.
        model_span_id: The span of the model's call, 8 bytes.
    """

    trace_id: bytes
    gateway_span_id: bytes
    model_span_id: bytes


def write_trace(
    report: CallReport,
    ids: TraceIds,
    parent: TraceParent | None,
    resource: Mapping[str, str],
) -> JsonDocument:
    """Write the trace of a call.

    Args:
        report: The call.
        ids: Its ids.
        parent: The caller's span, if its call is a part of the caller's trace.
        resource: The attributes of what runs the gateway.
    """
    spans = [_write_gateway_span(report, ids, parent)]
    if report.times.sent is not None and report.path is not None:
        spans.append(_write_model_span(report, report.path, ids))
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _write_attributes(resource)},
                "scopeSpans": [{"scope": {"name": SCOPE_NAME}, "spans": spans}],
            }
        ]
    }


def _write_gateway_span(
    report: CallReport, ids: TraceIds, parent: TraceParent | None
) -> dict[str, Any]:
    """Write the span from the arrival of the request to the end of the answer."""
    path, times = report.path, report.times
    route = None if path is None else f"/model/{{modelId}}/{path.operation.value}"
    attributes: dict[str, _Value] = {
        "http.request.method": "POST",
        "http.route": route,
        "http.response.status_code": report.status,
        "user.id": report.caller,
        "bedrock_meter.tier": report.tier,
        "bedrock_meter.project": report.project,
        "bedrock_meter.reservation_id": report.reservation_id,
        "bedrock_meter.added_latency_ms": times.own / NS_OF_A_MS,
        "bedrock_meter.time_to_first_token_ms": _to_ms(times.first_piece),
        "error.type": report.error,
    }
    if times.sent is None and path is not None:  # no span of a model's call has them
        attributes |= _describe_request(report, path)
    span = {
        "traceId": ids.trace_id.hex(),
        "spanId": ids.gateway_span_id.hex(),
        "flags": _IS_SAMPLED | _KNOWS_IF_REMOTE | (0 if parent is None else _IS_REMOTE),
        "name": "POST" if route is None else f"POST {route}",
        "kind": _Kind.SERVER,
        "startTimeUnixNano": _write_time(report, 0),
        "endTimeUnixNano": _write_time(report, times.ended),
        "attributes": _write_attributes(attributes),
        # An error of the caller's own leaves the status of a server's span as it is.
        "status": _write_status(is_error=_has_failed(report, _MIN_SERVER_ERROR)),
    }
    return span if parent is None else span | {"parentSpanId": parent.span_id.hex()}


def _write_model_span(report: CallReport, path: BedrockPath, ids: TraceIds) -> dict[str, Any]:
    """Write the span of the call to Bedrock."""
    attributes: dict[str, _Value] = {
        **_describe_request(report, path),
        **_describe_answer(report),
        "rpc.system": "aws-api",
        "rpc.method": path.operation.log_name,
        "http.response.status_code": report.status if report.refusal is None else None,
        "aws.request_id": report.request_id,
        "error.type": report.error,
    }
    name = _name_operation(path)
    return {
        "traceId": ids.trace_id.hex(),
        "spanId": ids.model_span_id.hex(),
        "parentSpanId": ids.gateway_span_id.hex(),
        "flags": _IS_SAMPLED | _KNOWS_IF_REMOTE,
        "name": f"{name or path.operation.log_name} {path.model_id}",
        "kind": _Kind.CLIENT,
        "startTimeUnixNano": _write_time(report, report.times.sent or 0),
        "endTimeUnixNano": _write_time(report, report.times.ended),
        "attributes": _write_attributes(attributes),
        "status": _write_status(is_error=_has_failed(report, _MIN_ERROR)),
    }


def _describe_request(report: CallReport, path: BedrockPath) -> dict[str, _Value]:
    name = _name_operation(path)
    if name is None:
        return {}
    return {
        "gen_ai.operation.name": name,
        "gen_ai.provider.name": _PROVIDER,
        # The name before: AWS's consoles read it.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Services-example-scenario-GenerativeAI.html
        "gen_ai.system": _PROVIDER,
        "gen_ai.request.model": path.model_id,
        "gen_ai.request.max_tokens": report.max_output_tokens,
    }


def _describe_answer(report: CallReport) -> dict[str, _Value]:
    """Describe what was used. By these conventions, the input includes cached tokens."""
    used = report.used
    prompt = None if used.input is None else used.total_input
    return {
        "gen_ai.response.finish_reasons": report.end.finish_reasons or None,
        "gen_ai.usage.input_tokens": prompt,
        "gen_ai.usage.output_tokens": used.output,
        "gen_ai.usage.cache_read.input_tokens": used.cache_read,
        "gen_ai.usage.cache_creation.input_tokens": used.cache_write,
        # The same by the names of Llama's answers, which some views of generative AI have.
        "prompt_token_count": prompt,
        "generation_token_count": used.output,
    }


def _name_operation(path: BedrockPath) -> str | None:
    """Name an operation by the conventions; `None` for one that generates nothing."""
    if not path.operation.uses_tokens:
        return None
    is_embedding = not path.operation.is_converse and "embed" in path.model_id
    return "embeddings" if is_embedding else "chat"


def _has_failed(report: CallReport, min_status: int) -> bool:
    return report.status >= min_status or report.end.error is not None


def _write_status(*, is_error: bool) -> dict[str, int]:
    return {"code": _STATUS_ERROR} if is_error else {}


def _write_time(report: CallReport, elapsed_ns: int) -> str:
    since = (report.times.received_at - _EPOCH) // _US
    return str(since * _NS_OF_A_US + elapsed_ns)


def _to_ms(elapsed_ns: int | None) -> float | None:
    return None if elapsed_ns is None else elapsed_ns / NS_OF_A_MS


def _write_attributes(attributes: Mapping[str, _Value]) -> list[dict[str, Any]]:
    """Write attributes; those that are absent are left out."""
    return [
        {"key": name, "value": _write_value(value)}
        for name, value in attributes.items()
        if value is not None
    ]


def _write_value(value: str | float | Sequence[str]) -> dict[str, Any]:
    match value:
        case str():
            return {"stringValue": value[:_MAX_TEXT_LENGTH]}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
    return {"arrayValue": {"values": [_write_value(each) for each in value]}}
