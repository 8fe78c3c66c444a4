"""Cached tokens inside the input count or beside it: shape, model, operation and total decide."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import TokenCounts, UsageDoubt, UsageRecord
from lambdas.domain.invocations.cached_input import (
    CacheReporting,
    separate_cached_tokens,
    usual_reporting,
)
from lambdas.domain.invocations.reported_usage import ReportedUsage
from tests.builders import SONNET_4
from tests.unit.invocations.records import answered, invocation_log, read_record

LUNA = "openai.gpt-5.6-luna"
QWEN = "qwen.qwen3-next-80b-a3b"
PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3d4e5f6"
MEASURED = "amazon-bedrock-invocationMetrics"

CHAT = {
    "prompt_tokens": 2_600,
    "prompt_tokens_details": {"cached_tokens": 2_000, "cache_write_tokens": 400},
    "completion_tokens": 300,
    "completion_tokens_details": {"reasoning_tokens": 120},
    "total_tokens": 2_900,
}
RESPONSES = {
    "input_tokens": 2_600,
    "input_tokens_details": {"cached_tokens": 2_000, "cache_write_tokens": 400},
    "output_tokens": 300,
    "output_tokens_details": {"reasoning_tokens": 120},
    "total_tokens": 2_900,
}
DISJOINT = TokenCounts(200, 300, 2_000, 400)


def converse(
    input_tokens: int, read: int, written: int, output: int, total: int | None
) -> dict[str, Any]:
    """A `usage` object of Converse and its stream."""
    return {
        "inputTokens": input_tokens,
        "outputTokens": output,
        "totalTokens": total,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
    }


def read_call(model: str, operation: str, usage: object, **logged: int) -> UsageRecord:
    """Read a call whose body has this usage; `logged` are counts at the log's top level."""
    return read_body(model, operation, {"usage": usage}, **logged)


def read_body(model: str, operation: str, body: object, **logged: int) -> UsageRecord:
    """Read a call of a body; `logged` are counts at the log's top level."""
    names = {
        "input": "inputTokenCount",
        "read": "cacheReadInputTokenCount",
        "written": "cacheWriteInputTokenCount",
    }
    request = {name: logged[key] for key, name in names.items() if key in logged}
    output = {"outputTokenCount": logged["output"]} if "output" in logged else {}
    log = answered(body, request, **output)
    return read_record(log | {"modelId": model, "operation": operation})


# OpenAI's own shapes hold cached tokens inside the input.


@pytest.mark.parametrize("usage", [CHAT, RESPONSES], ids=["chat_completions", "responses"])
@pytest.mark.parametrize("model", [LUNA, f"us.{LUNA}", QWEN, "mistral.mistral-large-3", PROFILE])
@pytest.mark.parametrize("operation", ["InvokeModel", "ChatCompletions", "Responses", "New"])
def test_cached_and_written_tokens_are_subtracted_from_openai_s_input(
    operation: str, model: str, usage: dict[str, Any]
) -> None:
    record = read_call(model, operation, usage)
    assert record.tokens == DISJOINT
    assert record.usage_doubt is None


@pytest.mark.parametrize("usage", [CHAT, RESPONSES], ids=["chat_completions", "responses"])
def test_cached_tokens_are_subtracted_from_a_logged_input_equal_to_openai_s(
    usage: dict[str, Any],
) -> None:
    logged_all = read_call(
        LUNA, "InvokeModel", usage, input=2_600, output=300, read=2_000, written=400
    )
    assert (logged_all.tokens, logged_all.usage_doubt) == (DISJOINT, None)
    without_cache = read_call(LUNA, "InvokeModel", usage, input=2_600, output=300)
    assert (without_cache.tokens, without_cache.usage_doubt) == (DISJOINT, None)


def test_a_logged_input_without_cached_tokens_stays_unchanged() -> None:
    record = read_call(LUNA, "InvokeModel", CHAT, input=200, output=300)
    assert record.tokens == DISJOINT


def test_a_stream_of_chat_completions_reports_usage_in_its_last_chunk() -> None:
    chunks = [
        {"object": "chat.completion.chunk", "choices": [{"delta": {}}], "usage": None},
        {"object": "chat.completion.chunk", "choices": [], "usage": CHAT},
    ]
    record = read_body(LUNA, "InvokeModelWithResponseStream", chunks)
    assert (record.tokens, record.usage_doubt) == (DISJOINT, None)


@pytest.mark.parametrize("event", ["response.completed", "response.incomplete"])
def test_a_stream_of_responses_reports_usage_in_the_event_that_ends_it(event: str) -> None:
    chunks = [
        {"type": "response.created", "response": {"id": "resp_1", "usage": None}},
        {"type": "response.output_text.delta", "delta": "a"},
        {"type": event, "response": {"usage": RESPONSES, "service_tier": "flex"}},
    ]
    record = read_body(LUNA, "Responses", chunks)
    assert (record.tokens, record.usage_doubt, record.service_tier) == (DISJOINT, None, "flex")


def test_stream_counts_measured_by_bedrock_are_inclusive_too() -> None:
    measured = {
        "inputTokenCount": 2_600,
        "outputTokenCount": 300,
        "cacheReadInputTokenCount": 2_000,
        "cacheWriteInputTokenCount": 400,
    }
    chunks = [{"usage": CHAT}, {MEASURED: measured}]
    assert read_body(LUNA, "InvokeModelWithResponseStream", chunks).tokens == DISJOINT


@pytest.mark.parametrize(
    "cached",
    [{"prompt_cache_hit_tokens": 40, "prompt_cache_miss_tokens": 60}, {"cached_tokens": 40}],
)
def test_alternative_names_of_cached_tokens_are_read(cached: dict[str, int]) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120} | cached
    record = read_call("deepseek.v3-v1:0", "InvokeModel", usage)
    assert (record.tokens, record.usage_doubt) == (TokenCounts(60, 20, 40), None)


def test_reasoning_that_the_total_includes_is_output() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "completion_tokens_details": {"reasoning_tokens": 30},
        "total_tokens": 150,
    }
    assert read_call("xai.grok-4", "InvokeModel", usage).tokens == TokenCounts(100, 50)
    logged = read_call("xai.grok-4", "InvokeModel", usage, input=100, output=20)
    assert (logged.tokens, logged.usage_doubt) == (TokenCounts(100, 50), None)


def test_reasoning_included_in_the_output_is_not_added() -> None:
    assert read_call(LUNA, "InvokeModel", CHAT).tokens.output == 300


# Anthropic's shape, and Converse as its documentation has it, report them beside the input.

ANTHROPIC = {
    "input_tokens": 2_600,
    "output_tokens": 300,
    "cache_read_input_tokens": 2_000,
    "cache_creation_input_tokens": 400,
}
BESIDE = TokenCounts(2_600, 300, 2_000, 400)


@pytest.mark.parametrize("operation", ["InvokeModel", "Messages", "ConverseStream"])
@pytest.mark.parametrize("model", [SONNET_4, f"global.{SONNET_4}", PROFILE, "moonshot.kimi-k2"])
def test_anthropic_s_shape_is_disjoint(model: str, operation: str) -> None:
    record = read_call(model, operation, ANTHROPIC)
    assert (record.tokens, record.usage_doubt) == (BESIDE, None)


@pytest.mark.parametrize("operation", ["Converse", "ConverseStream", "InvokeModel"])
@pytest.mark.parametrize("model", [SONNET_4, "amazon.nova-pro-v1:0"])
def test_anthropic_and_nova_are_disjoint_by_every_operation(model: str, operation: str) -> None:
    usage = converse(2_600, 2_000, 400, 300, 5_300)
    with_body = read_call(model, operation, usage)
    assert (with_body.tokens, with_body.usage_doubt) == (BESIDE, None)
    logged = read_call(model, operation, None, input=2_600, read=2_000, written=400, output=300)
    assert (logged.tokens, logged.usage_doubt) == (BESIDE, None)


# Converse's stream of OpenAI models is inclusive, though its total adds everything up.


@pytest.mark.parametrize("total", [5_300, 2_900, None])
def test_openai_on_converse_stream_is_inclusive(total: int | None) -> None:
    usage = converse(2_600, 2_000, 400, 300, total)
    expected = UsageDoubt.UNVERIFIED if total is None else None
    chunks = [{"messageStart": {}}, {"metadata": {"usage": usage}}]
    for body in ({"usage": usage}, chunks):
        record = read_body(LUNA, "ConverseStream", body)
        assert (record.tokens, record.usage_doubt) == (DISJOINT, expected)


def test_openai_on_converse_stream_is_disjoint_if_the_input_is_too_small() -> None:
    usage = converse(2, 0, 4_993, 17, 5_012)
    record = read_call(LUNA, "ConverseStream", usage, input=2, read=0, written=4_993, output=17)
    assert (record.tokens, record.usage_doubt) == (TokenCounts(2, 17, 0, 4_993), None)


@pytest.mark.parametrize("key", ["prompt_tokens", "prompt_tokens_details", "cached_tokens"])
def test_an_empty_key_of_another_shape_changes_no_reading(key: str) -> None:
    usage = {key: None, "cache_read_input_tokens": 300}
    record = read_call(SONNET_4, "Converse", usage, input=300)
    assert record.tokens == TokenCounts(300, None, 300)


def test_openai_on_converse_is_disjoint_unless_its_total_says_otherwise() -> None:
    beside = read_call(LUNA, "Converse", converse(2_600, 2_000, 400, 300, 5_300))
    assert (beside.tokens, beside.usage_doubt) == (BESIDE, None)
    inside = read_call(LUNA, "Converse", converse(2_600, 2_000, 400, 300, 2_900))
    assert (inside.tokens, inside.usage_doubt) == (DISJOINT, None)


# A total that fits neither reading.


@pytest.mark.parametrize("logged", [{}, {"input": 2_600, "output": 300}])
@pytest.mark.parametrize("usage", [CHAT, RESPONSES], ids=["chat_completions", "responses"])
def test_details_that_no_total_confirms_are_not_used(
    usage: dict[str, Any], logged: dict[str, int]
) -> None:
    record = read_call(LUNA, "InvokeModel", usage | {"total_tokens": 9_999}, **logged)
    assert record.tokens == TokenCounts(2_600, 300)
    assert record.usage_doubt is UsageDoubt.AMBIGUOUS


@pytest.mark.parametrize(
    ("model", "operation", "total"),
    [
        (LUNA, "ConverseStream", 9_999),
        (LUNA, "Converse", 9_999),
        (QWEN, "ConverseStream", 9_999),
        (SONNET_4, "Converse", 9_999),
        (SONNET_4, "Converse", 2_900),
    ],
)
def test_top_level_counts_are_kept_if_the_total_fits_neither_reading(
    model: str, operation: str, total: int
) -> None:
    usage = converse(2_600, 2_000, 400, 300, total)
    record = read_call(model, operation, usage, input=2_600, read=2_000, written=400, output=300)
    assert (record.tokens, record.usage_doubt) == (BESIDE, UsageDoubt.AMBIGUOUS)


def test_a_total_decides_against_the_usual_reading_of_a_shape() -> None:
    record = read_call(QWEN, "InvokeModel", CHAT | {"total_tokens": 5_300})
    assert (record.tokens, record.usage_doubt) == (BESIDE, None)


def test_audio_included_only_in_the_total_makes_usage_ambiguous() -> None:
    usage = {
        "prompt_audio_seconds": 203,
        "prompt_tokens": 4,
        "completion_tokens": 635,
        "total_tokens": 3_264,
    }
    record = read_call("mistral.voxtral-mini-3b-2507", "InvokeModel", usage)
    assert (record.tokens, record.usage_doubt) == (TokenCounts(4, 635), UsageDoubt.AMBIGUOUS)
    assert record.billed_units == (("audio_second", 203),)


# Without a body: by model and operation alone.


def read_logged(model: str, operation: str, input_tokens: int) -> UsageRecord:
    request = {
        "inputTokenCount": input_tokens,
        "cacheReadInputTokenCount": 2_000,
        "cacheWriteInputTokenCount": 400,
    }
    log = invocation_log(modelId=model, operation=operation, input=request)
    return read_record(log)


@pytest.mark.parametrize(
    ("model", "operation"),
    [
        *((LUNA, operation) for operation in ("ConverseStream", "ChatCompletions", "Responses")),
        *((LUNA, operation) for operation in ("InvokeModel", "InvokeModelWithResponseStream")),
        (QWEN, "ChatCompletions"),
    ],
)
def test_openai_is_inclusive_without_a_body_and_unverified(model: str, operation: str) -> None:
    record = read_logged(model, operation, 2_600)
    assert record.tokens == TokenCounts(200, 5, 2_000, 400)
    assert record.usage_doubt is UsageDoubt.UNVERIFIED


@pytest.mark.parametrize("operation", ["ConverseStream", "ChatCompletions", "InvokeModel"])
def test_openai_is_disjoint_without_a_body_if_cached_tokens_exceed_the_input(
    operation: str,
) -> None:
    record = read_logged(LUNA, operation, 2_399)
    assert record.tokens == TokenCounts(2_399, 5, 2_000, 400)
    assert record.usage_doubt is UsageDoubt.UNVERIFIED


@pytest.mark.parametrize(
    ("model", "operation"),
    [(LUNA, "Converse"), (QWEN, "Converse"), (SONNET_4, "InvokeModel"), (SONNET_4, "Messages")],
)
def test_disjoint_models_need_no_body(model: str, operation: str) -> None:
    record = read_logged(model, operation, 2_600)
    assert record.tokens == TokenCounts(2_600, 5, 2_000, 400)
    assert record.usage_doubt is None


@pytest.mark.parametrize("model", [PROFILE, QWEN])
def test_a_model_with_unknown_reporting_is_read_as_disjoint_and_unverified(model: str) -> None:
    record = read_logged(model, "ConverseStream", 2_600)
    assert record.tokens == TokenCounts(2_600, 5, 2_000, 400)
    assert record.usage_doubt is UsageDoubt.UNVERIFIED
    assert read_logged(model, "ConverseStream", 3).usage_doubt is None


def test_a_call_without_cached_tokens_leaves_no_doubt() -> None:
    log = invocation_log(modelId=LUNA, operation="ConverseStream", input={"inputTokenCount": 2_600})
    record = read_record(log)
    assert (record.tokens, record.usage_doubt) == (TokenCounts(2_600, 5), None)


# Samplings: what one answer took in several steps.


def sampling(input_tokens: int, output: int, read: int = 0, written: int = 0) -> dict[str, Any]:
    return {
        "input_tokens": input_tokens,
        "output_tokens": output,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
    }


COMPACTED = sampling(23_000, 1_000, 10, 20) | {
    "iterations": [
        {"type": "compaction"} | sampling(180_000, 3_500, 1, 2),
        {"type": "message"} | sampling(23_000, 1_000, 10, 20),
    ]
}


def test_samplings_are_added_up_by_kind() -> None:
    assert read_call(SONNET_4, "InvokeModel", COMPACTED).tokens == TokenCounts(
        203_000, 4_500, 11, 22
    )


def test_a_stream_can_report_its_samplings_at_the_end() -> None:
    chunks = [
        {"type": "message_start", "message": {"usage": sampling(23_000, 1, 10, 20)}},
        {
            "type": "message_delta",
            "usage": {"output_tokens": 1_000, "iterations": COMPACTED["iterations"]},
        },
        {MEASURED: {"inputTokenCount": 23_000, "outputTokenCount": 1_000}},
    ]
    logged = {"input": 23_000, "output": 1_000, "read": 10, "written": 20}
    for top_level in ({}, logged):
        record = read_body(SONNET_4, "InvokeModelWithResponseStream", chunks, **top_level)
        assert record.tokens == TokenCounts(203_000, 4_500, 11, 22)


@pytest.mark.parametrize(
    ("logged", "tokens"),
    [
        ({"input": 203_000, "output": 4_500}, (203_000, 4_500)),
        ({"input": 180_000, "output": 3_500}, (203_000, 4_500)),
        ({"input": 300_000, "output": 9_000}, (300_000, 9_000)),
        ({"input": 7, "output": 8}, (7, 8)),
    ],
    ids=["the_sum", "one_sampling", "more", "unrelated"],
)
def test_a_logged_count_is_replaced_only_if_it_covers_one_sampling(
    logged: dict[str, int], tokens: tuple[int, int]
) -> None:
    record = read_call(SONNET_4, "InvokeModel", COMPACTED, **logged)
    assert (record.tokens.input, record.tokens.output) == tokens


def test_incomplete_samplings_lower_no_count() -> None:
    usage = sampling(100, 50, 7, 3) | {"iterations": [sampling(1, 1)]}
    tokens = TokenCounts(100, 50, 7, 3)
    assert read_call(SONNET_4, "InvokeModel", usage).tokens == tokens
    logged = read_call(SONNET_4, "InvokeModel", usage, input=100, output=50, read=7, written=3)
    assert logged.tokens == tokens


@pytest.mark.parametrize(
    "iterations", [None, [], {}, "text", [5], [None, sampling(1, 1)], [sampling(1, 1)] * 1001]
)
def test_unusual_lists_of_samplings_are_not_read(iterations: object) -> None:
    usage = sampling(100, 50) | {"iterations": iterations}
    assert read_call(SONNET_4, "InvokeModel", usage).tokens == TokenCounts(100, 50, 0, 0)


@pytest.mark.parametrize(
    ("kept", "cache_write_1h"), [([5, 6], 11), ([5, None], None), ([None, None], None)]
)
def test_one_hour_cache_writes_are_added_up_if_every_sampling_reports_them(
    kept: list[int | None], cache_write_1h: int | None
) -> None:
    iterations = [
        sampling(1, 1, 0, 10)
        | (
            {}
            if hour is None
            else {
                "cache_creation": {
                    "ephemeral_5m_input_tokens": 10 - hour,
                    "ephemeral_1h_input_tokens": hour,
                }
            }
        )
        for hour in kept
    ]
    usage = sampling(1, 1, 0, 10) | {"iterations": iterations}
    tokens = read_call(SONNET_4, "InvokeModel", usage).tokens
    assert (tokens.cache_write, tokens.cache_write_1h) == (20, cache_write_1h)


# Whatever is reported: counts stay disjoint, and nothing is lost.

counts = st.none() | st.integers(0, 50)
token_counts = st.builds(TokenCounts, counts, counts, counts, counts, st.none())
reported_usages = st.builds(
    ReportedUsage,
    token_counts,
    st.none() | st.integers(0, 200),
    counts,
    st.sampled_from([None, True, False]),
    st.lists(token_counts, max_size=3).map(tuple),
)


@given(token_counts, reported_usages, st.sampled_from(CacheReporting))
def test_no_reading_lowers_the_log_s_counts(
    logged: TokenCounts, reported: ReportedUsage, usual: CacheReporting
) -> None:
    tokens, doubt = separate_cached_tokens(logged, reported, usual)
    assert all(count is None or count >= 0 for count in tokens)
    assert doubt is None or isinstance(doubt, UsageDoubt)
    if logged.input is not None:
        assert (tokens.total_input or 0) >= logged.input
    for counted, count in zip(tokens[1:4], logged[1:4], strict=True):
        assert count is None or (counted is not None and counted >= count)
    if usual is CacheReporting.ALWAYS_BESIDE and None not in (logged.cache_read, logged.input):
        assert (tokens.input or 0) >= (logged.input or 0)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_inclusive_and_disjoint_readings_of_a_call_agree(
    input_tokens: int, read: int, written: int, output: int
) -> None:
    tokens = TokenCounts(input_tokens, output, read, written)
    prompt = input_tokens + read + written
    openai = {
        "prompt_tokens": prompt,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
        "completion_tokens": output,
        "total_tokens": prompt + output,
    }
    beside = converse(input_tokens, read, written, output, prompt + output)
    assert read_call(LUNA, "ChatCompletions", openai).tokens == tokens
    assert read_call(SONNET_4, "Converse", beside).tokens == tokens


@pytest.mark.parametrize(
    ("model", "operation", "usual"),
    [
        (SONNET_4, "ConverseStream", CacheReporting.ALWAYS_BESIDE),
        ("amazon.nova-2-lite-v1:0", "InvokeModel", CacheReporting.ALWAYS_BESIDE),
        (SONNET_4, "ChatCompletions", CacheReporting.UNKNOWN),
        (LUNA, "Converse", CacheReporting.BESIDE),
        (LUNA, "Messages", CacheReporting.BESIDE),
        (LUNA, "other", CacheReporting.INSIDE),
        ("openai", "ConverseStream", CacheReporting.UNKNOWN),
        ("custom-model/openai.gpt-5.6-luna/abc", "ConverseStream", CacheReporting.UNKNOWN),
    ],
)
def test_model_and_operation_decide_how_cached_tokens_are_usually_reported(
    model: str, operation: str, usual: CacheReporting
) -> None:
    assert usual_reporting(model, operation) is usual
