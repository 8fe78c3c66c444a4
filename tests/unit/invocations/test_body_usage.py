"""Token counts from response bodies where Bedrock left the counts out."""

import json
from typing import Any

import pytest
from hypothesis import given

from lambdas.domain.invocations import TokenCounts, UsageDoubt
from lambdas.domain.invocations.body_usage import read_body_usage
from tests.unit.invocations.records import (
    answered,
    fixture_lines,
    hostile_bodies,
    invocation_log,
    one_line,
    read_record,
    read_tokens,
)

MEASURED = "amazon-bedrock-invocationMetrics"
INTERVENED = {"amazon-bedrock-guardrailAction": "INTERVENED"}
NOTHING = TokenCounts()

CONVERSE = {"inputTokens": 3, "outputTokens": 52, "totalTokens": 24_534}
ANTHROPIC = {"input_tokens": 4, "output_tokens": 50}


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        pytest.param(
            {"usage": CONVERSE | {"cacheReadInputTokens": 0, "cacheWriteInputTokens": 24_479}},
            TokenCounts(3, 52, 0, 24_479),
            id="converse",
        ),
        pytest.param(
            {
                "usage": CONVERSE
                | {"cacheReadInputTokens": 7, "cacheReadInputTokenCount": 7}
                | {"cacheWriteInputTokens": 9, "cacheWriteInputTokenCount": 9}
            },
            TokenCounts(3, 52, 7, 9),
            id="converse_that_says_it_twice",
        ),
        pytest.param(
            {
                "usage": ANTHROPIC
                | {"cache_read_input_tokens": 0, "cache_creation_input_tokens": 18_131}
            },
            TokenCounts(4, 50, 0, 18_131),
            id="anthropic_messages",
        ),
        pytest.param({"completion": "text", "stop": None}, NOTHING, id="claude_text_completions"),
        pytest.param(
            {"inputTextTokenCount": 9, "results": [{"tokenCount": 17}]},
            TokenCounts(9, 17),
            id="titan_text",
        ),
        pytest.param(
            {"inputTextTokenCount": 9, "results": [{"tokenCount": 17}, {"tokenCount": 5}]},
            TokenCounts(9, 22),
            id="titan_text_of_two_results",
        ),
        pytest.param(
            {"inputTextTokenCount": 9, "results": [{"tokenCount": 17}, {"tokenCount": None}]},
            TokenCounts(9, None),
            id="titan_text_of_a_result_without_its_count",
        ),
        pytest.param(
            {"inputTextTokenCount": 28.0, "results": [{"tokenCount": 197.0}]},
            TokenCounts(28, 197),
            id="titan_text_in_floats",
        ),
        pytest.param(
            {"embedding": [0.5], "inputTextTokenCount": 6}, TokenCounts(6), id="titan_embedding"
        ),
        pytest.param({"images": ["aGk="], "error": None}, NOTHING, id="image_generator"),
        pytest.param(
            {
                "usage": {"inputTokens": 7, "outputTokens": 53}
                | {"cacheReadInputTokenCount": 1, "cacheWriteInputTokenCount": 2}
            },
            TokenCounts(7, 53, 1, 2),
            id="nova",
        ),
        pytest.param(
            {"prompt_token_count": 8, "generation_token_count": 35},
            TokenCounts(8, 35),
            id="llama_and_imported",
        ),
        pytest.param({"outputs": [{"text": "text"}]}, NOTHING, id="mistral_text"),
        pytest.param(
            {"usage": {"prompt_tokens": 6, "completion_tokens": 100, "total_tokens": 106}},
            TokenCounts(6, 100),
            id="openai",
        ),
        pytest.param({"choices": [{"text": "text"}]}, NOTHING, id="deepseek_r1"),
        pytest.param({"generations": [{"text": "text"}]}, NOTHING, id="cohere_command"),
        pytest.param(
            {"meta": {"billed_units": {"input_tokens": 9, "output_tokens": 112}}},
            TokenCounts(9, 112),
            id="cohere_billed_units",
        ),
        pytest.param(
            {"meta": {"tokens": {"input_tokens": 9, "output_tokens": 112}}},
            TokenCounts(9, 112),
            id="cohere_tokens",
        ),
        pytest.param(
            {
                "meta": {
                    "billed_units": {"search_units": 1},
                    "tokens": {"input_tokens": 9, "output_tokens": 112},
                }
            },
            TokenCounts(9, 112),
            id="cohere_tokens_beside_units_of_another_kind",
        ),
        pytest.param(
            {
                "usage": {
                    "billed_units": {"input_tokens": 9, "output_tokens": 112},
                    "tokens": {"input_tokens": 70, "output_tokens": 112},
                }
            },
            TokenCounts(9, 112),
            id="cohere_usage",
        ),
        pytest.param({"embeddings": [[0.5]]}, NOTHING, id="cohere_embed"),
        pytest.param({"results": [{"index": 0, "relevance_score": 0.9}]}, NOTHING, id="rerank"),
        pytest.param(
            {
                "prompt": {"text": "a b", "tokens": [{}, {}]},
                "completions": [{"data": {"tokens": [{}, {}, {}]}}, {"data": {"tokens": [{}]}}],
            },
            TokenCounts(2, 4),
            id="jurassic_2",
        ),
        pytest.param(
            {"prompt": {"text": "a b"}, "completions": [{"data": {"text": "c"}}]},
            NOTHING,
            id="jurassic_2_without_its_tokens",
        ),
    ],
)
def test_a_complete_response_is_read_by_its_shape(body: object, tokens: TokenCounts) -> None:
    assert read_tokens(answered(body)) == tokens


MESSAGE_START = {
    "type": "message_start",
    "message": {
        "usage": {
            "input_tokens": 16,
            "cache_read_input_tokens": 2,
            "cache_creation_input_tokens": 3,
            "output_tokens": 1,
        }
    },
}


@pytest.mark.parametrize(
    ("chunks", "tokens"),
    [
        pytest.param(
            [
                {"messageStart": {"role": "assistant"}},
                {"contentBlockDelta": {"delta": {"text": "a"}}},
                {"metadata": {"usage": CONVERSE | {"cacheReadInputTokens": 4}}},
            ],
            TokenCounts(3, 52, 4),
            id="converse_stream",
        ),
        pytest.param(
            [
                MESSAGE_START,
                {"type": "message_delta", "usage": {"output_tokens": 10}},
                {"type": "message_delta", "usage": {"output_tokens": 21}},
            ],
            TokenCounts(16, 21, 2, 3),
            id="anthropic_messages",
        ),
        pytest.param(
            [
                MESSAGE_START,
                {
                    "type": "message_delta",
                    "usage": {
                        "input_tokens": 18,
                        "cache_read_input_tokens": 4,
                        "cache_creation_input_tokens": None,
                        "output_tokens": 21,
                    },
                },
            ],
            TokenCounts(18, 21, 4, 3),
            id="anthropic_messages_that_repeat_themselves",
        ),
        pytest.param(
            [
                {"inputTextTokenCount": 28.0},
                {"totalOutputTextTokenCount": None},
                {"totalOutputTextTokenCount": 188.0},
            ],
            TokenCounts(28, 188),
            id="titan_text",
        ),
        pytest.param(
            [
                {"messageStart": {"role": "assistant"}},
                {"metadata": {"usage": {"inputTokens": 30, "outputTokens": 55}, "metrics": {}}},
            ],
            TokenCounts(30, 55),
            id="nova",
        ),
        pytest.param(
            [
                {"prompt_token_count": 76, "generation_token_count": 1},
                {"prompt_token_count": None, "generation_token_count": 2},
                {"prompt_token_count": None, "generation_token_count": 3},
            ],
            TokenCounts(76, 3),
            id="llama",
        ),
        pytest.param(
            [{"choices": []}, {"usage": {"prompt_tokens": 6, "completion_tokens": 9}}],
            TokenCounts(6, 9),
            id="openai",
        ),
        pytest.param(
            [
                {"completion": "a"},
                {
                    "completion": "",
                    MEASURED: {"inputTokenCount": 19, "outputTokenCount": 99},
                },
            ],
            TokenCounts(19, 99),
            id="measured_by_bedrock",
        ),
        pytest.param(
            [
                {
                    MEASURED: {
                        "inputTokenCount": 19,
                        "outputTokenCount": 99,
                        "cacheReadInputTokenCount": 5,
                        "cacheWriteInputTokenCount": 6,
                    }
                }
            ],
            TokenCounts(19, 99, 5, 6),
            id="measured_by_bedrock_with_a_cache",
        ),
    ],
)
def test_counts_of_a_stream_are_cumulative_and_the_last_is_used(
    chunks: list[object], tokens: TokenCounts
) -> None:
    assert read_tokens(answered(chunks)) == tokens
    assert read_tokens(
        answered(["[DONE]", None, 5, [{"usage": ANTHROPIC}], *chunks, "[DONE]"])
    ) == (tokens)


def test_the_output_count_at_the_start_of_a_stream_is_not_used() -> None:
    assert read_tokens(answered([MESSAGE_START])) == TokenCounts(16, None, 2, 3)


def test_counts_measured_by_bedrock_take_precedence_over_the_model_s() -> None:
    measured = {MEASURED: {"inputTokenCount": 100, "outputTokenCount": 97}}
    stated = {"type": "message_delta", "usage": {"input_tokens": 1, "output_tokens": 133}}
    assert read_tokens(answered([MESSAGE_START, stated, measured])) == TokenCounts(100, 97, 2, 3)
    assert read_tokens(answered([measured, stated])) == TokenCounts(100, 97)


def test_counts_not_measured_by_bedrock_are_taken_from_the_model() -> None:
    measured = {MEASURED: {"outputTokenCount": 97, "invocationLatency": 5}}
    assert read_tokens(answered([MESSAGE_START, measured])) == TokenCounts(16, 97, 2, 3)


@pytest.mark.parametrize("operation", ["InvokeModel", "Converse", "ConverseStream", "NewOperation"])
@pytest.mark.parametrize("body", [{"usage": ANTHROPIC}, [{"usage": ANTHROPIC}]])
def test_the_shape_of_a_body_decides_not_the_operation(operation: str, body: object) -> None:
    assert read_tokens(answered(body) | {"operation": operation}) == TokenCounts(4, 50)


def test_a_top_level_count_is_kept_and_the_body_adds_the_other() -> None:
    body = {"usage": ANTHROPIC | {"cache_read_input_tokens": 7}}
    only_input = answered(body, {"inputTokenCount": 1})
    assert read_tokens(only_input) == TokenCounts(1, 50, 7)
    assert read_tokens(answered(body, outputTokenCount=2)) == TokenCounts(4, 2, 7)


def test_a_top_level_zero_is_kept() -> None:
    request = {"inputTokenCount": 0, "cacheReadInputTokenCount": 0}
    body = {"usage": ANTHROPIC | {"cache_read_input_tokens": 7}}
    assert read_tokens(answered(body, request, outputTokenCount=0)) == TokenCounts(0, 0, 0)


def test_a_body_adds_cache_counts_missing_at_the_top_level() -> None:
    body = {"usage": ANTHROPIC | {"cache_read_input_tokens": 7, "cache_creation_input_tokens": 9}}
    request = {"inputTokenCount": 4, "cacheReadInputTokenCount": 6}
    assert read_tokens(answered(body, request, outputTokenCount=50)) == TokenCounts(4, 50, 6, 9)


# OpenAI's prompt count holds the cached tokens; ours never does.


def openai(prompt: object, cached: object) -> dict[str, Any]:
    return {
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": cached},
        }
    }


@pytest.mark.parametrize(
    ("prompt", "cached", "tokens"),
    [
        pytest.param(100, 40, TokenCounts(60, 20, 40), id="some_cached"),
        pytest.param(100, 0, TokenCounts(100, 20, 0), id="none_cached"),
        pytest.param(100, 100, TokenCounts(0, 20, 100), id="all_cached"),
        pytest.param(100, None, TokenCounts(100, 20), id="not_reported"),
        pytest.param(100, "many", TokenCounts(100, 20), id="text_count"),
    ],
)
def test_cached_tokens_are_subtracted_from_openai_s_prompt_count(
    prompt: int, cached: object, tokens: TokenCounts
) -> None:
    assert read_tokens(answered(openai(prompt, cached))) == tokens


def test_more_cached_than_prompt_tokens_are_not_part_of_the_prompt() -> None:
    record = read_record(answered(openai(100, 140)))
    assert record.tokens == TokenCounts(100, 20, 140)
    assert record.usage_doubt is UsageDoubt.UNVERIFIED


def test_cached_tokens_are_subtracted_from_a_top_level_input_equal_to_the_prompt() -> None:
    for_all = answered(openai(100, 40), {"inputTokenCount": 100}, outputTokenCount=20)
    assert read_tokens(for_all) == TokenCounts(60, 20, 40)


def test_cached_tokens_are_not_added_to_an_unrelated_top_level_input_count() -> None:
    other = answered(openai(100, 40), {"inputTokenCount": 97}, outputTokenCount=20)
    assert read_tokens(other) == TokenCounts(97, 20)


def test_cached_tokens_are_used_if_the_top_level_input_excludes_them() -> None:
    disjoint = answered(openai(100, 40), {"inputTokenCount": 60}, outputTokenCount=20)
    assert read_tokens(disjoint) == TokenCounts(60, 20, 40)


def test_a_top_level_output_does_not_change_the_prompt_conversion() -> None:
    assert read_tokens(answered(openai(100, 40), outputTokenCount=21)) == TokenCounts(60, 21, 40)


def test_cached_tokens_are_subtracted_from_an_input_measured_by_bedrock() -> None:
    measured = {MEASURED: {"inputTokenCount": 100, "outputTokenCount": 20}}
    assert read_tokens(answered([openai(100, 40), measured])) == TokenCounts(60, 20, 40)


def test_a_later_prompt_count_without_details_does_not_count_cached_tokens_twice() -> None:
    later = {"usage": {"prompt_tokens": 100, "completion_tokens": 25}}
    assert read_tokens(answered([openai(100, 40), later])).total == 125
    assert read_tokens(answered([later, openai(100, 40)])).total == 120


# The cache split: five minutes or an hour.

FIVE_MINUTES, ONE_HOUR = "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"


@pytest.mark.parametrize(
    ("usage", "cache_write", "cache_write_1h"),
    [
        pytest.param(
            {"cache_creation_input_tokens": 100}
            | {"cache_creation": {FIVE_MINUTES: 40, ONE_HOUR: 60}},
            100,
            60,
            id="both",
        ),
        pytest.param(
            {"cache_creation_input_tokens": 100} | {"cache_creation": {FIVE_MINUTES: 100}},
            100,
            0,
            id="five_minutes_alone",
        ),
        pytest.param(
            {"cache_creation_input_tokens": 100} | {"cache_creation": {ONE_HOUR: 100}},
            100,
            100,
            id="an_hour_alone",
        ),
        pytest.param(
            {"cache_creation": {FIVE_MINUTES: 40, ONE_HOUR: 60}}, 100, 60, id="parts_without_sum"
        ),
        pytest.param(
            {"cache_creation_input_tokens": 100}
            | {"cache_creation": {FIVE_MINUTES: 40, ONE_HOUR: 61}},
            100,
            None,
            id="parts_that_do_not_add_up",
        ),
        pytest.param(
            {"cache_creation_input_tokens": 100, "cache_creation": {}}, 100, None, id="no_parts"
        ),
        pytest.param(
            {"cache_creation_input_tokens": 100, "cache_creation": "60"}, 100, None, id="no_object"
        ),
        pytest.param(
            {"cacheWriteInputTokens": 100}
            | {
                "cacheDetails": [{"ttl": "5m", "inputTokens": 40}, {"ttl": "1h", "inputTokens": 60}]
            },
            100,
            60,
            id="converse",
        ),
        pytest.param(
            {"cacheWriteInputTokens": 100}
            | {
                "cacheDetails": [{"ttl": "1h", "inputTokens": 60}, {"ttl": "1h", "inputTokens": 40}]
            },
            100,
            100,
            id="converse_with_one_kind_twice",
        ),
        pytest.param(
            {"cacheWriteInputTokens": 100} | {"cacheDetails": [{"ttl": "1h", "inputTokens": 60}]},
            100,
            None,
            id="converse_that_does_not_add_up",
        ),
        pytest.param(
            {"cacheWriteInputTokens": 100}
            | {"cacheDetails": [{"ttl": "1d", "inputTokens": 100}, {"ttl": [], "inputTokens": 1}]},
            100,
            None,
            id="converse_of_another_kind",
        ),
        pytest.param({"cacheDetails": [5, None, "1h"]}, None, None, id="converse_of_nonsense"),
    ],
)
def test_cache_writes_are_split_only_if_the_parts_add_up(
    usage: dict[str, object], cache_write: int | None, cache_write_1h: int | None
) -> None:
    names = ("input_tokens", "output_tokens")
    if "cacheWriteInputTokens" in usage:
        names = ("inputTokens", "outputTokens")
    tokens = read_tokens(answered({"usage": dict(zip(names, (4, 50), strict=True)) | usage}))
    assert tokens == TokenCounts(4, 50, None, cache_write, cache_write_1h)


@pytest.mark.parametrize(("top_level", "cache_write_1h"), [(100, 60), (101, None)])
def test_a_body_splits_a_top_level_cache_write_only_if_they_agree(
    top_level: int, cache_write_1h: int | None
) -> None:
    request = {"inputTokenCount": 4, "cacheWriteInputTokenCount": top_level}
    body = {"usage": {"cache_creation": {FIVE_MINUTES: 40, ONE_HOUR: 60}}}
    tokens = read_tokens(answered(body, request, outputTokenCount=50))
    assert tokens == TokenCounts(4, 50, None, top_level, cache_write_1h)


def test_the_split_at_the_start_of_a_stream_applies_to_all_of_it() -> None:
    opening = {"cache_creation_input_tokens": 100, "cache_creation": {ONE_HOUR: 100}}
    chunks = [
        {"type": "message_start", "message": {"usage": opening}},
        {"usage": {"output_tokens": 9}},
    ]
    assert read_tokens(answered(chunks)) == TokenCounts(None, 9, None, 100, 100)


# Guardrails, and other fields that look like usage but are not.


def test_usage_in_a_guardrail_trace_is_never_read() -> None:
    units = {"invocationMetrics": {"usage": {"topicPolicyUnits": 1, "inputTokens": 9}}}
    answer = {"usage": {"inputTokens": 70, "outputTokens": 209}}
    trace = {"guardrail": {"modelOutput": [one_line(answer)], "inputAssessment": {"id": units}}}
    assert read_tokens(answered({"trace": trace, "stopReason": "guardrail_intervened"})) == NOTHING
    assert read_tokens(answered({"amazon-bedrock-trace": trace, "usage": units})) == NOTHING
    assert read_tokens(answered([{"metadata": {"trace": trace}}])) == NOTHING
    assert read_tokens(answered({"trace": trace, "usage": CONVERSE})) == TokenCounts(3, 52)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"inputTextTokenCount": 6.0, "totalOutputTextTokenCount": 3.0}, id="titan"),
        pytest.param({"usage": CONVERSE}, id="usage"),
        pytest.param({MEASURED: {"inputTokenCount": 6, "outputTokenCount": 3}}, id="measured"),
    ],
)
def test_no_count_is_derived_from_a_guardrail_s_replacement_text(body: dict[str, object]) -> None:
    assert read_tokens(answered(body | INTERVENED)) == NOTHING
    assert read_tokens(answered([body | INTERVENED])) == NOTHING
    assert read_tokens(answered([body, INTERVENED])) == NOTHING


def test_a_guardrail_without_intervention_changes_nothing() -> None:
    body = {"usage": ANTHROPIC, "amazon-bedrock-guardrailAction": "NONE"}
    assert read_tokens(answered(body)) == TokenCounts(4, 50)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"output": {"usage": ANTHROPIC}}, id="below_output"),
        pytest.param({"content": [{"usage": ANTHROPIC}]}, id="below_content"),
        pytest.param([{"chunk": {MEASURED: {"inputTokenCount": 7}}}], id="below_chunk"),
        pytest.param([[{"usage": ANTHROPIC}]], id="list_within_a_list"),
        pytest.param({"inputTokenCount": 7, "outputTokenCount": 8}, id="names_of_the_top_level"),
        pytest.param([one_line({"usage": ANTHROPIC})], id="chunk_of_text"),
        pytest.param({"usage": [ANTHROPIC]}, id="usage_in_a_list"),
        pytest.param({"usage": one_line(ANTHROPIC)}, id="usage_as_text"),
        pytest.param({"usage": {"input_tokens": True, "output_tokens": -1}}, id="no_counts"),
        pytest.param({"usage": {"totalTokens": 5000}}, id="total_alone"),
    ],
)
def test_counts_are_read_only_at_fixed_paths(body: object) -> None:
    assert read_tokens(answered(body)) == NOTHING


@pytest.mark.parametrize(
    "body", [{"usage": ANTHROPIC}, [MESSAGE_START, {"usage": {"output_tokens": 50}}, "[DONE]"]]
)
def test_a_body_encoded_as_text_is_read_the_same(body: object) -> None:
    assert not read_tokens(answered(body)).is_missing
    assert read_record(answered(one_line(body))) == read_record(answered(body))


@pytest.mark.parametrize("body", ["", "text", "{", "5", "null", '"[]"', '{"usage":', "[" * 10**5])
def test_a_body_of_other_text_has_no_counts(body: str) -> None:
    assert read_tokens(answered(body)) == NOTHING


@pytest.mark.parametrize(
    ("body", "latency_ms"),
    [
        pytest.param({"metrics": {"latencyMs": 1866}}, 1866, id="converse"),
        pytest.param([{"metadata": {"metrics": {"latencyMs": 2149}}}], 2149, id="converse_stream"),
        pytest.param(
            [{MEASURED: {"invocationLatency": 760, "firstByteLatency": 700}}], 760, id="measured"
        ),
        pytest.param(one_line({"metrics": {"latencyMs": 5}}), 5, id="text"),
        pytest.param({"metrics": {"latencyMs": "Lore"}}, None, id="words"),
        pytest.param({"metrics": [1866]}, None, id="no_object"),
        pytest.param({"usage": CONVERSE}, None, id="not_reported"),
    ],
)
def test_the_latency_is_read_from_the_body(body: object, latency_ms: int | None) -> None:
    assert read_record(answered(body)).latency_ms == latency_ms


def test_the_latency_is_read_even_if_a_guardrail_intervened() -> None:
    assert read_record(answered({"metrics": {"latencyMs": 5}} | INTERVENED)).latency_ms == 5


@pytest.mark.parametrize(
    ("body", "tier"),
    [
        ({"serviceTier": {"type": "flex"}, "usage": CONVERSE}, "flex"),
        ([{"metadata": {"usage": CONVERSE, "serviceTier": {"type": "priority"}}}], "priority"),
        ({"service_tier": "flex", "usage": {"prompt_tokens": 1}}, "flex"),
        ({"usage": {"input_tokens": 1, "service_tier": "priority"}}, "priority"),
        (
            [{"message": {"usage": {"service_tier": "flex"}}}, {"usage": {"output_tokens": 1}}],
            "flex",
        ),
        ([{"service_tier": None}, {"service_tier": "flex"}, {"choices": []}], "flex"),
        ({"serviceTier": {"type": "reserved"}} | INTERVENED, "reserved"),
        # Later chunks go before earlier ones, and Converse before what a model says.
        ([{"service_tier": "flex"}, {"service_tier": "priority"}], "priority"),
        ([{"service_tier": "flex"}, {"service_tier": "default"}], None),
        ({"serviceTier": {"type": "flex"}, "service_tier": "priority"}, "flex"),
        ({"serviceTier": {"type": "default"}, "usage": {"service_tier": "flex"}}, None),
        ({"service_tier": "flex", "usage": {"service_tier": "priority"}}, "flex"),
        ({"serviceTier": {"type": "default"}}, None),
        ({"service_tier": "default"}, None),
        ({"service_tier": "auto"}, None),
        ({"usage": {"input_tokens": 1, "service_tier": "standard"}}, None),
        ({"service_tier": ""}, None),
        ({"service_tier": 7}, None),
        ({"service_tier": "an unknown tier"}, None),
        ({"service_tier": "f" * 33}, None),
        ({"serviceTier": "flex"}, None),
        ({"content": [{"service_tier": "flex"}]}, None),
        ({"usage": CONVERSE}, None),
    ],
)
def test_the_service_tier_is_read_from_the_body(body: object, tier: str | None) -> None:
    assert read_record(answered(body)).service_tier == tier


OPTIMIZED = {"performanceConfig": {"latency": "optimized"}}
STANDARD = {"performanceConfig": {"latency": "standard"}}


@pytest.mark.parametrize(
    ("requested", "body", "tier"),
    [
        pytest.param(OPTIMIZED, None, "latency-optimized", id="requested_without_a_body"),
        pytest.param(OPTIMIZED, {"usage": CONVERSE}, "latency-optimized", id="not_reported"),
        pytest.param(OPTIMIZED, OPTIMIZED, "latency-optimized", id="served"),
        pytest.param({}, OPTIMIZED, "latency-optimized", id="served_alone"),
        pytest.param({}, [{"metadata": OPTIMIZED}], "latency-optimized", id="converse_stream"),
        pytest.param(OPTIMIZED, STANDARD, None, id="served_as_standard"),
        pytest.param(OPTIMIZED, [{"metadata": STANDARD}], None, id="stream_served_as_standard"),
        pytest.param(STANDARD, OPTIMIZED, "latency-optimized", id="served_better"),
        pytest.param(OPTIMIZED, {"serviceTier": {"type": "flex"}}, "flex", id="tier_goes_first"),
        pytest.param(
            OPTIMIZED, {"serviceTier": {"type": "default"}}, "latency-optimized", id="default_tier"
        ),
        pytest.param({"performanceConfig": "optimized"}, None, None, id="no_object"),
        pytest.param({"performanceConfig": {"latency": "fast"}}, None, None, id="unknown"),
        pytest.param({"performanceConfig": {"latency": []}}, None, None, id="no_text"),
        pytest.param({}, {"output": OPTIMIZED}, None, id="another_path"),
    ],
)
def test_the_served_latency_sets_the_tier_before_the_requested_one(
    requested: dict[str, Any], body: object, tier: str | None
) -> None:
    log = answered(body) | requested
    assert read_record(log).service_tier == tier


def test_a_latency_requested_in_the_request_body_is_not_read() -> None:
    log = answered({"usage": CONVERSE}, {"inputBodyJson": OPTIMIZED})
    assert read_record(log).service_tier is None


@given(hostile_bodies)
def test_no_body_makes_reading_raise(body: object) -> None:
    usage = read_body_usage(body)
    counts = (*usage.measured, *usage.reported.counts)
    assert all(count is None or count >= 0 for count in counts)


# Recorded answers: what can be had from the body alone, and what cannot.

RECORDED = [json.loads(line) for line in fixture_lines("response-bodies.ndjson")]

WITHOUT_COUNTS = {
    5: "the collector kept a text instead of the chunk",
    6: "the collector kept an empty list instead of the chunk",
    7: "the collector kept an empty list instead of the chunk",
    26: "Claude text completions have no counts in the body",
    27: "Cohere Command has no counts in the body",
    28: "Cohere Embed has no counts in the body",
    31: "Mistral text has no counts in the body",
    42: "a guardrail intervened",
    43: "a guardrail intervened",
    44: "a guardrail intervened",
    47: "a guardrail intervened",
    49: "a guardrail intervened",
    52: "Claude text completions have no counts in the body",
    53: "Cohere Command has no counts in the body",
}
WITHOUT_OUTPUT = {
    10: "the stream was cut off before its message_delta; what opened it was provisional",
    17: "embeddings have no output",
    18: "embeddings have no output",
    19: "embeddings have no output",
}
# Input and output of the lines without recorded headers, read off the bodies by eye.
READ_BY_EYE = {
    1: (26, 100),
    2: (26, 100),
    3: (72, 11),
    4: (12, 35),
    8: (57, 46),
    9: (21, 34),
    10: (73, None),
    11: (19, 99),
    12: (9, 91),
    13: (76, 83),
    14: (17, 100),
    15: (25, 100),
    16: (7, 10),
    17: (6, None),
    18: (6, None),
    19: (6, None),
    20: (72, 23),
    21: (12, 32),
    22: (12, 32),
    23: (57, 45),
    24: (21, 31),
    25: (73, 13),
    29: (76, 86),
    30: (17, 69),
    32: (54, 18),
    33: (17, 16),
    34: (28, 22),
    35: (236, 58),
    36: (52, 36),
    37: (54, 18),
    38: (17, 17),
    39: (28, 26),
    40: (52, 30),
    41: (20, 72),
    45: (16, 21),
}
WITH_HEADERS = [
    line
    for line, recorded in enumerate(RECORDED, 1)
    if recorded["recordedTokenCountHeaders"] and line not in WITHOUT_COUNTS
]


def recorded_tokens(line: int) -> TokenCounts:
    recorded = RECORDED[line - 1]
    changes = {
        "operation": recorded["operation"],
        "modelId": recorded["modelId"] or "redacted",
    }
    return read_tokens(answered(recorded["outputBodyJson"]) | changes)


def test_every_recorded_response_is_tested() -> None:
    assert len(RECORDED) == 57
    assert sorted([*READ_BY_EYE, *WITH_HEADERS, *WITHOUT_COUNTS]) == list(range(1, 58))


@pytest.mark.parametrize("line", WITH_HEADERS)
def test_counts_from_a_body_equal_the_headers_recorded_with_it(line: int) -> None:
    headers = RECORDED[line - 1]["recordedTokenCountHeaders"]
    tokens = recorded_tokens(line)
    assert (tokens.input, tokens.output) == (headers["input"], headers["output"])
    assert (tokens.cache_read or 0) == headers.get("cache-read-input", 0)
    assert (tokens.cache_write or 0) == headers.get("cache-write-input", 0)


@pytest.mark.parametrize("line", READ_BY_EYE)
def test_counts_from_a_body_match_its_content(line: int) -> None:
    tokens = recorded_tokens(line)
    assert (tokens.input, tokens.output) == READ_BY_EYE[line]
    assert not tokens.cache_read
    assert not tokens.cache_write


@pytest.mark.parametrize("line", WITHOUT_COUNTS)
def test_counts_missing_from_a_body_are_absent(line: int) -> None:
    assert recorded_tokens(line) == NOTHING, WITHOUT_COUNTS[line]


@pytest.mark.parametrize("line", WITHOUT_OUTPUT)
def test_an_output_count_missing_from_a_body_is_absent(line: int) -> None:
    assert recorded_tokens(line).output is None, WITHOUT_OUTPUT[line]


def test_a_prompt_is_split_by_the_top_level_cache_count_if_present() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 40},
    }
    log = invocation_log(
        input={"cacheReadInputTokenCount": 0}, output={"outputBodyJson": {"usage": usage}}
    )
    assert read_record(log).tokens == TokenCounts(input=100, output=9, cache_read=0)


def test_the_latency_of_a_chunk_without_bedrock_metrics_comes_from_converse() -> None:
    chunk = {
        "metadata": {"metrics": {"latencyMs": 7}},
        "amazon-bedrock-invocationMetrics": {"inputTokenCount": 1},
    }
    assert read_body_usage([chunk]).latency_ms == 7
