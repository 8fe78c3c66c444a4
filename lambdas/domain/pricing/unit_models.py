"""Models that are billed for images, searches, seconds or hours instead of tokens."""

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
_HOURLY_PREFIXES = ("provisioned-model/", "imported-model/")
"""The beginnings of the ids of models that are paid for as long as they are ready. Source:
https://docs.aws.amazon.com/bedrock/latest/userguide/prov-throughput.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/import-model-calculate-cost.html
"""


def is_paid_by_units(model_id: str) -> bool:
    """Say if a model is known to be billed in other units, whether or not they have a price."""
    return model_id.startswith(_PREFIXES)


def is_paid_by_the_hour(model_id: str) -> bool:
    """Say if a model is provisioned or imported: its calls cost nothing beside its hours."""
    return model_id.startswith(_HOURLY_PREFIXES)
