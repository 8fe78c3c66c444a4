"""A rule that can match no call is reported, with the name to write instead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import foundation_model_id
from lambdas.domain.pricing import shipped_prices
from lambdas.wiring.model_names import suggest_model

ARN = "arn:aws:bedrock:us-east-1:111122223333:"
SHIPPED = sorted({price.model_id for price in shipped_prices()})


@pytest.mark.parametrize(
    ("model", "advice"),
    [
        ("us.anthropic.claude-sonnet-4-6", "so anthropic.claude-sonnet-4-6"),
        ("global.anthropic.*", "so anthropic.*"),
        ("us.anthropic*", "so anthropic*"),
        ("us.a*", "so a*"),
        ("us-gov.amazon.nova*", "so amazon.nova*"),
        ("us.*", "such as anthropic.claude-sonnet-4-6"),
        (f"{ARN}inference-profile/us.anthropic.*", "so anthropic.*"),
        (f"{ARN}inference-profile/us.anthropic*", "so anthropic*"),
        (f"{ARN}provisioned-model/a1b2", "so provisioned-model/a1b2"),
        (f"{ARN}foundation-model/*", "such as anthropic.claude-sonnet-4-6"),
        ("arn:aws:bedrock:us-east-1::*", "such as anthropic.claude-sonnet-4-6"),
        ("arn:aws:bedrock:*", "such as anthropic.claude-sonnet-4-6"),
        ("arn:*", "such as anthropic.claude-sonnet-4-6"),
    ],
)
def test_a_model_name_that_calls_never_have_is_reported_with_the_right_one(
    model: str, advice: str
) -> None:
    assert (suggest_model(model) or "").endswith(advice)


@pytest.mark.parametrize(
    "model",
    [
        "*",
        "m",
        "us*",
        "poolside.*",
        "private.x",
        "imported-model/*",
        "application-inference-profile/a1b2",
        "a.*",
    ],
)
def test_a_model_name_that_calls_can_have_is_allowed(model: str) -> None:
    assert suggest_model(model) is None


@given(st.sampled_from(SHIPPED), st.integers(0, 80))
def test_every_known_model_and_every_prefix_is_allowed(model: str, length: int) -> None:
    assert suggest_model(model) is None
    assert suggest_model(f"{model[:length]}*") is None


@given(st.sampled_from(SHIPPED), st.sampled_from(["us", "eu", "apac", "global", "us-gov"]))
def test_no_known_model_is_allowed_with_a_geography_prefix(model: str, geography: str) -> None:
    invoked = f"{geography}.{model}"
    assert foundation_model_id(invoked) == model
    for length in range(len(geography) + 1, len(invoked) + 1):
        assert suggest_model(f"{invoked[:length]}*") is not None
