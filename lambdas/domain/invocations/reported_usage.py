"""Token counts as a response reports them, in the shapes of all providers.

Some providers count cached tokens inside the input and some beside it. A `ReportedUsage` keeps
the counts as they stand; `cached_input` separates them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from lambdas.domain.invocations.decoding import JsonObject, JsonValue
from lambdas.domain.invocations.json_paths import first_count, get_object, list_objects
from lambdas.domain.invocations.token_counts import (
    UNKNOWN_COUNTS,
    TokenCounts,
    read_count,
    sum_known,
)

MAX_ITERATIONS = 1000
"""A list of more samplings is not read: no answer needs as many."""


class ReportedUsage(NamedTuple):
    """Token counts as one place reports them.

    Attributes:
        counts: The counts as they stand, not yet disjoint.
        total: The reported sum of all tokens.
        reasoning: Output tokens spent on reasoning; most providers include them in the output.
        is_inclusive: Whether the shape puts cached tokens inside the input count (OpenAI's) or
            beside it (Anthropic's); `None` where the shape leaves it open.
        samplings: The counts of each sampling, after those that the object itself reports, where
            one answer was made of several. `counts` is then their sum.
    """

    counts: TokenCounts = UNKNOWN_COUNTS
    total: int | None = None
    reasoning: int | None = None
    is_inclusive: bool | None = None
    samplings: tuple[TokenCounts, ...] = ()

    @property
    def largest_sampling_tokens(self) -> int | None:
        """The input of the largest of several samplings, cached tokens included."""
        parts = self.samplings[1:]
        return max(counts.total_input or 0 for counts in parts) if len(parts) > 1 else None

    def filled_from(self, other: ReportedUsage) -> ReportedUsage:
        """Return these counts, with missing ones filled from `other`."""
        if other is NO_USAGE:
            return self
        if self is NO_USAGE:
            return other
        summary = other if self.counts.is_missing else self
        return ReportedUsage(
            fill_counts(self.counts, other.counts),
            summary.total,
            summary.reasoning,
            other.is_inclusive if self.is_inclusive is None else self.is_inclusive,
            self.samplings or other.samplings,
        )


NO_USAGE = ReportedUsage()


def fill_counts(mine: TokenCounts, theirs: TokenCounts) -> TokenCounts:
    """Keep every count of the first, and take from the second those that it lacks.

    The part of cache writes kept for an hour belongs to its sum and moves only with it.
    """
    if theirs is UNKNOWN_COUNTS:
        return mine
    if mine is UNKNOWN_COUNTS:
        return theirs
    cache_write = theirs.cache_write if mine.cache_write is None else mine.cache_write
    cache_write_1h = mine.cache_write_1h
    if cache_write_1h is None and cache_write == theirs.cache_write:
        cache_write_1h = theirs.cache_write_1h
    return TokenCounts(
        theirs.input if mine.input is None else mine.input,
        theirs.output if mine.output is None else mine.output,
        theirs.cache_read if mine.cache_read is None else mine.cache_read,
        cache_write,
        cache_write_1h,
    )


def read_reported_usage(
    chunk: JsonObject, usage: JsonObject, metadata: JsonObject
) -> ReportedUsage:
    """Read one object in the shapes of all providers; the first that holds counts stands.

    Args:
        chunk: The object.
        usage: The object's own `usage`.
        metadata: Its `metadata`, in which Converse's stream reports usage.
    """
    usage = (
        usage
        or get_object(metadata, "usage")
        or get_object(get_object(chunk, "response"), "usage")  # a stream of the Responses API
    )
    reported = read_usage_block(usage) if usage else NO_USAGE
    if not reported.counts.is_missing:
        return reported
    for keys, read_shape in _OWN_SHAPES:
        if not keys.isdisjoint(chunk):
            counts = read_shape(chunk)
            if not counts.is_missing:
                return ReportedUsage(counts).filled_from(reported)
    return reported


def read_stream_opening(chunk: JsonObject) -> ReportedUsage:
    """Read Anthropic's `message_start`, whose output count is provisional and so left out."""
    usage = get_object(get_object(chunk, "message"), "usage")
    counts, is_inclusive = _read_counts(usage) if usage else (UNKNOWN_COUNTS, None)
    counts = counts._replace(output=None)
    return NO_USAGE if counts == UNKNOWN_COUNTS else ReportedUsage(counts, None, None, is_inclusive)


def read_usage_block(usage: JsonObject) -> ReportedUsage:
    """Read a `usage` object: Converse's and Nova's, Anthropic's, OpenAI's or Cohere's."""
    counts, is_inclusive = _read_counts(usage)
    if counts.is_missing and "billed_units" in usage:
        counts = _read_cohere_units(usage)
    reasoning: int | None = None
    samplings: tuple[TokenCounts, ...] = ()
    if not _REASONING_KEYS.isdisjoint(usage):
        reasoning = _read_reasoning(usage)
    if "iterations" in usage:
        samplings = _read_samplings(usage["iterations"])
    if samplings:
        samplings = (counts, *samplings)
        counts = _sum_samplings(samplings)
    if counts == UNKNOWN_COUNTS:
        return NO_USAGE
    total = None if samplings else first_count(usage, "totalTokens", "total_tokens")
    return ReportedUsage(counts, total, reasoning, is_inclusive, samplings)


_CONVERSE_KEYS = frozenset(
    {"inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"}
)
_INCLUSIVE_KEYS = frozenset(
    {
        *("prompt_tokens", "prompt_tokens_details", "input_tokens_details"),
        *("prompt_cache_hit_tokens", "cached_tokens"),
    }
)
_REASONING_KEYS = frozenset({"completion_tokens_details", "output_tokens_details"})


def _read_counts(usage: JsonObject) -> tuple[TokenCounts, bool | None]:
    """The counts of a usage object, and whether its shape puts cached tokens inside the input."""
    is_inclusive = None
    if not _CONVERSE_KEYS.isdisjoint(usage):
        input_tokens = read_count(usage.get("inputTokens"))
        output_tokens = read_count(usage.get("outputTokens"))
        cache_read = first_count(usage, "cacheReadInputTokens", "cacheReadInputTokenCount")
        cache_write = first_count(usage, "cacheWriteInputTokens", "cacheWriteInputTokenCount")
    else:
        input_tokens = read_count(usage.get("input_tokens"))
        output_tokens = first_count(usage, "output_tokens", "completion_tokens")
        cache_read = read_count(usage.get("cache_read_input_tokens"))
        cache_write = read_count(usage.get("cache_creation_input_tokens"))
        is_inclusive = None if cache_read is cache_write is None else False
    cache_write_1h = None
    if not _SPLIT_KEYS.isdisjoint(usage):
        cache_write, cache_write_1h = _split_cache_write(usage, cache_write)
    if not _INCLUSIVE_KEYS.isdisjoint(usage):
        if input_tokens is None:
            input_tokens = read_count(usage.get("prompt_tokens"))
            is_inclusive = is_inclusive if input_tokens is None else True
        if cache_read is cache_write is None:
            cache_read, cache_write = _read_cached_inside(usage)
            is_inclusive = is_inclusive if cache_read is cache_write is None else True
    counts = TokenCounts(input_tokens, output_tokens, cache_read, cache_write, cache_write_1h)
    return counts, is_inclusive


def _read_cached_inside(usage: JsonObject) -> tuple[int | None, int | None]:
    """Cached tokens that OpenAI's shapes report as parts of the prompt: read and written."""
    details = get_object(usage, "prompt_tokens_details") or get_object(
        usage, "input_tokens_details"
    )
    cache_read = read_count(details.get("cached_tokens"))
    if cache_read is None:  # as DeepSeek and Moonshot name them
        cache_read = first_count(usage, "prompt_cache_hit_tokens", "cached_tokens")
    return cache_read, read_count(details.get("cache_write_tokens"))


def _read_reasoning(usage: JsonObject) -> int | None:
    details = get_object(usage, "completion_tokens_details") or get_object(
        usage, "output_tokens_details"
    )
    return read_count(details.get("reasoning_tokens"))


def _read_samplings(iterations: JsonValue) -> tuple[TokenCounts, ...]:
    """The counts of each sampling that one answer was made of; empty where the list is unusual.

    Source: https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-compaction.html
    """
    if not isinstance(iterations, list) or len(iterations) > MAX_ITERATIONS:
        return ()
    return tuple(_read_counts(iteration)[0] for iteration in list_objects(iterations))


def _sum_samplings(samplings: tuple[TokenCounts, ...]) -> TokenCounts:
    """The sum of all samplings but the first, which is the object's own; never less than that."""
    own, *parts = samplings
    sums = TokenCounts(*(_sum_kind(counts) for counts in zip(*parts, strict=True)))
    raised = TokenCounts(
        *(
            max((count for count in pair if count is not None), default=None)
            for pair in zip(own, sums, strict=True)
        )
    )
    cache_write_1h = None
    if raised.cache_write == sums.cache_write:
        cache_write_1h = _sum_one_hour_writes(parts)
    if cache_write_1h is None and raised.cache_write == own.cache_write:
        cache_write_1h = own.cache_write_1h
    return raised._replace(cache_write_1h=cache_write_1h)


def _sum_kind(counts: Iterable[int | None]) -> int | None:
    return read_count(sum_known(*counts))


def _sum_one_hour_writes(parts: Iterable[TokenCounts]) -> int | None:
    """Tokens kept for an hour, where every sampling that writes reports how long."""
    writing = [counts for counts in parts if counts.cache_write]
    return _sum_all(counts.cache_write_1h for counts in writing) if writing else None


_SPLIT_KEYS = frozenset({"cache_creation", "cacheDetails"})
_CACHE_CREATION_KEYS = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
_ONE_HOUR = ("ephemeral_1h_input_tokens", "1h")
_TIMES_TO_LIVE = frozenset({*_CACHE_CREATION_KEYS, "5m", "1h"})


def _split_cache_write(usage: JsonObject, cache_write: int | None) -> tuple[int | None, int | None]:
    """Tokens written to the cache, and those of them kept for an hour if the parts add up."""
    creation = get_object(usage, "cache_creation")
    parts = (
        [(key, creation[key]) for key in _CACHE_CREATION_KEYS if key in creation]
        if creation
        else [
            (detail.get("ttl"), detail.get("inputTokens"))
            for detail in list_objects(usage.get("cacheDetails"))
        ]
    )
    whole = _sum_all(read_count(written) for _, written in parts)
    is_known = all(isinstance(ttl, str) and ttl in _TIMES_TO_LIVE for ttl, _ in parts)
    if whole is None or not is_known or cache_write not in (None, whole):
        return cache_write, None
    return whole, sum(read_count(written) or 0 for ttl, written in parts if ttl in _ONE_HOUR)


def _read_titan(chunk: JsonObject) -> TokenCounts:
    output = read_count(chunk.get("totalOutputTextTokenCount"))
    if output is None:
        output = _sum_all(
            read_count(result.get("tokenCount")) for result in list_objects(chunk.get("results"))
        )
    return TokenCounts(read_count(chunk.get("inputTextTokenCount")), output)


def _read_llama(chunk: JsonObject) -> TokenCounts:
    return TokenCounts(
        read_count(chunk.get("prompt_token_count")),
        read_count(chunk.get("generation_token_count")),
    )


def _read_cohere(chunk: JsonObject) -> TokenCounts:
    return _read_cohere_units(get_object(chunk, "meta"))


def _read_cohere_units(parent: JsonObject) -> TokenCounts:
    """Cohere's billed tokens; where it bills other units (reranking), the tokens it counted."""
    billed, counted = (
        TokenCounts(read_count(units.get("input_tokens")), read_count(units.get("output_tokens")))
        for units in (get_object(parent, "billed_units"), get_object(parent, "tokens"))
    )
    return counted if billed.is_missing else billed


def _read_jurassic(chunk: JsonObject) -> TokenCounts:
    """AI21's Jurassic-2 counts nothing but lists its tokens."""
    return TokenCounts(
        _length(get_object(chunk, "prompt").get("tokens")),
        _sum_all(
            _length(get_object(completion, "data").get("tokens"))
            for completion in list_objects(chunk.get("completions"))
        ),
    )


# Shapes of their own, each with the keys that give it away.
_OWN_SHAPES: tuple[tuple[frozenset[str], Callable[[JsonObject], TokenCounts]], ...] = (
    (frozenset({"inputTextTokenCount", "totalOutputTextTokenCount", "results"}), _read_titan),
    (frozenset({"prompt_token_count", "generation_token_count"}), _read_llama),
    (frozenset({"meta"}), _read_cohere),
    (frozenset({"prompt", "completions"}), _read_jurassic),
)
USAGE_KEYS = frozenset({"usage", "metadata", "response", "message"}).union(
    *(keys for keys, _ in _OWN_SHAPES)
)
"""The keys of an object that may report usage."""


def _length(tokens: JsonValue) -> int | None:
    return len(tokens) if isinstance(tokens, list) else None


def _sum_all(counts: Iterable[int | None]) -> int | None:
    """The sum where every part is known: part of a sum would be an invented count."""
    known = list(counts)
    return None if None in known else read_count(sum_known(*known))
