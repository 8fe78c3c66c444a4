"""Models behind application inference profiles and prompt routers, as named in responses."""

import re

import pytest
from hypothesis import given

from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.pricing import shipped_prices
from tests.builders import HAIKU_3, SONNET_4
from tests.unit.invocations.records import answered, hostile_bodies, one_line, read_record

ACCOUNT = "arn:aws:bedrock:us-east-1:111122223333"
PROFILE = f"{ACCOUNT}:application-inference-profile/a1b2c3d4e5f6"
ROUTER = f"{ACCOUNT}:prompt-router/r0ut3r"
DEFAULT_ROUTER = f"{ACCOUNT}:default-prompt-router/anthropic.claude:1"
CHOSEN = f"{ACCOUNT}:inference-profile/us.{SONNET_4}"
ANSWERED_BY_OPUS = {"model": "claude-opus-4-8", "usage": {"input_tokens": 1, "output_tokens": 2}}


def read_called(model: str, body: object) -> UsageRecord:
    """Read a call of a model with a response body."""
    return read_record(answered(body) | {"modelId": model})


def routed(chosen: object) -> dict[str, object]:
    return {"promptRouter": {"invokedModelId": chosen}}


@pytest.mark.parametrize(
    ("body", "model_id"),
    [
        pytest.param(ANSWERED_BY_OPUS, "anthropic.claude-opus-4-8", id="anthropic"),
        pytest.param(one_line(ANSWERED_BY_OPUS), "anthropic.claude-opus-4-8", id="as_text"),
        pytest.param(
            [{"type": "message_start", "message": ANSWERED_BY_OPUS}, {"type": "ping"}],
            "anthropic.claude-opus-4-8",
            id="anthropic_stream",
        ),
        pytest.param(
            [{"object": "chat.completion.chunk", "model": "gpt-5.6-luna", "choices": []}],
            "openai.gpt-5.6-luna",
            id="chat_completions_stream",
        ),
        pytest.param(
            [{"type": "response.created", "response": {"model": "gpt-5.6-sol"}}],
            "openai.gpt-5.6-sol",
            id="responses_stream",
        ),
    ],
)
def test_a_response_names_the_model_behind_an_application_profile(
    body: object, model_id: str
) -> None:
    record = read_called(PROFILE, body)
    assert record.model_id == model_id
    assert record.invoked_model_id == PROFILE
    assert record.prompt_router is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(None, id="no_body"),
        pytest.param({"usage": {"input_tokens": 1}}, id="not_named"),
        pytest.param({"model": "my-own-model"}, id="unknown_name"),
        pytest.param({"model": 5}, id="number"),
        pytest.param({"content": [{"model": "claude-opus-4-8"}]}, id="another_path"),
        pytest.param({"output": {"model": "claude-opus-4-8"}}, id="below_output"),
        pytest.param([{"type": "ping"}] * 8 + [ANSWERED_BY_OPUS], id="late_in_a_stream"),
    ],
)
def test_a_profile_without_a_named_model_keeps_its_id(body: object) -> None:
    record = read_called(PROFILE, body)
    assert record.model_id == "application-inference-profile/a1b2c3d4e5f6"


@pytest.mark.parametrize("router", [ROUTER, DEFAULT_ROUTER])
@pytest.mark.parametrize(
    "chosen", [CHOSEN, f"us.{SONNET_4}", f"arn:aws:bedrock:us-east-1::foundation-model/{SONNET_4}"]
)
def test_a_trace_names_the_model_behind_a_prompt_router(router: str, chosen: str) -> None:
    chunks = [{"messageStart": {}}, {"metadata": {"trace": routed(chosen)}}]
    for body in ({"trace": routed(chosen)}, chunks):
        record = read_called(router, body)
        assert record.model_id == SONNET_4
        assert record.invoked_model_id == chosen
        assert record.prompt_router == router


@pytest.mark.parametrize(
    "chosen",
    [
        *(None, 5, "", "words of a model", PROFILE, ROUTER, "a" * 5_000),
        f"arn:aws:bedrock:{'x' * 2_048}::foundation-model/{SONNET_4}",
    ],
)
def test_a_router_without_a_named_model_keeps_its_id(chosen: object) -> None:
    record = read_called(ROUTER, {"trace": routed(chosen)})
    assert record.model_id == "prompt-router/r0ut3r"
    assert (record.invoked_model_id, record.prompt_router) == (ROUTER, None)


def test_a_response_does_not_change_a_named_model() -> None:
    body = ANSWERED_BY_OPUS | {"trace": routed(CHOSEN)}
    record = read_called(HAIKU_3, body)
    assert (record.model_id, record.invoked_model_id) == (HAIKU_3, HAIKU_3)
    assert record.prompt_router is None


def test_profiles_and_routers_are_not_confused() -> None:
    assert read_called(PROFILE, {"trace": routed(CHOSEN)}).model_id.endswith("a1b2c3d4e5f6")
    assert read_called(ROUTER, ANSWERED_BY_OPUS).model_id == "prompt-router/r0ut3r"


def test_cached_tokens_are_read_as_the_model_behind_a_profile_reports_them() -> None:
    usage = {
        "inputTokens": 2_600,
        "outputTokens": 300,
        "cacheReadInputTokens": 2_400,
        "totalTokens": 5_300,
    }
    body = {"model": "gpt-5.6-luna", "usage": usage}
    record = read_record(answered(body) | {"modelId": PROFILE, "operation": "ConverseStream"})
    assert record.tokens == TokenCounts(200, 300, 2_400)


@given(hostile_bodies)
def test_reading_a_hidden_model_never_raises(body: object) -> None:
    for model in (PROFILE, ROUTER):
        record = read_called(model, body)
        record.model_id.encode()
        record.invoked_model_id.encode()


def test_names_of_claude_and_gpt_resolve_to_ids_in_the_shipped_book() -> None:
    book = shipped_prices()
    ids = {
        price.model_id
        for price in book
        if re.match(r"anthropic\.claude-[a-z]|openai\.gpt-\d", price.model_id)
    }
    ids -= {"anthropic.claude-v1", "anthropic.claude-v2", "anthropic.claude-v2:1"}
    assert len(ids) > 20
    for model_id in sorted(ids):
        name = re.sub(r"(-v\d+)?(:\d+)?$", "", model_id.partition(".")[2])
        read = read_called(PROFILE, {"model": name}).model_id
        assert book.knows(read), (name, read)
