"""Counts the tokens of a call against Bedrock's tokens-per-minute quota."""

from __future__ import annotations

import re

from lambdas.domain.invocations import TokenCounts
from lambdas.domain.invocations.memoize import memoize

# The Claude models from before 3.7, whose output counts once. Every later one counts five times.
_CLAUDE = re.compile(r"anthropic\.claude-")
_CLAUDE_BEFORE_3_7 = re.compile(
    r"anthropic\.claude-(v\d|instant|3-(opus|sonnet|haiku)|3-5-(sonnet|haiku))"
)
MAX_OUTPUT_BURNDOWN = 5
"""Of Claude models since 3.7."""


@memoize
def output_burndown(model_id: str) -> int:
    """The number of quota tokens for one output token of a foundation model.

    A model that its id does not name (an application profile, say) counts once.
    Source: https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html
    """
    if _CLAUDE.match(model_id) and not _CLAUDE_BEFORE_3_7.match(model_id):
        return MAX_OUTPUT_BURNDOWN
    return 1


def quota_tokens(tokens: TokenCounts, model_id: str) -> int | None:
    """Tokens that count against the quota: input, cache writes and burnt-down output.

    Cache reads do not count. `None` where all three are unknown.
    """
    if tokens.is_missing and tokens.cache_write is None:
        return None
    output = (tokens.output or 0) * output_burndown(model_id)
    return (tokens.input or 0) + (tokens.cache_write or 0) + output
