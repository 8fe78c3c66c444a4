"""Prices a call. Use `CallEnricher` to get the cost of a call; it calls this."""

from __future__ import annotations

from lambdas.domain.invocations import UsageRecord
from lambdas.domain.pricing.billed_usage import BilledUsage, price_usage, read_usage
from lambdas.domain.pricing.call_models import CallModels, read_models
from lambdas.domain.pricing.cost import CallCost, Cost, Unpriced
from lambdas.domain.pricing.disputed_calls import price_disputed_call
from lambdas.domain.pricing.price_entry import find_entry
from lambdas.domain.pricing.pricing import Pricing


def price_call(
    record: UsageRecord,
    pricing: Pricing,
    models: CallModels | None = None,
    usage: BilledUsage | None = None,
) -> CallCost:
    """Price a call by the kinds of its tokens and units; `None` for a failed call.

    A kind that the call did not use needs no price.

    Args:
        record: The call.
        pricing: The prices in force.
        models: The models that it may be priced as; those that its record names by default.
        usage: The usage to price; that of the call by default, or that of all calls like it.
    """
    return None if record.is_failed else price_attempt(record, pricing, models, usage)


def price_attempt(
    record: UsageRecord,
    pricing: Pricing,
    models: CallModels | None = None,
    usage: BilledUsage | None = None,
) -> Cost | Unpriced:
    """Price a call as a successful one, even if it failed."""
    models, usage = models or read_models(record), usage or read_usage(record)
    if record.conflicts is not None:
        return price_disputed_call(usage, record.conflicts, models, pricing)
    entry = find_entry(pricing, models.own, usage.day, usage.region)
    return price_usage(usage, entry, pricing)
