"""Reads the usage of a call from its response body: by shape, at fixed paths, without raising.

Models and containers write bodies, so a body only fills in or refines what Bedrock itself logs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from lambdas.domain.invocations.billed_units import (
    UNIT_KEYS,
    USAGE_UNIT_KEYS,
    UnitCounts,
    count_listed_images,
    read_units,
)
from lambdas.domain.invocations.decoding import JsonObject, JsonValue
from lambdas.domain.invocations.json_paths import get_object
from lambdas.domain.invocations.reported_usage import (
    NO_USAGE,
    USAGE_KEYS,
    ReportedUsage,
    fill_counts,
    read_reported_usage,
    read_stream_opening,
)
from lambdas.domain.invocations.service_tier import read_latency_tier, read_service_tier
from lambdas.domain.invocations.token_counts import UNKNOWN_COUNTS, TokenCounts, read_count

_INVOCATION_METRICS = "amazon-bedrock-invocationMetrics"
_GUARDRAIL_ACTION = "amazon-bedrock-guardrailAction"
_MAX_OPENING_CHUNKS = 8
"""The most chunks of a stream that are searched for the model's name: the first one has it."""


class BodyUsage(NamedTuple):
    """The usage that a response body reports.

    Attributes:
        measured: Token counts that Bedrock itself measured.
        reported: Token counts as the model reports them.
        latency_ms: Time that the model took, in milliseconds.
        is_guardrail_intervention: Whether a guardrail replaced the answer. The counts of such a
            body may be those of the replacement.
        service_tier: The tier in which the call was served, `STANDARD_TIER` included.
        latency_tier: The same for latency-optimized serving.
        units: Counts of units other than tokens.
        listed_images: Images that the response lists.
    """

    measured: TokenCounts = UNKNOWN_COUNTS
    reported: ReportedUsage = NO_USAGE
    latency_ms: int | None = None
    is_guardrail_intervention: bool = False
    service_tier: str | None = None
    latency_tier: str | None = None
    units: UnitCounts | None = None
    listed_images: int = 0


def read_body_usage(body: JsonValue) -> BodyUsage:
    """Read a response body of any model: an object or a list of stream chunks.

    Later chunks go before earlier ones: streams count cumulatively.
    """
    measured, reported, opening = UNKNOWN_COUNTS, NO_USAGE, NO_USAGE
    latency_ms: int | None = None
    service_tier = latency_tier = None
    is_intervention = False
    units: UnitCounts = {}
    listed_images = 0
    for chunk in _list_chunks(body):
        # A stream has hundreds of chunks, and a handful of them report something.
        if not isinstance(chunk, dict) or not reports_usage(chunk):
            continue
        metadata, usage = get_object(chunk, "metadata"), get_object(chunk, "usage")
        metrics = get_object(chunk, _INVOCATION_METRICS)
        if metrics:
            measured = fill_counts(_read_measured(metrics), measured)
        if metrics or "metrics" in chunk or "metrics" in metadata:
            chunk_ms = _read_latency_ms(chunk, metadata, metrics)
            latency_ms = latency_ms if chunk_ms is None else chunk_ms
        reported = read_reported_usage(chunk, usage, metadata).filled_from(reported)
        if "message" in chunk:
            opening = read_stream_opening(chunk).filled_from(opening)
        service_tier = _read_service_tier(chunk, metadata, usage) or service_tier
        if "performanceConfig" in chunk or "performanceConfig" in metadata:
            latency_tier = _read_latency_tier(chunk, metadata) or latency_tier
        is_intervention = is_intervention or chunk.get(_GUARDRAIL_ACTION) == "INTERVENED"
        if (
            "trace" in metadata
            or not UNIT_KEYS.isdisjoint(chunk)
            or not USAGE_UNIT_KEYS.isdisjoint(usage)
        ):
            read_units(chunk, usage, metadata, units)
            listed_images = max(listed_images, count_listed_images(chunk))
    return BodyUsage(
        measured,
        reported.filled_from(opening),
        latency_ms,
        is_intervention,
        service_tier,
        latency_tier,
        units,
        listed_images,
    )


def reports_usage(chunk: JsonObject) -> bool:
    """Say if a chunk of a stream can report something that `read_body_usage` reads."""
    return not _REPORTING_KEYS.isdisjoint(chunk)


def read_served_model(body: JsonValue) -> JsonValue:
    """The name of the model that answered, as the response of Anthropic's or OpenAI's API has it.

    A stream names it in its first chunk: `message.model` in Anthropic's, `response.model` in one
    of the Responses API, else `model`.
    """
    for chunk in islice(_list_chunks(body), _MAX_OPENING_CHUNKS):
        if isinstance(chunk, dict):
            for parent in (get_object(chunk, "message"), get_object(chunk, "response"), chunk):
                if isinstance(parent.get("model"), str):
                    return parent["model"]
    return None


def read_routed_model(body: JsonValue) -> JsonValue:
    """The model that a prompt router invoked, from Converse's trace or its stream's metadata."""
    for chunk in _list_chunks(body):
        if isinstance(chunk, dict):
            for parent in (chunk, get_object(chunk, "metadata")):
                router = get_object(get_object(parent, "trace"), "promptRouter")
                if router:
                    return router.get("invokedModelId")
    return None


def _list_chunks(body: JsonValue) -> Iterator[JsonValue]:
    """The chunks of a stream, or the one object of a whole answer."""
    return iter(body if isinstance(body, list) else (body,))


def _read_measured(metrics: JsonObject) -> TokenCounts:
    return TokenCounts(
        read_count(metrics.get("inputTokenCount")),
        read_count(metrics.get("outputTokenCount")),
        read_count(metrics.get("cacheReadInputTokenCount")),
        read_count(metrics.get("cacheWriteInputTokenCount")),
    )


_REPORTING_KEYS = frozenset(
    {_INVOCATION_METRICS, _GUARDRAIL_ACTION, "metrics", "serviceTier", "service_tier"}
    | {"performanceConfig"}
).union(USAGE_KEYS, UNIT_KEYS)


def _read_latency_ms(
    chunk: JsonObject, metadata: JsonObject, invocation_metrics: JsonObject
) -> int | None:
    measured = read_count(invocation_metrics.get("invocationLatency"))
    if measured is not None:
        return measured
    metrics = get_object(chunk, "metrics") or get_object(metadata, "metrics")
    return read_count(metrics.get("latencyMs"))


def _read_service_tier(chunk: JsonObject, metadata: JsonObject, usage: JsonObject) -> str | None:
    """Read a tier where Converse, its stream, OpenAI or Anthropic report it.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ServiceTier.html
    """
    converse = get_object(chunk, "serviceTier") or get_object(metadata, "serviceTier")
    if converse:
        tier = read_service_tier(converse.get("type"))
        if tier is not None:
            return tier
    parents = [chunk, usage]
    if "response" in chunk:
        parents.append(get_object(chunk, "response"))
    if "message" in chunk:
        parents.append(get_object(get_object(chunk, "message"), "usage"))
    for parent in parents:
        if "service_tier" in parent:
            tier = read_service_tier(parent["service_tier"])
            if tier is not None:
                return tier
    return None


def _read_latency_tier(chunk: JsonObject, metadata: JsonObject) -> str | None:
    """Read whether Converse or its stream served a call with optimized latency.

    https://docs.aws.amazon.com/bedrock/latest/userguide/latency-optimized-inference.html
    """
    config = get_object(chunk, "performanceConfig") or get_object(metadata, "performanceConfig")
    return read_latency_tier(config.get("latency"))
