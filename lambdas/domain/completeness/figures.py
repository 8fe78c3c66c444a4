"""What is compared, and what it is called in CloudWatch: by us, and by Bedrock."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeAlias

from lambdas.domain.metrics.catalog import MISSING_TOKEN_COUNTS, dimension_value

# https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html
BEDROCK_NAMESPACE = "AWS/Bedrock"
# https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-mantle-metrics.html
MANTLE_NAMESPACE = "AWS/BedrockMantle"


class Quantity(StrEnum):
    """What is compared. Calls are the successful ones."""

    CALLS = "calls"
    FAILED_CALLS = "failed calls"
    UNCOUNTED_CALLS = "calls without counts"
    INPUT = "input tokens"
    OUTPUT = "output tokens"
    CACHE_READ = "cache read tokens"
    CACHE_WRITE = "cache write tokens"


MetricNames: TypeAlias = Mapping[Quantity, tuple[str, ...]]
"""The metrics of quantities. Several names are spellings of one figure."""

OWN_METRICS: MetricNames = {
    Quantity.CALLS: ("Invocations",),
    Quantity.FAILED_CALLS: ("InvocationErrors",),
    Quantity.UNCOUNTED_CALLS: (MISSING_TOKEN_COUNTS.name,),
    Quantity.INPUT: ("InputTokens",),
    Quantity.OUTPUT: ("OutputTokens",),
    Quantity.CACHE_READ: ("CacheReadTokens",),
    Quantity.CACHE_WRITE: ("CacheWriteTokens",),
}
# Bedrock has no one metric of failed calls. Its user guide counts successes alone as `Invocations`;
# a newer edition of the page counts those into it that failed after they had been accepted.
BEDROCK_METRICS: MetricNames = {
    Quantity.CALLS: ("Invocations",),
    Quantity.INPUT: ("InputTokenCount",),
    Quantity.OUTPUT: ("OutputTokenCount",),
    # The first spelling is documented, the second is what accounts have.
    Quantity.CACHE_READ: ("CacheReadInputTokens", "CacheReadInputTokenCount"),
    Quantity.CACHE_WRITE: ("CacheWriteInputTokens", "CacheWriteInputTokenCount"),
}
MANTLE_METRICS: MetricNames = {
    Quantity.CALLS: ("Inferences",),
    Quantity.INPUT: ("TotalInputTokens",),
    Quantity.OUTPUT: ("TotalOutputTokens",),
}
"""Of the endpoint `bedrock-mantle`, whose calls Bedrock does not log: nobody can attribute them."""

Figures: TypeAlias = Mapping[Quantity, int]
"""What quantities add up to; those of which there is no metric are left out."""


def merge_models(
    figures: Mapping[str, Figures], name_model: Callable[[str], str]
) -> Mapping[str, Figures]:
    """Add up figures of models by other names of theirs.

    Args:
        figures: By model.
        name_model: Names each model; several may have one name then.
    """
    merged: defaultdict[str, Counter[Quantity]] = defaultdict(Counter)
    for model, of_model in figures.items():
        merged[dimension_value(name_model(model))].update(of_model)
    return merged


def read_figures(sums: Mapping[str, int], names: MetricNames) -> Figures:
    """Read figures from sums of metrics, by name.

    Of two spellings the larger sum counts: they tell the same tokens and are never added up.
    """
    found = {
        quantity: max((sums[name] for name in spellings if name in sums), default=None)
        for quantity, spellings in names.items()
    }
    return {quantity: it for quantity, it in found.items() if it is not None}
