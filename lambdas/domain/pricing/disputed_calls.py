"""The cost of calls whose readings disagree: no reading can lower it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from lambdas.domain.invocations import CallVariant, Conflicts
from lambdas.domain.pricing.billed_usage import BilledUsage, price_usage
from lambdas.domain.pricing.call_models import CallModels
from lambdas.domain.pricing.cost import Cost, Unpriced
from lambdas.domain.pricing.price_book import CallPrices
from lambdas.domain.pricing.price_entry import PriceEntry, find_entry
from lambdas.domain.pricing.pricing import Pricing
from lambdas.domain.pricing.routes import Route


def price_disputed_call(
    usage: BilledUsage, conflicts: Conflicts, models: CallModels, pricing: Pricing
) -> Cost | Unpriced:
    """Price a call whose readings disagree.

    Where they disagree on model, tier, day or cache lifetime, the highest known price is used;
    where models are too many to be stored, the highest listed price of any model; and where they
    disagree on counts, a kind without a price is left out of the cost.
    """
    outcomes = [
        _price(possible, entry, pricing, may_leave_out=conflicts.are_counts_disputed)
        for possible in _possible_usages(usage, conflicts)
        for entry in _possible_entries(possible, conflicts, models, pricing)
    ]
    costs = [outcome for outcome in outcomes if isinstance(outcome, Cost)]
    return max(costs, key=lambda cost: cost.effective_usd, default=outcomes[0])


def _possible_usages(usage: BilledUsage, conflicts: Conflicts) -> Iterator[BilledUsage]:
    """The days and lifetimes of cache writes that readings of a call report."""
    days = dict.fromkeys(timestamp.date() for timestamp in conflicts.timestamps) or (usage.day,)
    splits = {usage.tokens.cache_write_1h}
    if conflicts.are_counts_disputed:
        splits.add(None)
    for day, cache_write_1h in product(days, splits):
        tokens = usage.tokens._replace(cache_write_1h=cache_write_1h)
        yield usage._replace(day=day, tokens=tokens)


def _possible_entries(
    usage: BilledUsage, conflicts: Conflicts, models: CallModels, pricing: Pricing
) -> Iterator[PriceEntry]:
    """The prices of each model and tier that readings report."""
    for variant in models.possible:
        yield find_entry(pricing, variant, usage.day, usage.region)
    if conflicts.are_variants_cut_off:
        yield from _entries_of_any_model(usage, models.own, pricing)


def _entries_of_any_model(
    usage: BilledUsage, variant: CallVariant, pricing: Pricing
) -> Iterator[PriceEntry]:
    """The highest listed prices of all models, and every contracted price."""
    listed = pricing.book.get_highest_prices(Route(usage.region).partition, usage.day)
    yield PriceEntry(variant, listed, None, assume_prices=True, is_of_any_model=True)
    for contract in pricing.contracted:
        if contract.usd_per_million and contract.effective_from <= usage.day:
            prices = CallPrices()
            yield PriceEntry(variant, prices, contract, assume_prices=True, is_of_any_model=True)


def _price(
    usage: BilledUsage, entry: PriceEntry, pricing: Pricing, *, may_leave_out: bool
) -> Cost | Unpriced:
    """Price one possibility; where counts are disputed, as far as its kinds have prices."""
    cost = price_usage(usage, entry, pricing)
    if isinstance(cost, Cost) or not may_leave_out:
        return cost
    partly = price_usage(usage, replace(entry, leaves_out_unpriced=True), pricing)
    has_lines = isinstance(partly, Cost) and (partly.lines or partly.unit_lines)
    return partly if has_lines else cost
