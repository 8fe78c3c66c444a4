"""One spelling for the many names of a model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations.model import (
    foundation_model_id,
    is_foundation_model,
    is_prompt_router,
    read_model_name,
)
from tests.builders import HAIKU_3, SONNET_4

FOUNDATION_MODELS = [
    HAIKU_3,
    SONNET_4,
    "ai21.jamba-instruct-v1:0",
    "amazon.nova-lite-v1:0",
    "amazon.titan-embed-g1-text-02",
    "anthropic.claude-sonnet-4-6",
    "anthropic.claude-v2:1",
    "cohere.command-r-plus-v1:0",
    "cohere.embed-english-v3",
    "deepseek.r1-v1:0",
    "meta.llama3-2-1b-instruct-v1:0",
    "mistral.mistral-7b-instruct-v0:2",
    "openai.gpt-oss-120b-1:0",
    "qwen.qwen3-32b-v1:0",
    "stability.sd3-5-large-v1:0",
    "writer.palmyra-x5-v1:0",
]
GEOGRAPHIES = ["us", "eu", "apac", "jp", "global", "au", "ca", "us-gov", "kr", "sa", "in"]
PARTITIONS = ["aws", "aws-us-gov", "aws-cn"]


@pytest.mark.parametrize("model_id", FOUNDATION_MODELS)
def test_a_foundation_model_is_named_by_its_id(model_id: str) -> None:
    assert foundation_model_id(model_id) == model_id


@pytest.mark.parametrize(
    "model_id",
    [
        "deepseek.v3.2",
        "minimax.minimax-m2.1",
        "moonshot.kimi-k2.5",
        "qwen.qwen3.5-397b-v1:0",
        "zai.glm-4.7",
    ],
)
def test_a_dot_in_a_model_name_does_not_turn_its_provider_into_a_geography(model_id: str) -> None:
    assert foundation_model_id(model_id) == model_id
    assert foundation_model_id(f"us.{model_id}") == model_id


@pytest.mark.parametrize("geography", GEOGRAPHIES)
@pytest.mark.parametrize("model_id", FOUNDATION_MODELS)
def test_a_cross_region_profile_resolves_to_its_foundation_model(
    geography: str, model_id: str
) -> None:
    assert foundation_model_id(f"{geography}.{model_id}") == model_id


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("geography", GEOGRAPHIES)
def test_the_arn_of_a_cross_region_profile_resolves_to_its_foundation_model(
    partition: str, geography: str
) -> None:
    arn = f"arn:{partition}:bedrock:us-east-1:111122223333:inference-profile/{geography}.{SONNET_4}"
    assert foundation_model_id(arn) == SONNET_4


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("model_id", FOUNDATION_MODELS)
def test_the_arn_of_a_foundation_model_has_no_account(partition: str, model_id: str) -> None:
    arn = f"arn:{partition}:bedrock:us-east-1::foundation-model/{model_id}"
    assert foundation_model_id(arn) == model_id


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize(
    "resource",
    [
        "application-inference-profile/p24qm5pye2qr",
        "provisioned-model/abcd1234efgh",
        "custom-model/amazon.titan-text-express-v1:0:8k/a1b2c3d4e5f6",
        "custom-model-deployment/a1b2c3d4e5f6",
        "imported-model/a1b2c3d4e5f6",
        "prompt-router/a1b2c3d4e5f6",
        "default-prompt-router/anthropic.claude:1",
        "prompt/A1B2C3D4E5:1",
    ],
)
def test_a_resource_that_hides_its_model_is_named_by_kind_and_id(
    partition: str, resource: str
) -> None:
    arn = f"arn:{partition}:bedrock:us-east-1:111122223333:{resource}"
    assert foundation_model_id(arn) == resource


@pytest.mark.parametrize("partition", PARTITIONS)
def test_a_marketplace_model_is_named_by_its_sagemaker_endpoint(partition: str) -> None:
    name = "endpoint/endpoint-quick-start-idr7y"
    arn = f"arn:{partition}:sagemaker:us-east-1:111122223333:{name}"
    assert foundation_model_id(arn) == name


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("e", id="letter"),
        pytest.param("arn", id="arn_alone"),
        pytest.param("arn:aws:bedrock", id="cut_off_arn"),
        pytest.param("arn:aws:bedrock:us-east-1:111122223333:", id="arn_of_nothing"),
        pytest.param("US.anthropic.claude-v2", id="upper_case_geography"),
        pytest.param("us.", id="geography_alone"),
        pytest.param("us.anthropic", id="provider_without_model"),
        pytest.param("...", id="dots"),
        pytest.param("<redacted>", id="redacted"),
    ],
)
def test_text_of_unknown_form_is_kept(text: str) -> None:
    assert foundation_model_id(text) == text


@pytest.mark.parametrize("kind", ["foundation-model", "inference-profile"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_an_arn_without_a_model_is_named_by_its_kind(kind: str, slash: str) -> None:
    arn = f"arn:aws:bedrock:us-east-1:111122223333:{kind}{slash}"
    assert foundation_model_id(arn) == f"{kind}{slash}"


@given(
    st.text(st.characters(), min_size=1)
    | st.from_regex(r"arn:[a-z-]*:[a-z]*:[a-z0-9-]*:\d*:[a-z-]*/?[a-z.:/-]*", fullmatch=True)
)
def test_no_name_is_lost(text: str) -> None:
    assert foundation_model_id(text)


@given(
    st.sampled_from(["", *(f"{geography}." for geography in GEOGRAPHIES)]),
    st.sampled_from([model_id.partition(".")[0] for model_id in FOUNDATION_MODELS]),
    st.from_regex(r"[a-z0-9-]{1,20}(-v\d{1,2}(:\d{1,2})?)?", fullmatch=True),
)
def test_reading_the_name_of_a_foundation_model_again_does_not_change_it(
    prefix: str, provider: str, name: str
) -> None:
    once = foundation_model_id(f"{prefix}{provider}.{name}")
    assert once == f"{provider}.{name}"
    assert foundation_model_id(once) == once


# Model names in responses.


@pytest.mark.parametrize(
    ("name", "model_id"),
    [
        ("claude-opus-4-8", "anthropic.claude-opus-4-8"),
        ("claude-opus-4-6", "anthropic.claude-opus-4-6-v1"),
        ("claude-sonnet-4-6", "anthropic.claude-sonnet-4-6"),
        ("claude-sonnet-4-20250514", SONNET_4),
        ("claude-3-5-sonnet-20240620", "anthropic.claude-3-5-sonnet-20240620-v1:0"),
        ("claude-3-5-sonnet-20241022", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
        ("claude-haiku-4-5", "anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("claude-instant-1.2", "anthropic.claude-instant-v1"),
        ("gpt-5.6-terra", "openai.gpt-5.6-terra"),
        ("gpt-5.6-terra-2026-08-21", "openai.gpt-5.6-terra"),
        ("gpt-oss-120b", "openai.gpt-oss-120b-1:0"),
        ("openai.gpt-oss-20b-1:0", "openai.gpt-oss-20b-1:0"),
        (f"us.{SONNET_4}", SONNET_4),
        (SONNET_4, SONNET_4),
    ],
)
def test_the_name_in_a_response_resolves_to_the_model_id(name: str, model_id: str) -> None:
    assert read_model_name(name) == model_id


@pytest.mark.parametrize(
    "name",
    [
        *("", "my-model", "claude", "claude-", "claude-opus-4-8 ", "Claude-opus-4-8"),
        *("../claude-x", "anthropic.claude\n", "custom-model/a.b"),
        *(f"claude-{'x' * 61}", "anthropic." + "x" * 200),
    ],
)
def test_a_name_of_another_form_resolves_to_no_model(name: str) -> None:
    assert read_model_name(name) is None


@pytest.mark.parametrize(
    ("model_id", "is_router", "is_model"),
    [
        ("default-prompt-router/anthropic.claude:1", True, False),
        ("prompt-router/abc123", True, False),
        ("application-inference-profile/abc123", False, False),
        (SONNET_4, False, True),
        ("amazon.nova-lite-v1:0:300k", False, True),
        ("words of a model", False, False),
    ],
)
def test_a_router_is_not_a_model(model_id: str, *, is_router: bool, is_model: bool) -> None:
    assert is_prompt_router(model_id) is is_router
    assert is_foundation_model(model_id) is is_model
