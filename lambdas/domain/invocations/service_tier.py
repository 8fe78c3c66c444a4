"""Service tiers, each with its own prices."""

from __future__ import annotations

import re

from lambdas.domain.invocations.decoding import JsonValue

STANDARD_TIER = "standard"
LATENCY_OPTIMIZED_TIER = "latency-optimized"
"""Bedrock's latency-optimized inference, which is not a service tier but is priced like one."""
_STANDARD = frozenset({"default", STANDARD_TIER, "auto"})
_TIER = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_LATENCY_TIERS = {"standard": STANDARD_TIER, "optimized": LATENCY_OPTIMIZED_TIER}


def read_service_tier(reported: JsonValue) -> str | None:
    """A tier: `STANDARD_TIER`, `flex`, `priority`, `reserved` or the like; else `None`.

    Source: https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html
    """
    if not isinstance(reported, str) or _TIER.fullmatch(reported) is None:
        return None
    return STANDARD_TIER if reported in _STANDARD else reported


def read_latency_tier(reported: JsonValue) -> str | None:
    """The tier that a value of `performanceConfig.latency` means; `None` for any other value.

    Source: https://docs.aws.amazon.com/bedrock/latest/userguide/latency-optimized-inference.html
    """
    return _LATENCY_TIERS.get(reported) if isinstance(reported, str) else None
