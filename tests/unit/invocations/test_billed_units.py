"""Units other than tokens are read only where a response reports their number."""

from time import process_time
from typing import Any

import pytest
from hypothesis import given

from lambdas.domain.invocations.billed_units import MAX_UNITS
from tests.unit.invocations.records import answered, hostile_bodies, invocation_log, read_record

IMAGE = {"width": 400, "height": 400, "format": "jpeg", "bit_depth": 24}


def read_units(body: object, request: object = None, **output: object) -> dict[str, int]:
    """The units of a call by its response, which has no top-level count but those given."""
    return dict(read_record(answered(body, request, **output)).billed_units)


# Images.


@pytest.mark.parametrize(
    ("body", "images"),
    [
        pytest.param({"images": ["aGk=", "aGk="], "error": None}, 2, id="titan_and_nova_canvas"),
        pytest.param({"artifacts": [{"base64": "aGk=", "seed": 1}]}, 1, id="stable_diffusion_xl"),
        pytest.param({"seeds": [1], "finish_reasons": [None], "images": ["aGk="]}, 1, id="sd3"),
        pytest.param({"embeddings": {"float": [[0.1]]}, "images": [IMAGE]}, 1, id="cohere_embed"),
        pytest.param({"meta": {"billed_units": {"images": 3}}}, 3, id="cohere_billed_units"),
        pytest.param({"outputImageCount": 4}, 4, id="counted_in_the_body"),
        pytest.param({"images": ["aGk="], "outputImageCount": 4}, 4, id="counted_and_listed"),
    ],
)
def test_images_are_counted(body: object, images: int) -> None:
    assert read_units(body) == {"image": images}


def test_images_counted_by_the_log_need_no_body() -> None:
    log = invocation_log(input={}, output={"outputImageCount": 2})
    assert read_record(log).billed_units == (("image", 2),)


def test_listed_images_are_not_units_if_their_tokens_are_counted() -> None:
    body = {"embeddings": {"float": [[0.1]]}, "images": [IMAGE]}
    assert read_units(body, {"inputTokenCount": 258}) == {}
    assert read_units(body, {"inputTokenCount": 0}) == {"image": 1}


@pytest.mark.parametrize(
    "body", [{"images": []}, {"images": "aGk="}, {"images": [5]}, {"images": {"a": 1}}]
)
def test_a_malformed_list_of_images_is_not_counted(body: object) -> None:
    assert read_units(body) == {}


# Search units and seconds.


def test_search_units_are_counted() -> None:
    results = [{"index": 0, "relevance_score": 0.9}]
    body: dict[str, Any] = {"results": results, "meta": {"billed_units": {"search_units": 2}}}
    assert read_units(body) == {"search_unit": 2}


@pytest.mark.parametrize("meta", [{}, {"billed_units": {}}, {"billed_units": None}, None])
def test_reranking_without_reported_units_has_none(meta: object) -> None:
    assert read_units({"results": [{"index": 0}], "meta": meta}) == {}


@pytest.mark.parametrize(
    ("usage", "seconds"),
    [
        ({"prompt_audio_seconds": 203, "prompt_tokens": 4}, 203),
        ({"prompt_audio_seconds": 2.2}, 3),
        ({"type": "duration", "seconds": 12.0}, 12),
        ({"prompt_audio_seconds": None, "prompt_tokens": 4}, None),
        ({"prompt_audio_seconds": {}}, None),
        ({"prompt_audio_seconds": float("inf")}, None),
        ({"seconds": 12}, None),
    ],
)
def test_seconds_of_audio_are_rounded_up(usage: dict[str, object], seconds: int | None) -> None:
    assert read_units({"usage": usage}).get("audio_second") == seconds


def test_seconds_of_audio_in_a_stream_come_from_the_last_report() -> None:
    chunks = [
        {"usage": {"prompt_audio_seconds": 1}},
        {"usage": {"prompt_audio_seconds": 3, "prompt_tokens": 8, "completion_tokens": 4}},
    ]
    assert read_units(chunks) == {"audio_second": 3}


@pytest.mark.parametrize(("duration", "seconds"), [(6, 6), (6.0, 6), ("6", 6), (5.04, 6)])
def test_seconds_of_video_are_counted(duration: object, seconds: int) -> None:
    assert read_units({"outputVideoDurationSeconds": duration}) == {"video_second": seconds}
    log = invocation_log(input={}, output={"outputVideoDurationSeconds": duration})
    assert read_record(log).billed_units == (("video_second", seconds),)


# Guardrails.

POLICIES = {
    "topicPolicyUnits": 1,
    "contentPolicyUnits": 2,
    "wordPolicyUnits": 0,
    "sensitiveInformationPolicyUnits": 3,
    "sensitiveInformationPolicyFreeUnits": 4,
    "contextualGroundingPolicyUnits": 5,
    "contentPolicyImageUnits": 6,
    "automatedReasoningPolicyUnits": 7,
    "automatedReasoningPolicies": 8,
}
GUARDRAIL_UNITS = {
    "guardrail_topic_unit": 1,
    "guardrail_content_unit": 2,
    "guardrail_sensitive_information_unit": 3,
    "guardrail_contextual_grounding_unit": 5,
    "guardrail_content_image": 6,
    "guardrail_automated_reasoning_unit": 7,
}


def assessment(usage: object) -> dict[str, Any]:
    return {"invocationMetrics": {"guardrailProcessingLatency": 200, "usage": usage}}


INPUT_ASSESSED = {"guardrail": {"inputAssessment": {"abc123": assessment(POLICIES)}}}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"trace": INPUT_ASSESSED}, id="converse"),
        pytest.param([{"metadata": {"trace": INPUT_ASSESSED}}], id="converse_stream"),
        pytest.param(
            {"amazon-bedrock-trace": {"guardrail": {"input": {"abc123": assessment(POLICIES)}}}},
            id="invoke_model",
        ),
        pytest.param(
            [
                {"type": "message_delta"},
                {"amazon-bedrock-trace": {"guardrail": {"outputs": [{"a": assessment(POLICIES)}]}}},
            ],
            id="invoke_model_stream",
        ),
    ],
)
def test_units_of_guardrail_policies_are_counted(body: object) -> None:
    assert read_units(body) == GUARDRAIL_UNITS


def test_units_of_all_assessments_add_up() -> None:
    one = assessment({"topicPolicyUnits": 1})
    converse = {"inputAssessment": {"a": one, "b": one}, "outputAssessments": {"a": [one, one]}}
    assert read_units({"trace": {"guardrail": converse}}) == {"guardrail_topic_unit": 4}
    invoke_model = {"input": {"a": one}, "outputs": [{"a": one}, {"a": one}]}
    assert read_units({"amazon-bedrock-trace": {"guardrail": invoke_model}}) == {
        "guardrail_topic_unit": 3
    }


def test_units_are_counted_if_the_guardrail_blocked_the_call() -> None:
    blocked = {"amazon-bedrock-guardrailAction": "INTERVENED"}
    trace = {"amazon-bedrock-trace": {"guardrail": {"input": {"a": assessment(POLICIES)}}}}
    assert read_units(blocked | trace) == GUARDRAIL_UNITS


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        {"topicPolicyUnits": True},
        {"topicPolicyUnits": -1},
        {"topicPolicyUnits": "one"},
        {"PolicyUnits": 1},
        {"topic-PolicyUnits": 1},
        {f"{'x' * 60}PolicyUnits": 1},
        {"units": 1},
    ],
)
def test_unknown_units_of_a_policy_are_not_counted(usage: object) -> None:
    assert read_units({"trace": {"guardrail": {"inputAssessment": {"a": assessment(usage)}}}}) == {}


def test_units_are_read_only_at_fixed_paths() -> None:
    body = {
        "output": {"message": {"content": [{"trace": INPUT_ASSESSED, "images": ["aGk="]}]}},
        "content": [{"meta": {"billed_units": {"search_units": 1}}}],
        "choices": [{"usage": {"prompt_audio_seconds": 9}}],
    }
    assert read_units(body) == {}
    assert read_record(invocation_log(input={"inputBodyJson": body})).billed_units == ()


# Hostile bodies.


@given(hostile_bodies)
def test_units_of_any_body_are_few_positive_and_sorted(body: object) -> None:
    units = read_record(answered(body)).billed_units
    assert list(units) == sorted(units)
    assert len({unit for unit, _ in units}) == len(units) <= MAX_UNITS
    assert all(count > 0 for _, count in units)


def test_too_many_kinds_of_units_are_truncated() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    usage = {f"{letter}PolicyUnits": 1 for letter in letters}
    assert len(
        read_units({"trace": {"guardrail": {"inputAssessment": {"a": assessment(usage)}}}})
    ) == (MAX_UNITS)


def test_a_million_assessments_take_little_time() -> None:
    one = assessment({"topicPolicyUnits": 1})
    body = {"trace": {"guardrail": {"outputAssessments": {"a": [one] * 10**6}}}}
    log = answered(body)
    started = process_time()
    (units,) = read_record(log).billed_units
    assert units == ("guardrail_topic_unit", 100)
    assert process_time() - started < 1
