"""Requests to the gateway: paths, bodies, metadata and the most that a call can use."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.bedrock_calls import (
    BedrockOperation,
    BedrockPath,
    CallNeed,
    InvalidRequestError,
    NeedBounds,
    measure_need,
    read_caller_request,
    read_path,
    read_request_body,
)
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.invocations.output_limits import list_output_limits

NOVA, CLAUDE, LLAMA = "amazon.nova-lite-v1:0", "anthropic.claude-sonnet-4-v1:0", "meta.llama3-v1:0"
OURS = {"bedrock-meter-reservation": "r-1", "project": "search"}
TEXT = {"role": "user", "content": [{"text": "hi"}]}
BASE64 = "A" * 4000


def converse(model_id: str = NOVA) -> BedrockPath:
    return BedrockPath(BedrockOperation.CONVERSE, model_id)


def invoke(model_id: str = CLAUDE) -> BedrockPath:
    return BedrockPath(BedrockOperation.INVOKE, model_id)


def measure(path: BedrockPath, body: Any, bounds: NeedBounds | None = None) -> CallNeed:
    return measure_need(path, read_request_body(json.dumps(body).encode()), bounds or NeedBounds())


@given(
    st.sampled_from(BedrockOperation), st.from_regex(r"[a-z0-9][A-Za-z0-9._:-]*", fullmatch=True)
)
def test_a_written_path_is_read_back(operation: BedrockOperation, model_id: str) -> None:
    path = BedrockPath(operation, model_id)
    assert read_path(path.write()) == path


def test_an_arn_may_be_called_like_an_operation_and_stand_with_its_slashes() -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/invoke"
    assert read_path(f"/model/{arn}/converse") == converse(arn)


@given(st.text())
def test_any_path_is_read_or_refused(text: str) -> None:
    path = read_path(f"/model/{text}/invoke")
    assert path is None or ".." not in path.write().split("/")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(), parts, max_size=3),
    max_leaves=8,
)
BODIES = st.dictionaries(st.text(), JSON, max_size=4)


@given(BODIES, st.sampled_from([None, 1, 3]), st.booleans())
def test_metadata_is_added_and_every_other_byte_stays(
    fields: dict[str, Any], indent: int | None, is_ascii: bool
) -> None:
    fields.pop("requestMetadata", None)
    sent = json.dumps(fields, indent=indent, ensure_ascii=is_ascii).encode("utf-8", "replace")
    body = read_request_body(sent)
    written = body.write(OURS)
    ours = b'"requestMetadata":' + json.dumps(OURS, separators=(",", ":")).encode()
    assert written.replace(ours + (b"," if fields else b""), b"", 1) == sent
    assert json.loads(written) == body.fields | {"requestMetadata": OURS}
    assert body.write({}) == sent


def test_only_the_value_of_a_caller_s_metadata_is_replaced() -> None:
    sent = b'{ "a":1 , "requestMetadata" : {"team":"a"} ,\n"b": "\\u00e9"}'
    request = read_caller_request(converse(), [], sent)
    written = request.write({"x": "y"}, frozenset(), "ana").body
    assert written == b'{ "a":1 , "requestMetadata" : {"team":"a","x":"y"} ,\n"b": "\\u00e9"}'


def test_callers_cannot_set_names_of_the_gateway_even_if_it_sets_none() -> None:
    sent = b'{"requestMetadata": {"project": "of others", "team": "a"}}'
    request = read_caller_request(converse(), [], sent)
    assert b"of others" not in request.write({}, OURS.keys(), "ana").body


def test_metadata_within_a_tool_s_arguments_is_no_metadata() -> None:
    sent = b'{"messages": [{"requestMetadata": {"project": "x"}}]}'
    written = read_caller_request(converse(), [], sent).write(OURS, OURS.keys(), "ana").body
    assert json.loads(written)["messages"] == [{"requestMetadata": {"project": "x"}}]
    assert json.loads(written)["requestMetadata"] == OURS


def test_the_header_of_converse_is_left_out_and_that_of_invoke_model_is_extended() -> None:
    headers = [("x-amzn-bedrock-request-metadata", '{"team":"a","project":"forged"}')]
    of_converse = read_caller_request(converse(), headers, b"{}").write(OURS, OURS.keys(), "ana")
    assert of_converse.headers == {}
    of_invoke = read_caller_request(invoke(), headers, b"{}").write(OURS, OURS.keys(), "ana")
    (header,) = of_invoke.headers.values()
    assert json.loads(header) == {"team": "a"} | OURS
    assert of_invoke.body == b"{}"


@pytest.mark.parametrize("path", [converse(), invoke()])
def test_fifteen_pairs_leave_room_for_one(path: BedrockPath) -> None:
    own = {f"name-{number}": "v" for number in range(15)}
    headers = [("x-amzn-bedrock-request-metadata", json.dumps(own))]
    body = json.dumps({"requestMetadata": own}).encode()
    request = read_caller_request(path, headers, body)
    request.check_metadata(["bedrock-meter-reservation"], OURS.keys())
    with pytest.raises(InvalidRequestError, match="Send at most 14"):
        request.check_metadata(OURS.keys(), OURS.keys())


def test_a_long_metadata_header_leaves_no_room() -> None:
    own = {f"name-{number}": "\u00e9" * 255 for number in range(5)} | {"last": "\u00e9" * 110}
    headers = [("x-amzn-bedrock-request-metadata", json.dumps(own, separators=(",", ":")))]
    request = read_caller_request(invoke(), headers, b"{}")
    request.check_metadata([], OURS.keys())
    with pytest.raises(InvalidRequestError, match="8500"):
        request.check_metadata(["bedrock-meter-reservation"], OURS.keys())


def test_a_header_that_is_sent_twice_is_refused() -> None:
    headers = [("x-amzn-bedrock-trace", "ENABLED"), ("x-amzn-bedrock-trace", "DISABLED")]
    with pytest.raises(InvalidRequestError, match="twice"):
        read_caller_request(invoke(), headers, b"{}")


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (converse(), {"inferenceConfig": {"maxTokens": 100}}, 100),
        (converse(), {"max_tokens": 1}, 9000),
        (converse(CLAUDE), {"additionalModelRequestFields": {"max_tokens": 1}}, 32_000),
        (invoke(CLAUDE), {"max_tokens": 100}, 100),
        (invoke(CLAUDE), {"inferenceConfig": {"maxTokens": 1}}, 32_000),
        (invoke(f"us.{CLAUDE}"), {"max_tokens_to_sample": 7}, 7),
        (invoke(NOVA), {"inferenceConfig": {"max_new_tokens": 100}}, 100),
        (invoke(NOVA), {"max_tokens": 1}, 9000),
        (invoke("amazon.titan-text-v1"), {"textGenerationConfig": {"maxTokenCount": 50}}, 50),
        (invoke(LLAMA), {"max_gen_len": 60}, 60),
        (invoke("mistral.large-v1:0"), {"max_tokens": 70}, 70),
        (invoke("cohere.command-r-v1:0"), {"max_tokens": 80}, 80),
        (invoke("openai.gpt-oss-20b-1:0"), {"max_completion_tokens": 90, "max_tokens": 3}, 90),
        (invoke("ai21.jamba-v1:0"), {"max_tokens": 95}, 95),
        (invoke("other.model-v1:0"), {"max_tokens": 5, "maxTokens": 6}, 128_000),
        (invoke("deepseek.r1-v1:0"), {"max_tokens": 85}, 85),
        (invoke("writer.palmyra-x5-v1:0"), {"max_tokens": 86}, 86),
        (invoke("qwen.qwen3-32b-v1:0"), {"max_tokens": 3, "max_completion_tokens": 87}, 87),
        (invoke("twelvelabs.pegasus-1-2-v1:0"), {"maxOutputTokens": 88}, 88),
        (invoke("anthropic.other"), {"max_tokens": "many"}, 128_000),
        (invoke(CLAUDE), {"max_tokens": 0}, 32_000),
    ],
)
def test_the_output_is_bounded_by_the_field_that_the_model_reads(
    path: BedrockPath, body: Any, expected: int
) -> None:
    bounds = NeedBounds({"amazon.nova-*": 9000, "*claude-sonnet-4*": 32_000})
    assert measure(path, body, bounds).output_tokens == expected


def test_a_request_outline_reads_the_first_limit_of_any_shape() -> None:
    assert list(list_output_limits({"max_tokens": 5, "maxTokens": 6})) == [5, 6]


@given(st.text())
def test_text_never_has_more_tokens_than_the_bound(text: str) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": text}]}]}
    sent = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    need = measure_need(converse(), read_request_body(sent), NeedBounds())
    assert need.input_tokens >= len(text.encode("utf-8", "replace"))
    assert need.is_certain


IMAGES: list[tuple[BedrockPath, Any]] = [
    (converse(), {"image": {"format": "png", "source": {"bytes": BASE64}}}),
    (converse(), {"toolResult": {"content": [{"image": {"source": {"bytes": BASE64}}}]}}),
    (invoke(NOVA), {"image": {"source": {"bytes": BASE64}}}),
    (invoke(), {"type": "image", "source": {"type": "base64", "data": BASE64}}),
    (
        invoke(),
        {
            "type": "tool_result",
            "content": [{"type": "image", "source": {"type": "base64", "data": BASE64}}],
        },
    ),
    (
        invoke("openai.gpt-v1:0"),
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BASE64}"}},
    ),
]


@pytest.mark.parametrize(("path", "block"), IMAGES)
def test_an_image_counts_its_maximum_in_place_of_its_bytes(path: BedrockPath, block: Any) -> None:
    body = {"messages": [{"role": "user", "content": [block]}]}
    need = measure(path, body, NeedBounds(image_tokens=50_000))
    assert 50_000 <= need.input_tokens < 50_500
    assert need.is_certain


def test_llama_s_images_count_their_maximum() -> None:
    need = measure(invoke(LLAMA), {"prompt": "a", "images": [BASE64, BASE64]})
    assert 32_800 <= need.input_tokens < 33_200


@pytest.mark.parametrize(
    ("path", "block"),
    [
        (converse(), {"document": {"format": "pdf", "source": {"bytes": BASE64}}}),
        (converse(), {"video": {"source": {"s3Location": {"uri": "s3://a/b"}}}}),
        (invoke(), {"type": "document", "source": {"type": "base64", "data": BASE64}}),
        (invoke(), {"type": "document", "source": {"type": "url", "url": "https://a.example"}}),
    ],
)
def test_a_document_or_video_is_an_estimate(path: BedrockPath, block: Any) -> None:
    need = measure(path, {"messages": [{"content": [block]}]}, NeedBounds(document_tokens=70_000))
    assert 70_000 <= need.input_tokens < 70_300
    assert not need.is_certain


@pytest.mark.parametrize(
    "block",
    [
        {"toolUse": {"input": {"image": {"source": {"bytes": BASE64}}}}},
        {"text": BASE64},
        {"document": {"source": {"text": BASE64}}},
        {"type": "document", "source": {"type": "text", "data": BASE64}},
    ],
)
def test_text_that_looks_like_an_image_counts_as_text(block: Any) -> None:
    need = measure(converse(), {"messages": [{"content": [block]}]})
    assert 4000 <= need.input_tokens < 4300


def test_tools_bring_instructions_of_their_own() -> None:
    plain, tools = (measure(converse(), body) for body in ({"x": 1}, {"x": 1, "toolConfig": {}}))
    assert tools.input_tokens - plain.input_tokens > 1000


def test_a_hidden_model_is_no_certain_bound() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ"
    assert not measure(converse(arn), {}).is_certain


@pytest.mark.parametrize("field", ["max_tokens", "max_gen_len", "maxTokens"])
def test_no_field_of_invoke_model_bounds_the_answer_of_a_hidden_model(field: str) -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
    hidden = BedrockPath(BedrockOperation.INVOKE, arn)
    assert measure(hidden, {field: 1}).output_tokens == NeedBounds().default_output_tokens
    assert measure(converse(arn), {"inferenceConfig": {"maxTokens": 7}}).output_tokens == 7


@pytest.mark.parametrize(
    "model",
    [
        *("amazon.titan-embed-text-v2:0", "cohere.embed-v4:0", "cohere.rerank-v3-5:0"),
        *("stability.sd3-5-large-v1:0", "amazon.nova-canvas-v1:0"),
    ],
)
def test_embeddings_have_no_output(model: str) -> None:
    need = measure(BedrockPath(BedrockOperation.INVOKE, model), {"inputText": "Hi"})
    assert need.output_tokens == 0
    assert need.input_tokens > 0


def test_counting_tokens_needs_none() -> None:
    path = BedrockPath(BedrockOperation.COUNT_TOKENS, NOVA)
    assert measure(path, {"input": "x" * 100}) == CallNeed(0, 0, is_certain=True)
    assert TokenCounts().is_missing


@given(JSON)
def test_bodies_of_any_shape_are_measured(messages: Any) -> None:
    for path in (converse(), invoke()):
        assert measure(path, {"messages": messages, "images": messages}).input_tokens >= 0


@pytest.mark.parametrize(
    ("path", "headers", "body", "tier"),
    [
        (converse(), {}, {}, None),
        (converse(), {}, {"serviceTier": {"type": "priority"}}, "priority"),
        (converse(), {}, {"serviceTier": {"type": "default"}}, None),
        (converse(), {}, {"performanceConfig": {"latency": "optimized"}}, "latency-optimized"),
        (converse(), {}, {"serviceTier": "priority", "performanceConfig": 5}, None),
        (converse(), {"x-amzn-bedrock-service-tier": "priority"}, {}, None),
        (invoke(), {"x-amzn-bedrock-service-tier": "flex"}, {}, "flex"),
        (
            invoke(),
            {"x-amzn-bedrock-performanceconfig-latency": "optimized"},
            {},
            "latency-optimized",
        ),
        (invoke(), {}, {"service_tier": "priority"}, "priority"),
        (invoke(), {"x-amzn-bedrock-service-tier": "default"}, {"service_tier": "flex"}, None),
        (
            invoke(),
            {"x-amzn-bedrock-service-tier": "flex"},
            {"service_tier": "priority"},
            "priority",
        ),
        (
            converse(),
            {},
            {
                "serviceTier": {"type": "flex"},
                "additionalModelRequestFields": {"service_tier": "priority"},
            },
            "priority",
        ),
        (invoke(), {}, {"service_tier": "auto", "serviceTier": {"type": "priority"}}, None),
    ],
)
def test_a_call_asks_for_a_service_tier_where_bedrock_reads_it(
    path: BedrockPath, headers: dict[str, str], body: dict[str, Any], tier: str | None
) -> None:
    sent = read_caller_request(path, list(headers.items()), json.dumps(body).encode())
    assert sent.service_tier == tier
