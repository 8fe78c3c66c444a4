"""Tokens that count against the tokens-per-minute quota."""

import pytest

from lambdas.domain.invocations import TokenCounts
from lambdas.domain.invocations.quota import output_burndown, quota_tokens
from tests.builders import HAIKU_3, SONNET_4


@pytest.mark.parametrize(
    "model_id",
    [
        "anthropic.claude-3-7-sonnet-20250219-v1:0",
        "anthropic.claude-opus-4-20250514-v1:0",
        "anthropic.claude-sonnet-4-6",
        "anthropic.claude-haiku-4-5-20251001-v1:0",
        "anthropic.claude-opus-5",
    ],
)
def test_output_of_claude_since_3_7_counts_five_times(model_id: str) -> None:
    assert output_burndown(model_id) == 5


@pytest.mark.parametrize(
    "model_id",
    [
        "anthropic.claude-v2:1",
        "anthropic.claude-instant-v1",
        "anthropic.claude-3-opus-20240229-v1:0",
        "anthropic.claude-3-sonnet-20240229-v1:0",
        HAIKU_3,
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
        "anthropic.claude-3-5-haiku-20241022-v1:0",
        "amazon.nova-pro-v1:0",
        "application-inference-profile/p24qm5pye2qr",
        "imported-model/anthropic.claude-sonnet-4",
    ],
)
def test_output_of_every_other_model_counts_once(model_id: str) -> None:
    assert output_burndown(model_id) == 1


def test_cache_reads_do_not_count_against_the_quota() -> None:
    tokens = TokenCounts(input=3, output=52, cache_read=100_000, cache_write=24_479)
    assert quota_tokens(tokens, HAIKU_3) == 3 + 24_479 + 52
    assert quota_tokens(tokens, SONNET_4) == 3 + 24_479 + 5 * 52


def test_quota_tokens_are_absent_if_every_counted_kind_is_absent() -> None:
    assert quota_tokens(TokenCounts(cache_read=7), SONNET_4) is None
    assert quota_tokens(TokenCounts(cache_write=7), SONNET_4) == 7
