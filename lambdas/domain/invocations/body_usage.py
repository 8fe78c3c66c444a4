"""What a response body tells of its tokens: by its shape, at fixed paths, and never in doubt.

Bodies are written by models and containers, so they only fill in what Bedrock left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from lambdas.domain.invocations.decoding import JsonObject, JsonValue, decode_json
from lambdas.domain.invocations.service_tier import STANDARD_TIER, read_service_tier
from lambdas.domain.invocations.token_counts import (
    UNKNOWN_COUNTS,
    TokenCounts,
    read_count,
    sum_known,
)

_INVOCATION_METRICS = "amazon-bedrock-invocationMetrics"
_GUARDRAIL_ACTION = "amazon-bedrock-guardrailAction"
_EMPTY: JsonObject = {}


class Evidence(NamedTuple):
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
        if theirs is UNKNOWN_COUNTS:
            return self
        if mine is UNKNOWN_COUNTS:
            return other
        input_tokens, cache_read, is_split = self._input_and_cache_read(other)
        cache_write = theirs.cache_write if mine.cache_write is None else mine.cache_write
        cache_write_1h = mine.cache_write_1h
        if cache_write_1h is None and cache_write == theirs.cache_write:
            cache_write_1h = theirs.cache_write_1h
        output_tokens = theirs.output if mine.output is None else mine.output
        return Evidence(
            TokenCounts(input_tokens, output_tokens, cache_read, cache_write, cache_write_1h),
            is_split,
        )

    def _input_and_cache_read(self, other: Evidence) -> tuple[int | None, int | None, bool]:
        """Fill in two counts that hang together where one was split from the other."""
        mine, theirs = self.tokens, other.tokens
        input_tokens = theirs.input if mine.input is None else mine.input
        if not other.is_cache_split_from_input:
            cache_read = theirs.cache_read if mine.cache_read is None else mine.cache_read
            return input_tokens, cache_read, self.is_cache_split_from_input
        if mine.input not in (None, theirs.input):  # it may still hold the cached tokens
            return mine.input, mine.cache_read, self.is_cache_split_from_input
        if mine.cache_read is not None and mine.input is None:  # split the prompt by this count
            prompt = (theirs.input or 0) + (theirs.cache_read or 0)
            return max(prompt - mine.cache_read, 0), mine.cache_read, True
        return input_tokens, theirs.cache_read if mine.cache_read is None else mine.cache_read, True


NO_EVIDENCE = Evidence()


class BodyUsage(NamedTuple):
    """What a response body tells.

    Attributes:
        evidence: Its token counts.
        latency_ms: How long the model took, in milliseconds.
        is_guardrail_intervention: Whether a guardrail replaced the answer. The counts of such a
            body may be those of the replacement.
        service_tier: In which the call was served, if not in the standard one.
    """

    evidence: Evidence = NO_EVIDENCE
    latency_ms: int | None = None
    is_guardrail_intervention: bool = False
    service_tier: str | None = None


def read_body_usage(body: JsonValue) -> BodyUsage:
    """Read a response body of any model: an object, a list of stream chunks, or either as text.

    What Bedrock itself measured (`amazon-bedrock-invocationMetrics`) goes before what a model's
    chunks say, and later chunks before earlier ones: streams count cumulatively.
    """
    if isinstance(body, str):
        body = decode_json(body)
    measured = stated = opening = NO_EVIDENCE
    latency_ms: int | None = None
    service_tier: str | None = None
    is_intervention = False
    for chunk in body if isinstance(body, list) else (body,):
        # A stream has hundreds of chunks, and a handful of them tell something.
        if not isinstance(chunk, dict) or _TELLING_KEYS.isdisjoint(chunk):
            continue
        metrics = _object(chunk, _INVOCATION_METRICS)
        if metrics:
            measured = _measured_by_bedrock(metrics).filled_from(measured)
        stated = _stated_by_model(chunk).filled_from(stated)
        if "message" in chunk:
            opening = _opening_of_stream(chunk).filled_from(opening)
        told_ms = _latency_ms(chunk, metrics)
        latency_ms = latency_ms if told_ms is None else told_ms
        service_tier = _service_tier(chunk) or service_tier
        is_intervention = is_intervention or chunk.get(_GUARDRAIL_ACTION) == "INTERVENED"
    evidence = measured.filled_from(stated).filled_from(opening)
    other_tier = None if service_tier == STANDARD_TIER else service_tier
    return BodyUsage(evidence, latency_ms, is_intervention, other_tier)


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
    usage = _object(chunk, "usage") or _object(_object(chunk, "metadata"), "usage")
    stated = _usage_block(usage) if usage else NO_EVIDENCE
    if not stated.tokens.is_missing:
        return stated
    for keys, read_shape in _OWN_SHAPES:
        if not keys.isdisjoint(chunk):
            tokens = read_shape(chunk)
            if not tokens.is_missing:
                return Evidence(tokens).filled_from(stated)
    return stated


def _opening_of_stream(chunk: JsonObject) -> Evidence:
    """Read Anthropic's `message_start`, whose output count is provisional and so left out."""
    tokens = _usage_block(_object(_object(chunk, "message"), "usage")).tokens
    return Evidence(tokens._replace(output=None))


def _usage_block(usage: JsonObject) -> Evidence:
    """Read a `usage` object: Converse's and Nova's, Anthropic's, or OpenAI's."""
    input_tokens = _count(usage, "inputTokens", "input_tokens")
    output_tokens = _count(usage, "outputTokens", "output_tokens")
    if input_tokens is None and output_tokens is None:
        openai = _openai_usage_block(usage)
        if not openai.tokens.is_missing:
            return openai
    cache_read = _count(
        usage, "cacheReadInputTokens", "cacheReadInputTokenCount", "cache_read_input_tokens"
    )
    cache_write = _count(
        usage, "cacheWriteInputTokens", "cacheWriteInputTokenCount", "cache_creation_input_tokens"
    )
    cache_write_1h = None
    if not _SPLIT_KEYS.isdisjoint(usage):
        cache_write, cache_write_1h = _split_cache_write(usage, cache_write)
    return Evidence(
        TokenCounts(input_tokens, output_tokens, cache_read, cache_write, cache_write_1h)
    )


def _openai_usage_block(usage: JsonObject) -> Evidence:
    """Take cached tokens out of the prompt count that holds them."""
    prompt = read_count(usage.get("prompt_tokens"))
    completion = read_count(usage.get("completion_tokens"))
    cached = read_count(_object(usage, "prompt_tokens_details").get("cached_tokens"))
    if prompt is None or cached is None:
        return Evidence(TokenCounts(prompt, completion))
    return Evidence(
        TokenCounts(max(prompt - cached, 0), completion, cache_read=cached),
        is_cache_split_from_input=True,
    )


_SPLIT_KEYS = frozenset({"cache_creation", "cacheDetails"})
_CACHE_CREATION_KEYS = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
_ONE_HOUR = ("ephemeral_1h_input_tokens", "1h")
_TIMES_TO_LIVE = frozenset({*_CACHE_CREATION_KEYS, "5m", "1h"})


def _split_cache_write(usage: JsonObject, cache_write: int | None) -> tuple[int | None, int | None]:
    """Tokens written to the cache, and those of them kept for an hour if the parts add up."""
    creation = _object(usage, "cache_creation")
    parts = (
        [(key, creation[key]) for key in _CACHE_CREATION_KEYS if key in creation]
        if creation
        else [(it.get("ttl"), it.get("inputTokens")) for it in _objects(usage.get("cacheDetails"))]
    )
    whole = _sum_all(read_count(written) for _, written in parts)
    is_known = all(isinstance(ttl, str) and ttl in _TIMES_TO_LIVE for ttl, _ in parts)
    if whole is None or not is_known or cache_write not in (None, whole):
        return cache_write, None
    return whole, sum(read_count(written) or 0 for ttl, written in parts if ttl in _ONE_HOUR)


def _titan(chunk: JsonObject) -> TokenCounts:
    output = read_count(chunk.get("totalOutputTextTokenCount"))
    if output is None:
        output = _sum_all(
            read_count(result.get("tokenCount")) for result in _objects(chunk.get("results"))
        )
    return TokenCounts(read_count(chunk.get("inputTextTokenCount")), output)


def _llama(chunk: JsonObject) -> TokenCounts:
    return TokenCounts(
        read_count(chunk.get("prompt_token_count")),
        read_count(chunk.get("generation_token_count")),
    )


def _cohere(chunk: JsonObject) -> TokenCounts:
    meta = _object(chunk, "meta")
    billed, counted = (
        TokenCounts(read_count(units.get("input_tokens")), read_count(units.get("output_tokens")))
        for units in (_object(meta, "billed_units"), _object(meta, "tokens"))
    )
    return counted if billed.is_missing else billed  # reranking bills other units


def _jurassic(chunk: JsonObject) -> TokenCounts:
    """AI21's Jurassic-2 counts nothing but lists its tokens."""
    return TokenCounts(
        _length(_object(chunk, "prompt").get("tokens")),
        _sum_all(
            _length(_object(completion, "data").get("tokens"))
            for completion in _objects(chunk.get("completions"))
        ),
    )


# Shapes of their own, each with the keys that give it away.
_OWN_SHAPES: tuple[tuple[frozenset[str], Callable[[JsonObject], TokenCounts]], ...] = (
    (frozenset({"inputTextTokenCount", "totalOutputTextTokenCount", "results"}), _titan),
    (frozenset({"prompt_token_count", "generation_token_count"}), _llama),
    (frozenset({"meta"}), _cohere),
    (frozenset({"prompt", "completions"}), _jurassic),
)
_TELLING_KEYS = frozenset(
    {
        *(_INVOCATION_METRICS, _GUARDRAIL_ACTION, "usage", "metadata", "metrics", "message"),
        *("serviceTier", "service_tier"),
    }
).union(*(keys for keys, _ in _OWN_SHAPES))


def _latency_ms(chunk: JsonObject, invocation_metrics: JsonObject) -> int | None:
    measured = read_count(invocation_metrics.get("invocationLatency"))
    if measured is not None:
        return measured
    metrics = _object(chunk, "metrics") or _object(_object(chunk, "metadata"), "metrics")
    return read_count(metrics.get("latencyMs"))


def _service_tier(chunk: JsonObject) -> str | None:
    """Read a tier where Converse, its stream, OpenAI or Anthropic tell it.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ServiceTier.html
    """
    converse = _object(chunk, "serviceTier") or _object(_object(chunk, "metadata"), "serviceTier")
    usages = _object(chunk, "usage"), _object(_object(chunk, "message"), "usage")
    told = (
        converse.get("type"),
        *(it.get("service_tier") for it in (chunk, *usages)),
    )
    return next(filter(None, map(read_service_tier, told)), None)


def _object(parent: JsonObject, key: str) -> JsonObject:
    """The object under a key; an empty one where there is none."""
    child = parent.get(key)
    return child if isinstance(child, dict) else _EMPTY


def _objects(value: JsonValue) -> list[JsonObject]:
    """The objects of a list; none where it is no list of objects alone."""
    if isinstance(value, list) and all(isinstance(element, dict) for element in value):
        return value
    return []


def _count(usage: JsonObject, *names: str) -> int | None:
    """The first readable count under one of several names."""
    for name in names:
        if name in usage:
            count = read_count(usage[name])
            if count is not None:
                return count
    return None


def _length(tokens: JsonValue) -> int | None:
    return len(tokens) if isinstance(tokens, list) else None


def _sum_all(counts: Iterable[int | None]) -> int | None:
    """The sum where every part is known: part of a sum would be an invented count."""
    known = list(counts)
    return None if None in known else read_count(sum_known(*known))
