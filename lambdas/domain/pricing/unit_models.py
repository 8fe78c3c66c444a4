"""Models that are billed for images, searches or seconds instead of tokens."""

from __future__ import annotations

_PREFIXES = (
    "amazon.nova-canvas",
    "amazon.nova-reel",
    "amazon.rerank",
    "amazon.titan-image-generator",
    "cohere.rerank",
    "luma.",
    "stability.",
    "twelvelabs.",
)
"""The beginnings of their ids. Source: https://aws.amazon.com/bedrock/pricing/"""


def is_paid_by_units(model_id: str) -> bool:
    """Say if a model is known to be billed in other units, whether or not they have a price."""
    return model_id.startswith(_PREFIXES)
