"""A family is a provider's product line; a size is what an id names."""

from decimal import Decimal

import pytest

from lambdas.domain.reports.comparison.families import model_family, model_size


@pytest.mark.parametrize(
    ("model_id", "family"),
    [
        ("anthropic.claude-opus-4-6-v1", "anthropic.claude"),
        ("anthropic.claude-v2", "anthropic.claude"),
        ("amazon.nova-2-lite-v1:0", "amazon.nova"),
        ("amazon.titan-text-express-v1", "amazon.titan"),
        ("meta.llama3-1-8b-instruct-v1:0", "meta.llama"),
        ("mistral.mixtral-8x7b-instruct-v0:1", "mistral.mixtral"),
        ("deepseek.r1-v1:0", "deepseek"),
        ("deepseek.v3-v1:0", "deepseek"),
        ("application-inference-profile/abc123", "application-inference-profile/abc123"),
    ],
)
def test_a_family_is_the_provider_and_the_first_word_of_a_model(model_id: str, family: str) -> None:
    assert model_family(model_id) == family


@pytest.mark.parametrize(
    ("model_id", "billions"),
    [
        ("meta.llama3-1-405b-instruct-v1:0", "405"),
        ("meta.llama3-1-8b-instruct-v1:0", "8"),
        ("mistral.mixtral-8x7b-instruct-v0:1", "56"),
        ("qwen.qwen3-235b-a22b-2507-v1:0", "235"),
        ("openai.gpt-oss-20b-1:0", "20"),
        ("google.gemma-3-4b-it", "4"),
    ],
)
def test_the_size_of_a_model_is_read_from_its_id(model_id: str, billions: str) -> None:
    assert model_size(model_id) == Decimal(billions)


@pytest.mark.parametrize(
    "model_id",
    ["anthropic.claude-opus-4-6-v1", "amazon.nova-lite-v1:0", "maker.model-a22b", "x.m-4bit"],
)
def test_a_model_whose_id_names_no_size_has_none(model_id: str) -> None:
    assert model_size(model_id) is None
