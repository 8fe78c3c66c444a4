"""Prices a call. `CallEnricher` calls this; whoever needs the cost of a call asks the enricher."""

from __future__ import annotations

from lambdas.domain.invocations import UsageRecord
from lambdas.domain.pricing.billed_usage import price_usage, read_usage
from lambdas.domain.pricing.call_models import CallModels, read_models
from lambdas.domain.pricing.cost import CallCost, Cost, Unpriced
from lambdas.domain.pricing.disputed_calls import price_disputed_call
from lambdas.domain.pricing.price_entry import find_entry
from lambdas.domain.pricing.pricing import Pricing


def price_call(record: UsageRecord, pricing: Pricing, models: CallModels | None = None) -> CallCost:
    """Price a call by the kinds of its tokens and units; `None` for a failed call.

    A kind that the call did not use needs no price.

    Args:
        record: The call.
        pricing: The prices in force.
        models: The models that it may be priced as; those that its record names by default.
    """
    return None if record.is_failed else price_attempt(record, pricing, models)


def price_attempt(
    record: UsageRecord, pricing: Pricing, models: CallModels | None = None
) -> Cost | Unpriced:
    """Price a call as a successful one, even if it failed."""
    models = models or read_models(record)
    if record.conflicts is not None:
        return price_disputed_call(record, record.conflicts, models, pricing)
    usage = read_usage(record)
    entry = find_entry(pricing, models.own, usage.day, usage.region)
    return price_usage(usage, entry, pricing)
