"""Units other than tokens that a response reports: images, search units, seconds, guardrails.

They are read at fixed paths, from responses alone. The names of units are those of
`lambdas.domain.pricing.BilledUnit`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeAlias

from lambdas.domain.invocations.decoding import JsonObject, JsonValue
from lambdas.domain.invocations.json_paths import first_count, get_object
from lambdas.domain.invocations.token_counts import MAX_COUNT, read_count

BilledUnits: TypeAlias = tuple[tuple[str, int], ...]
"""Pairs of unit (see `lambdas.domain.pricing.BilledUnit`) and count, in order of the units."""

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
UNIT_KEYS = MEDIA_KEYS.union(
    _IMAGE_LISTS, (_TRACE, _INVOKE_MODEL_TRACE, "meta", "usage", "metadata")
)
"""The keys of an object that may report units."""

# Units of a guardrail's policy. Those whose name says that they are free are not billed.
_POLICY_UNITS = re.compile(r"([a-z][A-Za-z]{0,39})Policy(Image)?Units")
_CAPITAL = re.compile(r"(?=[A-Z])")
_USAGE_KEYS_READ = 32


def read_units(chunk: JsonObject, units: Counter[str]) -> None:
    """Add the units that one object of a response reports to those of the objects before it.

    Guardrails assess a stream part by part and their units add up. Everything else is repeated,
    and the largest count stands. Images of a list are left to `count_listed_images`.
    """
    meta, usage = get_object(chunk, "meta"), get_object(chunk, "usage")
    for billed in (get_object(meta, "billed_units"), get_object(usage, "billed_units")):
        if billed:
            _raise(units, IMAGE, read_count(billed.get("images")))
            _raise(units, SEARCH_UNIT, read_count(billed.get("search_units")))
    if "prompt_audio_seconds" in usage:
        _raise(units, AUDIO_SECOND, read_seconds(usage["prompt_audio_seconds"]))
    elif usage.get("type") == "duration":  # as OpenAI's transcriptions report it
        _raise(units, AUDIO_SECOND, read_seconds(usage.get("seconds")))
    read_media(chunk, units)
    for trace in (
        get_object(chunk, _TRACE),
        get_object(get_object(chunk, "metadata"), _TRACE),
        get_object(chunk, _INVOKE_MODEL_TRACE),
    ):
        if trace:
            _add_guardrail_units(get_object(trace, "guardrail"), units)


def read_media(output: JsonObject, units: Counter[str]) -> None:
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


def sort_units(units: Counter[str]) -> BilledUnits:
    """Units as a record keeps them: in order of their names, none twice, without zeros."""
    counted = sorted((unit, min(count, MAX_COUNT)) for unit, count in units.items() if count > 0)
    return tuple(counted[:MAX_UNITS])


def read_seconds(value: JsonValue) -> int | None:
    """Read a duration in seconds; a part of a second counts as a whole one."""
    if isinstance(value, float) and math.isfinite(value):
        return read_count(math.ceil(value))
    return read_count(value)


def _raise(units: Counter[str], unit: str, count: int | None) -> None:
    if count:
        units[unit] = max(units[unit], count)


def _add_guardrail_units(guardrail: JsonObject, units: Counter[str]) -> None:
    assessments = _list_assessments(guardrail)
    for assessment in islice(assessments, MAX_ASSESSMENTS):
        usage = get_object(get_object(assessment, "invocationMetrics"), "usage")
        if len(usage) > _USAGE_KEYS_READ:
            continue
        for key in usage:
            unit, count = _name_policy_unit(key), first_count(usage, key)
            if unit is not None and count:
                units[unit] += count


def _list_assessments(guardrail: JsonObject) -> Iterator[JsonObject]:
    """The assessments of a trace in both of its forms.

    Converse has `inputAssessment` (by guardrail) and `outputAssessments` (a list by guardrail),
    InvokeModel has `input` (by guardrail) and `outputs` (a list of objects by guardrail).
    Source: https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-use-converse-api.html
    """
    for key in ("inputAssessment", "input"):
        yield from _select_objects(get_object(guardrail, key).values())
    for listed in get_object(guardrail, "outputAssessments").values():
        yield from _select_objects(listed if isinstance(listed, list) else ())
    outputs = guardrail.get("outputs")
    for by_guardrail in _select_objects(outputs if isinstance(outputs, list) else ()):
        yield from _select_objects(by_guardrail.values())


def _select_objects(values: Iterable[JsonValue]) -> Iterator[JsonObject]:
    return (value for value in values if isinstance(value, dict))


def _name_policy_unit(key: str) -> str | None:
    """Name the unit of a policy: `topicPolicyUnits` are counted in `guardrail_topic_unit`."""
    match = _POLICY_UNITS.fullmatch(key)
    if match is None:
        return None
    policy = _CAPITAL.sub("_", match[1]).lower()
    return f"guardrail_{policy}_{'image' if match[2] else 'unit'}"
