"""The trace of a call: valid by OpenTelemetry's definition, complete, and without a prompt."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from lambdas.domain.bedrock_calls import (
    ANSWER_LOST,
    AnswerEnd,
    BedrockOperation,
    BedrockPath,
    CallReport,
    CallTimes,
)
from lambdas.domain.call_traces import TraceParent, write_trace
from lambdas.domain.invocations import TokenCounts
from tests.builders import NOON
from tests.call_traces import ANSWERED, IDS, MS, REFUSED, RESOURCE, read_attributes, read_spans
from tests.gateway import MODEL

PARENT = TraceParent(b"t" * 16, b"p" * 8, is_sampled=True)
ELAPSED = st.integers(0, 15 * 60 * 1000 * MS)
COUNTS = st.none() | st.integers(0, 10**12)
TEXTS = st.none() | st.text(max_size=20)
REPORTS = st.builds(
    CallReport,
    st.builds(CallTimes, st.just(NOON), ELAPSED, ELAPSED, st.none() | ELAPSED, st.none() | ELAPSED),
    st.integers(100, 599),
    *(TEXTS, TEXTS, TEXTS),
    st.none() | st.builds(BedrockPath, st.sampled_from(BedrockOperation), st.text(max_size=20)),
    TEXTS,
    COUNTS,
    st.builds(TokenCounts, COUNTS, COUNTS, COUNTS, COUNTS),
    *(TEXTS, TEXTS, TEXTS),
    st.builds(AnswerEnd, st.lists(st.text(max_size=5), max_size=3).map(tuple), TEXTS),
    TEXTS,
)


def write(report: CallReport, parent: TraceParent | None = None) -> list[Span]:
    return list(read_spans(write_trace(report, IDS, parent, RESOURCE)))


def attributes(span: Span) -> dict[str, Any]:
    return read_attributes(span.attributes)


@given(REPORTS, st.none() | st.just(PARENT))
def test_every_document_is_valid_and_its_spans_are_within_one_another(
    report: CallReport, parent: TraceParent | None
) -> None:
    gateway, *models = write(report, parent)
    assert gateway.kind == Span.SPAN_KIND_SERVER
    assert (gateway.trace_id, gateway.span_id) == (IDS.trace_id, IDS.gateway_span_id)
    assert gateway.parent_span_id == (b"" if parent is None else parent.span_id)
    since = int(NOON.timestamp()) * 10**9
    assert gateway.start_time_unix_nano == since
    assert gateway.end_time_unix_nano == since + report.times.ended
    assert bool(models) is (report.times.sent is not None and report.path is not None)
    for model in models:
        assert model.kind == Span.SPAN_KIND_CLIENT
        assert (model.trace_id, model.parent_span_id) == (IDS.trace_id, gateway.span_id)
        assert model.start_time_unix_nano == since + (report.times.sent or 0)
        assert model.end_time_unix_nano == gateway.end_time_unix_nano


@given(REPORTS)
def test_absent_counts_are_absent_and_the_input_includes_cached_tokens(report: CallReport) -> None:
    used = report.used
    for span in write(report)[1:]:
        found = attributes(span)
        if used.input is None:
            assert "gen_ai.usage.input_tokens" not in found
            assert "prompt_token_count" not in found
        else:
            total = used.input + (used.cache_read or 0) + (used.cache_write or 0)
            assert found["gen_ai.usage.input_tokens"] == total
            assert found["prompt_token_count"] == total
        for name, count in (
            ("gen_ai.usage.output_tokens", used.output),
            ("generation_token_count", used.output),
            ("gen_ai.usage.cache_read.input_tokens", used.cache_read),
            ("gen_ai.usage.cache_creation.input_tokens", used.cache_write),
            ("gen_ai.request.max_tokens", report.max_output_tokens),
        ):
            is_model = report.path is not None and report.path.operation.uses_tokens
            if is_model or name != "gen_ai.request.max_tokens":
                assert found.get(name) == count


def test_the_span_of_a_model_s_call_has_the_names_of_the_conventions() -> None:
    _, model = write(ANSWERED)
    assert model.name == f"chat {MODEL}"
    assert attributes(model) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.system": "aws.bedrock",
        "gen_ai.request.model": MODEL,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.response.finish_reasons": ["end_turn"],
        "gen_ai.usage.input_tokens": 4305,
        "gen_ai.usage.output_tokens": 25,
        "gen_ai.usage.cache_read.input_tokens": 300,
        "gen_ai.usage.cache_creation.input_tokens": 4000,
        "prompt_token_count": 4305,
        "generation_token_count": 25,
        "rpc.system": "aws-api",
        "rpc.method": "Converse",
        "http.response.status_code": 200,
        "aws.request_id": "request-1",
    }
    assert model.status.code == Status.STATUS_CODE_UNSET


def test_the_span_of_the_gateway_has_the_caller_and_what_the_gateway_adds() -> None:
    gateway, _ = write(ANSWERED)
    assert gateway.name == "POST /model/{modelId}/converse"
    assert attributes(gateway) == {
        "http.request.method": "POST",
        "http.route": "/model/{modelId}/converse",
        "http.response.status_code": 200,
        "user.id": "ana@example.com",
        "bedrock_meter.tier": "gold",
        "bedrock_meter.project": "search",
        "bedrock_meter.reservation_id": "r-1",
        "bedrock_meter.added_latency_ms": 12.0,
        "bedrock_meter.time_to_first_token_ms": 400.0,
    }


def test_a_refused_call_has_one_span_with_the_reason_and_the_model() -> None:
    (gateway,) = write(REFUSED)
    found = attributes(gateway)
    assert found["error.type"] == "limit"
    assert found["gen_ai.request.model"] == MODEL
    assert found["gen_ai.operation.name"] == "chat"
    assert gateway.status.code == Status.STATUS_CODE_UNSET  # the caller's error


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"status": 503, "error_code": "ServiceUnavailableException:http://x/"}, None),
        ({"status": 500, "error_code": "500 of\na prompt"}, "_OTHER"),
        ({"status": 502}, "502"),
        ({"end": AnswerEnd(error="throttlingException")}, "throttlingException"),
        ({"end": AnswerEnd(error=ANSWER_LOST)}, "answer_lost"),
    ],
)
def test_a_failed_call_has_its_error_in_both_spans(
    change: dict[str, Any], error: str | None
) -> None:
    for span in write(ANSWERED._replace(**change)):
        assert span.status.code == Status.STATUS_CODE_ERROR
        assert attributes(span)["error.type"] == (error or "ServiceUnavailableException")


@pytest.mark.parametrize(
    ("operation", "model_id", "name"),
    [
        (BedrockOperation.CONVERSE_STREAM, MODEL, f"chat {MODEL}"),
        (BedrockOperation.INVOKE, "amazon.titan-embed-text-v2:0", None),
        (BedrockOperation.COUNT_TOKENS, MODEL, f"CountTokens {MODEL}"),
    ],
)
def test_operations_are_named_by_the_conventions(
    operation: BedrockOperation, model_id: str, name: str | None
) -> None:
    _, model = write(ANSWERED._replace(path=BedrockPath(operation, model_id)))
    assert model.name == (name or f"embeddings {model_id}")
    assert ("gen_ai.operation.name" in attributes(model)) is operation.uses_tokens


def test_long_text_is_cut_off() -> None:
    gateway, _ = write(ANSWERED._replace(caller="x" * 5000))
    assert len(attributes(gateway)["user.id"]) == 2048


def test_the_resource_is_what_runs_the_gateway() -> None:
    (resource,) = write_trace(ANSWERED, IDS, None, RESOURCE)["resourceSpans"]
    assert resource["resource"]["attributes"] == [
        {"key": "service.name", "value": {"stringValue": "gateway"}},
        {"key": "cloud.region", "value": {"stringValue": "us-east-1"}},
    ]


def test_ids_are_hexadecimal_and_numbers_of_64_bits_are_text() -> None:
    text = json.dumps(write_trace(ANSWERED, IDS, None, RESOURCE))
    assert f'"traceId": "{IDS.trace_id.hex()}"' in text
    assert '"startTimeUnixNano": "1788868800000000000"' in text
    assert '{"intValue": "4305"}' in text
