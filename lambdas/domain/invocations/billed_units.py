"""Units other than tokens that a response reports: images, search units, seconds, guardrails.

They are read at fixed paths, from responses alone. The names of units are those of
`lambdas.domain.pricing.BilledUnit`.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TypeAlias

from lambdas.domain.invocations.decoding import JsonObject, JsonValue
from lambdas.domain.invocations.json_paths import get_object
from lambdas.domain.invocations.token_counts import read_count

BilledUnits: TypeAlias = tuple[tuple[str, int], ...]
"""Pairs of unit (see `lambdas.domain.pricing.BilledUnit`) and count, in order of the units."""

UnitCounts: TypeAlias = dict[str, int]
"""Counts by unit, while a response is being read."""

NO_UNITS: BilledUnits = ()
MAX_UNITS = 16
"""Kinds of units that are kept of one call; AWS has fewer."""
MAX_ASSESSMENTS = 100
"""Assessments of guardrails that are read of one response."""

IMAGE = "image"
SEARCH_UNIT = "search_unit"
AUDIO_SECOND = "audio_second"
VIDEO_SECOND = "video_second"

_IMAGE_LISTS = ("images", "artifacts")
_TRACE, _INVOKE_MODEL_TRACE = "trace", "amazon-bedrock-trace"
MEDIA_KEYS = frozenset({"outputImageCount", "outputVideoDurationSeconds"})
"""The keys of a log's `output` that report units."""
UNIT_KEYS = MEDIA_KEYS.union(_IMAGE_LISTS, {_TRACE, _INVOKE_MODEL_TRACE, "meta"})
"""The keys of an object that may report units."""
USAGE_UNIT_KEYS = frozenset({"billed_units", "prompt_audio_seconds", "seconds"})
"""The keys of an object's `usage` that may report units."""

# Units of a guardrail's policy. Those whose name says that they are free are not billed.
_POLICY_UNITS = re.compile(r"([a-z][A-Za-z]{0,39})Policy(Image)?Units")
_CAPITAL = re.compile(r"(?=[A-Z])")
_MAX_KEY_LENGTH = 60
_MAX_POLICIES = 32


def read_units(
    chunk: JsonObject, usage: JsonObject, metadata: JsonObject, units: UnitCounts
) -> None:
    """Add the units that one object of a response reports to those of the objects before it.

    Guardrails assess a stream part by part and their units add up. Everything else is repeated,
    and the largest count stands. Images of a list are left to `count_listed_images`.

    Args:
        chunk: The object.
        usage: The object's `usage`.
        metadata: Its `metadata`, in which Converse's stream reports a guardrail's trace.
        units: Units of the objects before it.
    """
    if "meta" in chunk:
        _read_cohere_units(get_object(chunk, "meta"), units)
    if not USAGE_UNIT_KEYS.isdisjoint(usage):
        _read_cohere_units(usage, units)
        _read_audio(usage, units)
    if not MEDIA_KEYS.isdisjoint(chunk):
        read_media(chunk, units)
    trace = chunk.get(_TRACE) or chunk.get(_INVOKE_MODEL_TRACE) or metadata.get(_TRACE)
    if isinstance(trace, dict):
        _add_guardrail_units(get_object(trace, "guardrail"), units)


def read_media(output: JsonObject, units: UnitCounts) -> None:
    """Add images and seconds of video as Bedrock counts them: in a log's `output`, or a body."""
    _raise(units, IMAGE, read_count(output.get("outputImageCount")))
    _raise(units, VIDEO_SECOND, read_seconds(output.get("outputVideoDurationSeconds")))


def count_listed_images(chunk: JsonObject) -> int:
    """The images that a response lists: those that it holds, or those that it has embedded."""
    for key in _IMAGE_LISTS:
        images = chunk.get(key)
        if isinstance(images, list) and all(isinstance(image, str | dict) for image in images):
            return len(images)
    return 0


def sort_units(units: UnitCounts) -> BilledUnits:
    """Units as a record keeps them: in order of their names."""
    return tuple(sorted(units.items())[:MAX_UNITS])


def read_seconds(value: JsonValue) -> int | None:
    """Read a duration in seconds; a part of a second counts as a whole one."""
    if isinstance(value, float) and math.isfinite(value):
        return read_count(math.ceil(value))
    return read_count(value)


def _read_cohere_units(parent: JsonObject, units: UnitCounts) -> None:
    billed = get_object(parent, "billed_units")
    _raise(units, IMAGE, read_count(billed.get("images")))
    _raise(units, SEARCH_UNIT, read_count(billed.get("search_units")))


def _read_audio(usage: JsonObject, units: UnitCounts) -> None:
    """Read seconds of audio as Mistral reports them, or OpenAI's transcriptions."""
    _raise(units, AUDIO_SECOND, read_seconds(usage.get("prompt_audio_seconds")))
    if usage.get("type") == "duration":
        _raise(units, AUDIO_SECOND, read_seconds(usage.get("seconds")))


def _raise(units: UnitCounts, unit: str, count: int | None) -> None:
    if count:
        units[unit] = max(units.get(unit, 0), count)


def _add_guardrail_units(guardrail: JsonObject, units: UnitCounts) -> None:
    for assessment in _list_assessments(guardrail)[:MAX_ASSESSMENTS]:
        if not isinstance(assessment, dict) or "invocationMetrics" not in assessment:
            continue
        usage = get_object(get_object(assessment, "invocationMetrics"), "usage")
        if len(usage) > _MAX_POLICIES:
            continue
        for key, value in usage.items():
            unit = _name_policy_unit(key) if value and len(key) <= _MAX_KEY_LENGTH else None
            if unit is not None and (count := read_count(value)):
                units[unit] = units.get(unit, 0) + count


def _list_assessments(guardrail: JsonObject) -> list[JsonValue]:
    """The assessments of a trace in both of its forms.

    Converse has `inputAssessment` (by guardrail) and `outputAssessments` (a list by guardrail),
    InvokeModel has `input` (by guardrail) and `outputs` (a list of objects by guardrail).
    Source: https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-use-converse-api.html
    """
    assessments: list[JsonValue] = []
    outputs = guardrail.get("outputs")
    listed = outputs if isinstance(outputs, list) else ()
    for by_guardrail in (guardrail.get("inputAssessment"), guardrail.get("input"), *listed):
        if isinstance(by_guardrail, dict):
            assessments += by_guardrail.values()
    if "outputAssessments" in guardrail:
        for of_guardrail in get_object(guardrail, "outputAssessments").values():
            if isinstance(of_guardrail, list):
                assessments += of_guardrail
    return assessments


@lru_cache(64)
def _name_policy_unit(key: str) -> str | None:
    """Name the unit of a policy: `topicPolicyUnits` are counted in `guardrail_topic_unit`."""
    match = _POLICY_UNITS.fullmatch(key)
    if match is None:
        return None
    policy = _CAPITAL.sub("_", match[1]).lower()
    return f"guardrail_{policy}_{'image' if match[2] else 'unit'}"
