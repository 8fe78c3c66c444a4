"""Builds invocation logs as Bedrock writes them, and any JSON from callers and models."""

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from lambdas.domain.invocations import TokenCounts, UsageRecord, read_invocation
from tests.builders import ANA, SONNET_4

FIXTURES = Path(__file__).parents[2] / "fixtures"


def invocation_log(**changes: object) -> dict[str, Any]:
    """A call of 10 input, 5 output, 7 cache-read and 3 cache-written tokens, but for changes."""
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": "2026-09-08T12:00:00Z",
        "accountId": "111122223333",
        "region": "us-east-1",
        "requestId": "request-1",
        "operation": "InvokeModel",
        "modelId": f"us.{SONNET_4}",
        "identity": {"arn": ANA},
        "inferenceRegion": "us-west-2",
        "input": {
            "inputContentType": "application/json",
            "inputTokenCount": 10,
            "cacheReadInputTokenCount": 7,
            "cacheWriteInputTokenCount": 3,
        },
        "output": {"outputContentType": "application/json", "outputTokenCount": 5},
    } | changes


def log_without(field: str) -> dict[str, Any]:
    """A valid log without one field."""
    return {name: value for name, value in invocation_log().items() if name != field}


def answered(body: object, request: object = None, **output: object) -> dict[str, Any]:
    """A log of a response body, with no count but those given."""
    return invocation_log(input=request or {}, output={"outputBodyJson": body} | output)


def read_record(log: object) -> UsageRecord:
    """Read a countable log."""
    record = read_invocation(log)
    assert isinstance(record, UsageRecord)
    return record


def read_tokens(log: object) -> TokenCounts:
    """The counts of a countable log."""
    return read_record(log).tokens


def fixture_lines(name: str) -> list[str]:
    """The lines of a fixture, in order."""
    return (FIXTURES / name).read_text(encoding="utf-8").splitlines()


def one_line(value: object) -> str:
    """JSON as Bedrock writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


any_text = st.text() | st.lists(st.characters() | st.characters(categories=["Cs"])).map("".join)
"""Text, lone surrogates included: `st.text` of the same characters has none of them."""
json_scalars = st.none() | st.booleans() | st.integers() | st.floats() | any_text


def json_values(
    scalars: st.SearchStrategy[Any] = json_scalars, keys: st.SearchStrategy[str] = any_text
) -> st.SearchStrategy[Any]:
    """Any JSON of these scalars and keys."""
    return st.recursive(
        scalars,
        lambda children: (
            st.lists(children, max_size=4) | st.dictionaries(keys, children, max_size=4)
        ),
        max_leaves=12,
    )


spoofed_keys = st.sampled_from(
    [
        *invocation_log(),
        *invocation_log()["input"],
        *invocation_log()["output"],
        "amazon-bedrock-guardrailAction",
        "amazon-bedrock-invocationMetrics",
        "amazon-bedrock-trace",
        "arn",
        "artifacts",
        "billed_units",
        "cacheReadInputTokens",
        "cacheWriteInputTokens",
        "cache_creation",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "cache_write_tokens",
        "cached_tokens",
        "completion_tokens",
        "completion_tokens_details",
        "errorCode",
        "generation_token_count",
        "guardrail",
        "images",
        "input",
        "inputAssessment",
        "inputTextTokenCount",
        "inputTokens",
        "input_tokens",
        "input_tokens_details",
        "invocationMetrics",
        "invokedModelId",
        "iterations",
        "latency",
        "message",
        "meta",
        "metadata",
        "model",
        "outputAssessments",
        "outputImageCount",
        "outputTokens",
        "output_tokens",
        "outputs",
        "performanceConfig",
        "promptRouter",
        "prompt_audio_seconds",
        "prompt_token_count",
        "prompt_tokens",
        "prompt_tokens_details",
        "reasoning_tokens",
        "response",
        "results",
        "search_units",
        "tokenCount",
        "topicPolicyUnits",
        "totalTokens",
        "total_tokens",
        "trace",
        "usage",
    ]
)
hostile_bodies = json_values(
    json_scalars
    | st.integers(0, 20)
    | st.integers(0, 10**6)
    | st.sampled_from(["INTERVENED", "optimized", "claude-opus-4-8", SONNET_4, ANA]),
    spoofed_keys | any_text,
)
"""JSON with the keys that the meter reads."""
