"""Separates cached tokens from input tokens, in all forms in which logs report them.

`input` never contains cached tokens in a `TokenCounts`. Anthropic, Nova and Converse report them
beside the input; OpenAI's Chat Completions and Responses, and OpenAI's models on ConverseStream,
report them inside it. The shape of the body, the model and the operation decide; a reported
total checks. See `docs/counting-rules.md`.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from lambdas.domain.invocations.reported_usage import NO_USAGE, ReportedUsage, fill_counts
from lambdas.domain.invocations.token_counts import TokenCounts
from lambdas.domain.invocations.usage_doubt import UsageDoubt


class CacheReporting(Enum):
    """The place of cached tokens in the reports of a model and an operation."""

    ALWAYS_BESIDE = "always_beside"
    """Beside the input, as their documentation says; no body changes that."""
    BESIDE = "beside"
    INSIDE = "inside"
    UNKNOWN = "unknown"
    """The model is hidden or new: taken as beside, which counts no token too few."""


_DOCUMENTED_BESIDE = frozenset({"anthropic", "amazon"})
_OPENAI_OPERATIONS = frozenset({"ChatCompletions", "Responses"})
_DISJOINT_OPERATIONS = frozenset({"Converse", "Messages"})


def usual_reporting(model_id: str, operation: str) -> CacheReporting:
    """The place of a model's cached tokens by its operation, as far as is known without a body."""
    provider, dot, _ = model_id.partition(".")
    if operation in _OPENAI_OPERATIONS:
        is_other_api = provider in _DOCUMENTED_BESIDE
        return CacheReporting.UNKNOWN if is_other_api else CacheReporting.INSIDE
    if provider in _DOCUMENTED_BESIDE:
        return CacheReporting.ALWAYS_BESIDE
    if operation in _DISJOINT_OPERATIONS:
        return CacheReporting.BESIDE
    return CacheReporting.INSIDE if provider == "openai" and dot else CacheReporting.UNKNOWN


class CountedTokens(NamedTuple):
    """The disjoint counts of a call, and why their split is uncertain, if it is."""

    tokens: TokenCounts
    doubt: UsageDoubt | None = None


def separate_cached_tokens(
    logged: TokenCounts, reported: ReportedUsage, usual: CacheReporting
) -> CountedTokens:
    """Compute disjoint counts.

    Args:
        logged: The counts that Bedrock itself logs. Each goes before the body's.
        reported: The counts of the response body.
        usual: The usual place of cached tokens in reports of such calls.
    """
    if reported is NO_USAGE:
        return _separate_without_body(logged, usual)
    if reported.samplings:
        logged = _raise_single_samplings(logged, reported)
    if usual is CacheReporting.ALWAYS_BESIDE and not reported.is_inclusive:
        return _count_beside(logged, reported)
    stated = _with_logged_cache(logged, reported.counts)
    verdict = _check_total(stated, reported, usual)
    if verdict.doubt is UsageDoubt.AMBIGUOUS:
        if reported.is_inclusive:  # its cached tokens are details that do not add up
            stated = reported.counts._replace(
                cache_read=None, cache_write=None, cache_write_1h=None
            )
        return CountedTokens(fill_counts(logged, stated), verdict.doubt)
    if verdict.extra_output:
        if logged.output == stated.output:
            logged = logged._replace(output=None)
        stated = stated._replace(output=(stated.output or 0) + verdict.extra_output)
    return _combine(logged, stated, verdict, usual)


def _count_beside(logged: TokenCounts, reported: ReportedUsage) -> CountedTokens:
    """Count a call whose model is documented: a total can only raise a doubt."""
    tokens, total = fill_counts(logged, reported.counts), reported.total
    if total is None or None in (reported.counts.input, reported.counts.output):
        return CountedTokens(tokens)
    stated = _with_logged_cache(logged, reported.counts)
    return CountedTokens(tokens, None if stated.total == total else UsageDoubt.AMBIGUOUS)


def _with_logged_cache(logged: TokenCounts, stated: TokenCounts) -> TokenCounts:
    """A body's counts with the logged cache counts, where both count the same input."""
    if logged.input not in (None, stated.input) or logged.cache_read is logged.cache_write is None:
        return stated
    cached = TokenCounts(cache_read=logged.cache_read, cache_write=logged.cache_write)
    return fill_counts(cached, stated)


class _Verdict(NamedTuple):
    """The place of a body's cached tokens, and output tokens that its output count leaves out."""

    is_inside: bool
    doubt: UsageDoubt | None = None
    extra_output: int = 0


def _check_total(counts: TokenCounts, reported: ReportedUsage, usual: CacheReporting) -> _Verdict:
    """Find the reading of a body's counts that its total fits, the usual one first."""
    cached, total = _sum_cached(counts), reported.total
    input_tokens, output_tokens = counts.input, counts.output
    shape = reported.is_inclusive
    is_expected_inside = usual is CacheReporting.INSIDE if shape is None else shape
    can_be_inside = input_tokens is None or cached <= input_tokens
    if total is None or input_tokens is None or output_tokens is None:
        doubt = None
        if shape is None:
            doubt = _find_doubt(counts, usual)
        elif shape and not can_be_inside:
            doubt = UsageDoubt.UNVERIFIED
        return _Verdict(is_expected_inside and can_be_inside, doubt)
    beyond = total - input_tokens - output_tokens
    if shape is None and is_expected_inside and can_be_inside and beyond == cached:
        return _Verdict(is_inside=True)  # Converse's total adds up all counts, also inclusive ones
    for is_inside in (is_expected_inside, not is_expected_inside):
        if is_inside and not can_be_inside:
            continue
        rest = beyond if is_inside else beyond - cached
        if rest in (0, reported.reasoning):
            is_open = not is_inside and shape is None and usual is CacheReporting.UNKNOWN
            doubt = _find_doubt(counts, usual) if is_open else None
            return _Verdict(is_inside, doubt, rest)
    return _Verdict(is_inside=False, doubt=UsageDoubt.AMBIGUOUS)


def _combine(
    logged: TokenCounts, stated: TokenCounts, verdict: _Verdict, usual: CacheReporting
) -> CountedTokens:
    """Fill the logged counts in from a body's, and take out cached tokens where they are inside."""
    has_logged_cache = not (logged.cache_read is logged.cache_write is None)
    is_inside = verdict.is_inside
    if logged.input is not None:
        cached = _sum_cached(stated)
        if usual is CacheReporting.ALWAYS_BESIDE and has_logged_cache:
            is_inside = False
        elif stated.input is None or logged.input == stated.input:
            pass
        elif is_inside and logged.input == stated.input - cached:
            is_inside = False  # Bedrock has taken the cached tokens out
        elif not is_inside and usual is CacheReporting.INSIDE and cached:
            is_inside = logged.input == stated.input + cached
        elif is_inside:  # the body's cached tokens may be inside the logged input
            stated = stated._replace(cache_read=None, cache_write=None, cache_write_1h=None)
            by_model = _separate_without_body(logged, usual)
            return CountedTokens(fill_counts(by_model.tokens, stated), by_model.doubt)
    counts = fill_counts(logged, stated)
    return CountedTokens(_take_out_cached(counts) if is_inside else counts, verdict.doubt)


def _separate_without_body(logged: TokenCounts, usual: CacheReporting) -> CountedTokens:
    """Decide by model and operation alone. No log that needs this has been seen in public."""
    if usual is CacheReporting.ALWAYS_BESIDE:
        return CountedTokens(logged)
    is_inside = usual is CacheReporting.INSIDE
    tokens = _take_out_cached(logged) if is_inside else logged
    return CountedTokens(tokens, _find_doubt(logged, usual))


def _find_doubt(counts: TokenCounts, usual: CacheReporting) -> UsageDoubt | None:
    """The doubt that remains where model and operation alone decide."""
    cached = _sum_cached(counts)
    can_be_inside = counts.input is not None and cached <= counts.input
    is_open = usual is CacheReporting.INSIDE or (usual is CacheReporting.UNKNOWN and can_be_inside)
    return UsageDoubt.UNVERIFIED if cached and is_open else None


def _take_out_cached(counts: TokenCounts) -> TokenCounts:
    """Subtract cached tokens from the input; cached tokens that exceed it are beside it."""
    cached = _sum_cached(counts)
    if counts.input is None or cached > counts.input:
        return counts
    return counts._replace(input=counts.input - cached)


def _raise_single_samplings(logged: TokenCounts, reported: ReportedUsage) -> TokenCounts:
    """Put the sum of all samplings in place of each logged count that is one sampling's."""
    by_kind = zip(logged, reported.counts, zip(*reported.samplings, strict=True), strict=True)
    return TokenCounts(
        *(
            whole if _can_be_part(count, whole) and count in samplings else count
            for count, whole, samplings in by_kind
        )
    )


def _can_be_part(count: int | None, whole: int | None) -> bool:
    """Say if a count can be part of a sum."""
    return count is not None and whole is not None and count <= whole


def _sum_cached(counts: TokenCounts) -> int:
    return (counts.cache_read or 0) + (counts.cache_write or 0)
