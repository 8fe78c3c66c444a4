"""The quantities that are compared, and their CloudWatch names: the meter's and Bedrock's."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeAlias

from lambdas.domain.metrics.bedrock_metrics import BedrockMetric, MantleMetric
from lambdas.domain.metrics.catalog import (
    CACHE_READ_TOKENS,
    CACHE_WRITE_TOKENS,
    INPUT_TOKENS,
    INVOCATION_ERRORS,
    INVOCATIONS,
    MISSING_TOKEN_COUNTS,
    OUTPUT_TOKENS,
    dimension_value,
)


class Quantity(StrEnum):
    """A quantity that is compared. Calls are the successful ones."""

    CALLS = "calls"
    FAILED_CALLS = "failed calls"
    UNCOUNTED_CALLS = "calls without counts"
    INPUT = "input tokens"
    OUTPUT = "output tokens"
    CACHE_READ = "cache read tokens"
    CACHE_WRITE = "cache write tokens"


MetricNames: TypeAlias = Mapping[Quantity, tuple[str, ...]]
"""The metrics of quantities. Several names are spellings of one metric."""

OWN_METRICS: MetricNames = {
    Quantity.CALLS: (INVOCATIONS.name,),
    Quantity.FAILED_CALLS: (INVOCATION_ERRORS.name,),
    Quantity.UNCOUNTED_CALLS: (MISSING_TOKEN_COUNTS.name,),
    Quantity.INPUT: (INPUT_TOKENS.name,),
    Quantity.OUTPUT: (OUTPUT_TOKENS.name,),
    Quantity.CACHE_READ: (CACHE_READ_TOKENS.name,),
    Quantity.CACHE_WRITE: (CACHE_WRITE_TOKENS.name,),
}
# Bedrock has no one metric of failed calls.
BEDROCK_METRICS: MetricNames = {
    Quantity.CALLS: (BedrockMetric.INVOCATIONS,),
    Quantity.INPUT: (BedrockMetric.INPUT_TOKENS,),
    Quantity.OUTPUT: (BedrockMetric.OUTPUT_TOKENS,),
    Quantity.CACHE_READ: (
        BedrockMetric.CACHE_READ_TOKENS,
        BedrockMetric.CACHE_READ_TOKENS_IN_ACCOUNTS,
    ),
    Quantity.CACHE_WRITE: (
        BedrockMetric.CACHE_WRITE_TOKENS,
        BedrockMetric.CACHE_WRITE_TOKENS_IN_ACCOUNTS,
    ),
}
MANTLE_METRICS: MetricNames = {
    Quantity.CALLS: (MantleMetric.INFERENCES,),
    Quantity.INPUT: (MantleMetric.INPUT_TOKENS,),
    Quantity.OUTPUT: (MantleMetric.OUTPUT_TOKENS,),
}
"""Metrics of the endpoint `bedrock-mantle`. Bedrock does not log its calls, so nothing can
attribute them."""

Totals: TypeAlias = Mapping[Quantity, int]
"""The sums of quantities; quantities without a metric are left out."""


def merge_models(
    totals: Mapping[str, Totals], name_model: Callable[[str], str]
) -> Mapping[str, Totals]:
    """Add up the totals of models under other names.

    Args:
        totals: By model.
        name_model: Names each model; several models may get the same name.
    """
    merged: defaultdict[str, Counter[Quantity]] = defaultdict(Counter)
    for model, of_model in totals.items():
        merged[dimension_value(name_model(model))].update(of_model)
    return merged


def read_totals(sums: Mapping[str, int], names: MetricNames) -> Totals:
    """Read totals from sums of metrics, by name.

    If a metric has two spellings, the larger sum counts: both count the same tokens, so they
    are never added up.
    """
    found = {
        quantity: max((sums[name] for name in spellings if name in sums), default=None)
        for quantity, spellings in names.items()
    }
    return {quantity: total for quantity, total in found.items() if total is not None}
