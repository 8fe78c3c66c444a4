"""No field of a request makes a call use more than it has reserved."""

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
    read_request_body,
)
from lambdas.domain.bedrock_calls.needs import DEFAULT_DOCUMENT_TOKENS, DEFAULT_OUTPUT_TOKENS

CLAUDE, NOVA, QWEN = "anthropic.claude-sonnet-4-v1:0", "amazon.nova-lite-v1:0", "qwen.qwen3-v1:0"
GPT, COMMAND, JAMBA = "openai.gpt-oss-20b-1:0", "cohere.command-v14", "ai21.jamba-1-5-v1:0"
ACCOUNT = "arn:aws:bedrock:us-east-1:123456789012"
PROFILE = f"{ACCOUNT}:application-inference-profile/abcdefghijkl"
PIXEL = "iVBORw0KGgo="
IMAGE, DOCUMENT = 6_000, DEFAULT_DOCUMENT_TOKENS
SMALL_IMAGE = {"image": {"format": "png", "source": {"bytes": PIXEL}}}
CLAUDE_IMAGE = {"type": "image", "source": {"type": "base64", "data": PIXEL}}


def measure(model_id: str, body: Any, operation: str = "invoke") -> CallNeed:
    path = BedrockPath(BedrockOperation(operation), model_id)
    return measure_need(path, read_request_body(json.dumps(body).encode()), NeedBounds())


@pytest.mark.parametrize(
    ("model_id", "body"),
    [
        (QWEN, {"max_gen_len": 1}),
        (QWEN, {"inferenceConfig": {"maxTokens": 1}}),
        (QWEN, {"max_completion_tokens": 1}),
        ("deepseek.r1-v1:0", {"max_completion_tokens": 1}),
        ("writer.palmyra-x5-v1:0", {"max_completion_tokens": 1}),
        ("twelvelabs.pegasus-1-2-v1:0", {"max_tokens": 1}),
        ("deepseek.r1-v1:0", {"prompt": "x", "max_completion_tokens": 1}),
        (GPT, {"max_tokens_to_sample": 1}),
        (GPT, {"max_tokens": 1}),
        (JAMBA, {"maxTokens": 1}),
        (NOVA, {"textGenerationConfig": {"maxTokenCount": 1}}),
        ("amazon.titan-text-lite-v1", {"inferenceConfig": {"maxTokens": 1}}),
        (PROFILE, {"max_gen_len": 1}),
        (PROFILE, {"inferenceConfig": {"maxTokens": 1}}),
        (PROFILE, {"max_completion_tokens": 1}),
        ("vendor.new-model-v1:0", {"maxTokens": 1}),
        ("vendor.new-model-v1:0", {"max_tokens": 1}),
        (CLAUDE, {"max_tokens": -1}),
        (CLAUDE, {"max_tokens": 1.5}),
        (CLAUDE, {"max_tokens": [1]}),
        (CLAUDE, {"max_tokens": float("nan")}),
        (CLAUDE, {"max_tokens": float("inf")}),
        (CLAUDE, {"max_tokens": True}),
        (CLAUDE, {"max_tokens": None}),
        (CLAUDE, {"metadata": {"max_tokens": 1}}),
        (CLAUDE, {"Max_Tokens": 1}),
    ],
)
def test_a_field_that_the_model_may_not_read_is_no_limit(model_id: str, body: Any) -> None:
    assert measure(model_id, body).output_tokens == NeedBounds().get_max_output(model_id)


@pytest.mark.parametrize(
    "body",
    [
        {"inferenceConfig": {"maxTokens": -1}},
        {"inferenceConfig": {"max_new_tokens": 1}},
        {"inferenceConfig": {"maxTokens": None}, "max_tokens": 1},
        {"inferenceConfig": [{"maxTokens": 1}]},
        {"additionalModelRequestFields": {"max_tokens": 1}},
    ],
)
@pytest.mark.parametrize("model_id", [CLAUDE, PROFILE])
def test_converse_reads_its_own_limit_alone(model_id: str, body: Any) -> None:
    assert measure(model_id, body, "converse").output_tokens == DEFAULT_OUTPUT_TOKENS


@pytest.mark.parametrize(
    "additional",
    [
        {"max_tokens": 5_000},
        {"max_completion_tokens": 5_000},
        {"inferenceConfig": {"maxTokens": 5_000}},
    ],
)
def test_additional_fields_of_converse_raise_the_limit(additional: Any) -> None:
    body = {"inferenceConfig": {"maxTokens": 9}, "additionalModelRequestFields": additional}
    assert measure(GPT, body, "converse").output_tokens == 5_000


@pytest.mark.parametrize(
    ("model_id", "body"),
    [
        (JAMBA, {"max_tokens": 1, "max_completion_tokens": 5_000}),
        (QWEN, {"max_tokens": 1, "max_completion_tokens": 5_000}),
        ("meta.llama3-8b-instruct-v1:0", {"max_gen_len": 1, "max_tokens": 5_000}),
        (CLAUDE, {"max_tokens": 1, "max_tokens_to_sample": 5_000}),
    ],
)
def test_of_several_limits_the_highest_counts(model_id: str, body: Any) -> None:
    assert measure(model_id, body).output_tokens == 5_000


@pytest.mark.parametrize(
    ("model_id", "tokens"),
    [
        ("amazon.nova-micro-v1:0", 10_240),
        ("amazon.nova-pro-v1:0:300k", 10_240),
        ("us.amazon.nova-pro-v1:0", 10_240),
        ("anthropic.claude-3-haiku-20240307-v1:0", 4_096),
        ("anthropic.claude-3-5-haiku-20241022-v1:0", 8_192),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", 65_536),
        ("anthropic.claude-opus-4-1-20250805-v1:0", 32_768),
        ("meta.llama3-1-8b-instruct-v1:0", 8_192),
        ("anthropic.claude-3-7-sonnet-20250219-v1:0", DEFAULT_OUTPUT_TOKENS),
        ("anthropic.claude-sonnet-4-6", DEFAULT_OUTPUT_TOKENS),
        ("amazon.nova-2-lite-v1:0", DEFAULT_OUTPUT_TOKENS),
        ("amazon.nova-premier-v1:0", DEFAULT_OUTPUT_TOKENS),
        ("vendor.new-model-v1:0", DEFAULT_OUTPUT_TOKENS),
        (PROFILE, DEFAULT_OUTPUT_TOKENS),
    ],
)
def test_a_call_without_a_limit_reserves_the_documented_maximum(model_id: str, tokens: int) -> None:
    assert measure(model_id, {"messages": []}, "converse").output_tokens == tokens


def test_a_setting_goes_before_the_documented_maximum() -> None:
    bounds = NeedBounds({"amazon.nova-*": 20_000})
    assert bounds.get_max_output("amazon.nova-micro-v1:0") == 20_000


@pytest.mark.parametrize("kind", [{}, [], 5, None])
def test_a_source_of_no_known_type_counts_as_an_image(kind: Any) -> None:
    block = {"type": "image", "source": {"type": kind, "data": PIXEL}}
    body = {"messages": [{"role": "user", "content": [block]}]}
    assert measure(CLAUDE, body).input_tokens >= IMAGE


def test_no_field_of_invoke_bounds_the_answer_of_a_hidden_model() -> None:
    fields = {"max_tokens": 70, "max_gen_len": 80}
    assert measure(PROFILE, fields).output_tokens == NeedBounds().default_output_tokens


@pytest.mark.parametrize(
    ("model_id", "operation", "body"),
    [
        (COMMAND, "invoke", {"max_tokens": 100, "num_generations": 5}),
        (JAMBA, "invoke", {"max_tokens": 100, "n": 5}),
        ("ai21.j2-ultra-v1", "invoke", {"maxTokens": 100, "numResults": 5}),
        (
            JAMBA,
            "converse",
            {"inferenceConfig": {"maxTokens": 100}, "additionalModelRequestFields": {"n": 5}},
        ),
    ],
)
def test_several_answers_count_each(model_id: str, operation: str, body: Any) -> None:
    assert measure(model_id, body, operation).output_tokens == 500


def test_thoughts_between_tools_may_be_longer_than_the_answer() -> None:
    thinking = {"type": "enabled", "budget_tokens": 4_000}
    within = {"max_tokens": 5_000, "thinking": thinking}
    above = {"max_tokens": 100, "thinking": thinking}
    assert measure(CLAUDE, within).output_tokens == 5_000
    assert measure(CLAUDE, above).output_tokens == 4_100


@pytest.mark.parametrize(
    "block",
    [
        {"guardContent": {"image": {"format": "png", "source": {"bytes": PIXEL}}}},
        {"image": {"source": {"text": None, "s3Location": {"uri": "s3://a/b"}}}},
        {"toolResult": {"content": [SMALL_IMAGE]}, "type": "text"},
        {"type": "tool_result", "toolResult": {"status": "error"}, "content": [CLAUDE_IMAGE]},
        {"type": "document", "source": {"type": "content", "content": [CLAUDE_IMAGE]}},
        {"document": {"source": {"content": [SMALL_IMAGE]}}},
        {"type": "new_result", "content": {"content": [CLAUDE_IMAGE]}},
        {"type": "image", "image": "https://example.com/a.png"},
        {"type": "image_url", "image_url": "https://example.com/a.png"},
        {"image_url": {"url": "https://example.com/a.png"}},
        {"type": "input_image", "image_url": "https://example.com/a.png"},
    ],
)
@pytest.mark.parametrize(("model_id", "operation"), [(CLAUDE, "invoke"), (NOVA, "converse")])
def test_an_image_counts_wherever_a_model_may_read_it(
    model_id: str, operation: str, block: Any
) -> None:
    body = {"messages": [{"role": "user", "content": [block]}]}
    assert measure(model_id, body, operation).input_tokens >= IMAGE


def test_images_count_outside_of_messages() -> None:
    system = {"system": [{"guardContent": SMALL_IMAGE}], "messages": []}
    assert measure(CLAUDE, system, "converse").input_tokens >= IMAGE
    embedding = {"inputs": [{"content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]}
    assert measure("cohere.embed-v4:0", embedding).input_tokens >= IMAGE


def test_what_only_looks_like_an_image_outside_of_messages_is_counted_as_text_too() -> None:
    text = "A" * 20_000
    body = {"prompt": {"image": {"source": {"bytes": text}}}}
    assert measure(CLAUDE, body).input_tokens >= IMAGE + len(text)


@pytest.mark.parametrize(
    "block",
    [
        {"document": {"source": {"text": None, "bytes": PIXEL}}},
        {"document": {"source": {"text": "a", "s3Location": {"uri": "s3://a/b"}}}},
        {"type": "input_audio", "input_audio": {"data": PIXEL, "format": "mp3"}},
        {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
        {"type": "file", "file": {"file_id": "a"}},
        {"type": "document", "source": {"type": "file", "file_id": "a"}},
    ],
)
def test_a_document_a_video_or_a_sound_counts_in_every_shape(block: Any) -> None:
    need = measure("mistral.voxtral-small-v1:0", {"messages": [{"content": [block]}]})
    assert need.input_tokens >= DOCUMENT
    assert not need.is_certain


def test_a_video_beside_the_prompt_counts() -> None:
    body = {"inputPrompt": "a", "mediaSource": {"s3Location": {"uri": "s3://a/b"}}}
    assert measure("twelvelabs.pegasus-1-2-v1:0", body).input_tokens >= DOCUMENT


@pytest.mark.parametrize("model_id", [QWEN, "meta.llama4-v1:0", "vendor.vision-v1:0", PROFILE])
def test_images_of_models_with_many_parts_count_more(model_id: str) -> None:
    body = {"messages": [{"content": [{"type": "image_url", "image_url": {"url": "https://a"}}]}]}
    assert measure(model_id, body).input_tokens >= 16_384  # Qwen's documented maximum


def test_each_tool_of_the_provider_brings_its_description() -> None:
    tools = [{"type": f"{name}_20250124", "name": name} for name in ("computer", "bash", "editor")]
    beside = {"additionalModelRequestFields": {"tools": tools}}
    for need in (measure(CLAUDE, {"tools": tools}), measure(CLAUDE, beside, "converse")):
        assert need.input_tokens >= 4_000
    own = {"tools": [{"type": "custom", "name": "a"}, {"type": "function", "function": {}}]}
    assert measure(CLAUDE, own).input_tokens < 1_200


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("converse", {"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}}),
        ("invoke", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    ],
)
def test_results_of_tools_on_the_server_are_an_estimate(operation: str, body: Any) -> None:
    need = measure(CLAUDE, body, operation)
    assert need.input_tokens >= DOCUMENT
    assert not need.is_certain


def test_an_answer_in_a_given_form_brings_instructions() -> None:
    plain: dict[str, Any] = {"messages": []}
    for name in ("outputConfig", "output_config", "output_format", "response_format"):
        more = measure(CLAUDE, plain | {name: {}}).input_tokens
        assert more >= measure(CLAUDE, plain).input_tokens + 1_000


def test_a_prompt_on_the_server_is_an_estimate() -> None:
    need = measure(f"{ACCOUNT}:prompt/ABCDEFGHIJ:3", {"promptVariables": {}}, "converse")
    assert need.input_tokens >= DOCUMENT


def test_the_frame_of_a_short_prompt_is_covered() -> None:
    """The template of gpt-oss takes 70 tokens, more than this request has bytes."""
    body = {"messages": [{"role": "user", "content": "hi"}]}
    for model_id, frame in ((GPT, 70), ("meta.llama3-v1:0", 30), (COMMAND, 700), (QWEN, 30)):
        assert measure(model_id, body).input_tokens >= frame + len("hi")


def test_a_prompt_that_is_compacted_is_read_twice() -> None:
    plain = {"max_tokens": 100, "messages": [{"role": "user", "content": "x" * 1_000}]}
    compacted = plain | {"context_management": {"edits": [{"type": "compact_20260112"}]}}
    need = measure(CLAUDE, compacted)
    assert need.input_tokens >= 2 * measure(CLAUDE, plain).input_tokens
    assert need.output_tokens == 200
    assert not need.is_certain


@pytest.mark.parametrize(
    "body",
    [
        b'{"inferenceConfig": {"maxTokens": 1, "maxTokens": 100000}}',
        b'{"messages": [{"content": [{"text": "a", "text": "b"}]}]}',
        b'{"inferenceConfig": {"maxTokens": 1, "max\\u0054okens": 100000}}',
        b'{"max_tokens": 1, "max\\u005ftokens": 100000}',
        b'{"a": {"b": {"c": [{"d": {"e": 1, "e": 2}}]}}}',
    ],
)
def test_a_field_that_is_named_twice_is_refused_wherever_it_stands(body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        read_request_body(body)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-16",
        'application/json; charset="utf-7"',
        "application/json;CHARSET=iso-8859-1",
        "application/json; charset=utf-8000",
        "application/json; charset=utf-8; charset=utf-7",
    ],
)
def test_a_body_that_is_to_be_read_in_another_charset_is_refused(content_type: str) -> None:
    path = BedrockPath(BedrockOperation.INVOKE, CLAUDE)
    with pytest.raises(InvalidRequestError, match="UTF-8"):
        read_caller_request(path, [("content-type", content_type)], b"{}")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'application/json; charset="UTF-8"',
        "application/json; charset=utf8; a=b",
    ],
)
def test_utf_8_is_taken(content_type: str) -> None:
    path = BedrockPath(BedrockOperation.INVOKE, CLAUDE)
    request = read_caller_request(path, [("content-type", content_type)], b"{}")
    assert request.headers == {"content-type": content_type}


_FIELDS = ("messages", "content", "image", "source", "type", "document", "text", "bytes", "data")
_NAMES = st.sampled_from(
    [*_FIELDS, "toolResult", "tool_result", "image_url", "url", "input", "tools", "images", "n"]
)
_SMALL = st.none() | st.booleans() | st.integers(-5, 5) | _NAMES
_BODIES = st.dictionaries(
    _NAMES,
    st.recursive(
        _SMALL,
        lambda parts: st.lists(parts, max_size=3) | st.dictionaries(_NAMES, parts, max_size=3),
        max_leaves=12,
    ),
    max_size=4,
)


@given(_BODIES, st.sampled_from([CLAUDE, NOVA, QWEN, PROFILE]), st.sampled_from(BedrockOperation))
def test_no_body_of_short_texts_needs_less_than_its_length(
    fields: dict[str, Any], model_id: str, operation: BedrockOperation
) -> None:
    need = measure(model_id, fields, operation.value)
    if operation.uses_tokens:
        assert need.input_tokens >= len(json.dumps(fields))
        assert need.output_tokens >= 1
