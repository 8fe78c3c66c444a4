"""In which service tier a call was served: tiers have prices of their own."""

from __future__ import annotations

import re

from lambdas.domain.invocations.decoding import JsonValue

STANDARD_TIER = "standard"
_STANDARD = frozenset({"default", STANDARD_TIER, "auto"})
_TIER = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def read_service_tier(told: JsonValue) -> str | None:
    """A tier: `STANDARD_TIER`, `flex`, `priority` or the like; `None` for what is none.

    Source: https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html
    """
    if not isinstance(told, str) or _TIER.fullmatch(told) is None:
        return None
    return STANDARD_TIER if told in _STANDARD else told
