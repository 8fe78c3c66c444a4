"""The largest answers of models, as AWS and their providers document them.

Where pages differ, the larger number counts, and "64K" is read as 65,536: a call must not use more
than it reserves. Models that may answer with more in some mode, such as Claude Sonnet 3.7 and
Nova 2, are left out.
"""

from __future__ import annotations

_K = 1_024
_MAX_OUTPUTS = {
    # https://docs.aws.amazon.com/bedrock/latest/userguide/model-card-amazon-nova-lite.html, and
    # AWS's page on the migration to Nova 2, which has 10K where the card has 5K
    "amazon.nova-lite-v1": 10 * _K,
    "amazon.nova-micro-v1": 10 * _K,
    "amazon.nova-pro-v1": 10 * _K,
    # https://platform.claude.com/docs/en/about-claude/models/overview, and such pages as
    # https://docs.aws.amazon.com/bedrock/latest/userguide/model-card-anthropic-claude-haiku-4-5.html
    "anthropic.claude-3-haiku-": 4 * _K,
    "anthropic.claude-3-opus-": 4 * _K,
    "anthropic.claude-3-sonnet-": 4 * _K,
    "anthropic.claude-3-5-": 8 * _K,
    "anthropic.claude-haiku-4-5-": 64 * _K,
    "anthropic.claude-opus-4-1-": 32 * _K,
    "anthropic.claude-opus-4-20250514-": 32 * _K,
    "anthropic.claude-opus-4-5-": 64 * _K,
    "anthropic.claude-sonnet-4-20250514-": 64 * _K,
    "anthropic.claude-sonnet-4-5-": 64 * _K,
    # https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html has 2,048,
    # and the cards, such as that of Llama 4 Maverick, have up to 8K
    "meta.llama3-": 8 * _K,
    "meta.llama4-": 8 * _K,
}
"""The largest answers in tokens, by the beginnings of ids."""


def find_max_output(model_id: str) -> int | None:
    """Find the largest answer of a foundation model; `None` if it is not known.

    >>> find_max_output("amazon.nova-micro-v1:0")
    10240
    """
    found = (tokens for start, tokens in _MAX_OUTPUTS.items() if model_id.startswith(start))
    return next(found, None)
