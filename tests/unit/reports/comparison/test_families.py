"""A family is a provider's product line."""

import pytest

from lambdas.domain.reports.comparison.families import model_family


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
