"""What a response body tells of its tokens: by its shape, at fixed paths, and never in doubt.

Bodies are written by models and containers, so they only fill in what Bedrock left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.domain.invocations.decoding import JsonObject, JsonValue, decode_json
from lambdas.domain.invocations.token_counts import (
    UNKNOWN_COUNTS,
    TokenCounts,
    read_count,
    sum_known,
)

_EMPTY: JsonObject = {}

_INVOCATION_METRICS = "amazon-bedrock-invocationMetrics"
_GUARDRAIL_ACTION = "amazon-bedrock-guardrailAction"
# A stream has hundreds of chunks and a handful that tell something: those with one of these.
_TELLING_KEYS = frozenset(
    {
        _INVOCATION_METRICS,
        _GUARDRAIL_ACTION,
        "usage",
        "metadata",
        "metrics",
        "message",
        "meta",
        "inputTextTokenCount",
        "totalOutputTextTokenCount",
        "results",
        "prompt_token_count",
        "generation_token_count",
        "prompt",
        "completions",
    }
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Token counts from one place.

    Attributes:
        tokens: The counts, disjoint.
        is_cache_split_from_input: Whether `cache_read` was taken out of a prompt count that held
            it (OpenAI's shape). Then it may only be used where that input is.
    """

    tokens: TokenCounts = UNKNOWN_COUNTS
    is_cache_split_from_input: bool = False

    def filled_from(self, other: Evidence) -> Evidence:
        """Keep every count that is here, and take from `other` those that are not."""
        mine, theirs = self.tokens, other.tokens
        split_elsewhere = other.is_cache_split_from_input and mine.input not in (None, theirs.input)
        cache_read, is_split = mine.cache_read, self.is_cache_split_from_input
        if cache_read is None and not split_elsewhere:
            cache_read, is_split = theirs.cache_read, other.is_cache_split_from_input
        cache_write = _first_known(mine.cache_write, theirs.cache_write)
        cache_write_1h = mine.cache_write_1h
        if cache_write_1h is None and cache_write == theirs.cache_write:
            cache_write_1h = theirs.cache_write_1h
        return Evidence(
            TokenCounts(
                _first_known(mine.input, theirs.input),
                _first_known(mine.output, theirs.output),
                cache_read,
                cache_write,
                cache_write_1h,
            ),
            is_split,
        )


NO_EVIDENCE = Evidence()


@dataclass(frozen=True, slots=True)
class BodyUsage:
    """What a response body tells.

    Attributes:
        evidence: Its token counts.
        latency_ms: How long the model took, in milliseconds.
        is_guardrail_intervention: Whether a guardrail replaced the answer. The counts of such a
            body may be those of the replacement.
    """

    evidence: Evidence = NO_EVIDENCE
    latency_ms: int | None = None
    is_guardrail_intervention: bool = False


def read_body_usage(body: JsonValue) -> BodyUsage:
    """Read a response body of any model: an object, a list of stream chunks, or either as text.

    What Bedrock itself measured (`amazon-bedrock-invocationMetrics`) goes before what a model's
    chunks say, and later chunks before earlier ones: streams count cumulatively.
    """
    if isinstance(body, str):
        body = decode_json(body)
    measured = stated = opening = NO_EVIDENCE
    latency_ms: int | None = None
    is_intervention = False
    for chunk in body if isinstance(body, list) else [body]:
        if not isinstance(chunk, dict) or _TELLING_KEYS.isdisjoint(chunk):
            continue
        measured = _measured_by_bedrock(_object(chunk, _INVOCATION_METRICS)).filled_from(measured)
        stated = _stated_by_model(chunk).filled_from(stated)
        opening = _opening_of_stream(chunk).filled_from(opening)
        latency_ms = _first_known(_latency_ms(chunk), latency_ms)
        is_intervention = is_intervention or chunk.get(_GUARDRAIL_ACTION) == "INTERVENED"
    evidence = measured.filled_from(stated).filled_from(opening)
    return BodyUsage(evidence, latency_ms, is_intervention)


def _measured_by_bedrock(metrics: JsonObject) -> Evidence:
    return Evidence(
        TokenCounts(
            read_count(metrics.get("inputTokenCount")),
            read_count(metrics.get("outputTokenCount")),
            read_count(metrics.get("cacheReadInputTokenCount")),
            read_count(metrics.get("cacheWriteInputTokenCount")),
        )
    )


def _stated_by_model(chunk: JsonObject) -> Evidence:
    """Read one object in the shapes of all providers; the first that tells something counts."""
    for usage in (_object(chunk, "usage"), _object(_object(chunk, "metadata"), "usage")):
        evidence = _usage_block(usage)
        if evidence.tokens != UNKNOWN_COUNTS:
            return evidence
    for tokens in (_titan(chunk), _llama(chunk), _cohere(chunk), _jurassic(chunk)):
        if not tokens.is_missing:
            return Evidence(tokens)
    return NO_EVIDENCE


def _opening_of_stream(chunk: JsonObject) -> Evidence:
    """Read Anthropic's `message_start`, whose output count is provisional and so left out."""
    tokens = _usage_block(_object(_object(chunk, "message"), "usage")).tokens
    return Evidence(
        TokenCounts(
            input=tokens.input,
            cache_read=tokens.cache_read,
            cache_write=tokens.cache_write,
            cache_write_1h=tokens.cache_write_1h,
        )
    )


def _usage_block(usage: JsonObject) -> Evidence:
    """Read a `usage` object: Converse's and Nova's, Anthropic's, or OpenAI's."""
    if not usage:
        return NO_EVIDENCE
    prompt = read_count(usage.get("prompt_tokens"))
    completion = read_count(usage.get("completion_tokens"))
    input_tokens = _count(usage, "inputTokens", "input_tokens")
    output_tokens = _count(usage, "outputTokens", "output_tokens")
    if input_tokens is None and output_tokens is None and (prompt, completion) != (None, None):
        return _openai(prompt, completion, _object(usage, "prompt_tokens_details"))
    cache_write = _count(
        usage, "cacheWriteInputTokens", "cacheWriteInputTokenCount", "cache_creation_input_tokens"
    )
    five_minutes, one_hour = _cache_write_split(usage)
    split = sum_known(five_minutes, one_hour)
    if cache_write is None:
        cache_write = split
    return Evidence(
        TokenCounts(
            input_tokens,
            output_tokens,
            _count(
                usage,
                "cacheReadInputTokens",
                "cacheReadInputTokenCount",
                "cache_read_input_tokens",
            ),
            cache_write,
            (one_hour or 0) if split is not None and split == cache_write else None,
        )
    )


def _openai(prompt: int | None, completion: int | None, details: JsonObject) -> Evidence:
    """Take cached tokens out of the prompt count that holds them."""
    cached = read_count(details.get("cached_tokens"))
    if prompt is None or cached is None:
        return Evidence(TokenCounts(prompt, completion))
    return Evidence(
        TokenCounts(max(prompt - cached, 0), completion, cache_read=cached),
        is_cache_split_from_input=True,
    )


def _cache_write_split(usage: JsonObject) -> tuple[int | None, int | None]:
    """Tokens written to the cache for five minutes and for an hour."""
    creation = _object(usage, "cache_creation")
    five_minutes = read_count(creation.get("ephemeral_5m_input_tokens"))
    one_hour = read_count(creation.get("ephemeral_1h_input_tokens"))
    details = usage.get("cacheDetails")
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict):
            written = read_count(detail.get("inputTokens"))
            match detail.get("ttl"):
                case "5m":
                    five_minutes = sum_known(five_minutes, written)
                case "1h":
                    one_hour = sum_known(one_hour, written)
    return five_minutes, one_hour


def _titan(chunk: JsonObject) -> TokenCounts:
    output = read_count(chunk.get("totalOutputTextTokenCount"))
    results = chunk.get("results")
    if output is None and isinstance(results, list):
        output = _sum_all(
            [
                read_count(result.get("tokenCount")) if isinstance(result, dict) else None
                for result in results
            ]
        )
    return TokenCounts(read_count(chunk.get("inputTextTokenCount")), output)


def _llama(chunk: JsonObject) -> TokenCounts:
    return TokenCounts(
        read_count(chunk.get("prompt_token_count")),
        read_count(chunk.get("generation_token_count")),
    )


def _cohere(chunk: JsonObject) -> TokenCounts:
    meta = _object(chunk, "meta")
    units = _object(meta, "billed_units") or _object(meta, "tokens")
    return TokenCounts(
        read_count(units.get("input_tokens")), read_count(units.get("output_tokens"))
    )


def _jurassic(chunk: JsonObject) -> TokenCounts:
    """AI21's Jurassic-2 counts nothing but lists its tokens."""
    completions = chunk.get("completions")
    return TokenCounts(
        _length(_object(chunk, "prompt").get("tokens")),
        _sum_all(
            [
                _length(_object(completion, "data").get("tokens"))
                for completion in (completions if isinstance(completions, list) else [])
            ]
        ),
    )


def _latency_ms(chunk: JsonObject) -> int | None:
    return _first_known(
        read_count(_object(chunk, _INVOCATION_METRICS).get("invocationLatency")),
        read_count(_object(chunk, "metrics").get("latencyMs")),
        read_count(_object(_object(chunk, "metadata"), "metrics").get("latencyMs")),
    )


def _object(parent: JsonValue, key: str) -> JsonObject:
    """The object under a key; an empty one where there is none."""
    child = parent.get(key) if isinstance(parent, dict) else None
    return child if isinstance(child, dict) else _EMPTY


def _count(usage: JsonObject, *names: str) -> int | None:
    """The first readable count under one of several names."""
    return _first_known(*(read_count(usage.get(name)) for name in names))


def _first_known(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)


def _length(tokens: JsonValue) -> int | None:
    return len(tokens) if isinstance(tokens, list) else None


def _sum_all(counts: list[int | None]) -> int | None:
    """The sum where every part is known: part of a sum would be an invented count."""
    return sum_known(*counts) if None not in counts else None
