"""In which service tier a call was served: tiers have prices of their own."""

from __future__ import annotations

import re

from lambdas.domain.invocations.decoding import JsonValue

_STANDARD = frozenset({"default", "standard", "auto"})
_TIER = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def named_tier(told: JsonValue) -> str | None:
    """A tier other than the standard one, such as `flex` or `priority`; else `None`.

    Source: https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html
    """
    if not isinstance(told, str) or told in _STANDARD or _TIER.fullmatch(told) is None:
        return None
    return told
