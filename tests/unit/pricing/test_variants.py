"""Readings that disagree on model or tier cost the highest known price."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.invocations.usage_record import MAX_CONFLICT_VALUES, CallVariant, Conflicts
from lambdas.domain.ledger.readings import join, join_readings
from lambdas.domain.pricing import (
    ContractedPrice,
    ContractedPrices,
    Cost,
    Price,
    PriceBasis,
    PriceBook,
    Pricing,
    Rates,
    TokenKind,
    Unpriced,
)
from lambdas.domain.pricing.call_pricing import price_call
from tests.builders import listed_price, usage_record, usd_by_kind

CHEAP, DEAR, UNKNOWN = "maker.cheap", "maker.dear", "maker.unknown"


def listed(model_id: str, usd: str, tier: str | None = None) -> Price:
    rates = Rates(0, {kind: Decimal(usd) for kind in TokenKind})
    return listed_price(model_id, rates, service_tier=tier)


PRICING = Pricing(
    PriceBook([listed(CHEAP, "1"), listed(CHEAP, "2", "priority"), listed(DEAR, "9")])
)
MILLION = TokenCounts(1_000_000, 0)


def variant(model_id: str, tier: str | None = None) -> CallVariant:
    return CallVariant(model_id, model_id, tier)


def call(*variants: CallVariant, is_cut_off: bool = False) -> UsageRecord:
    conflicts = Conflicts(variants=variants, is_cut_off=is_cut_off)
    return usage_record(model_id=CHEAP, invoked_model_id=CHEAP, tokens=MILLION, conflicts=conflicts)


def priced(record: UsageRecord, pricing: Pricing = PRICING) -> Cost:
    found = price_call(record, pricing)
    assert isinstance(found, Cost)
    return found


def test_the_most_expensive_variant_is_priced_and_named() -> None:
    found = priced(call(variant(CHEAP), variant(DEAR), variant(UNKNOWN)))
    assert (found.effective_usd, found.variant) == (Decimal(9), variant(DEAR))
    assert found.lines


def test_the_service_tier_is_part_of_a_variant() -> None:
    found = priced(call(variant(CHEAP), variant(CHEAP, "priority")))
    assert (found.effective_usd, found.variant) == (Decimal(2), variant(CHEAP, "priority"))


def test_a_call_without_a_priced_variant_has_a_reason() -> None:
    conflicting = call(variant(UNKNOWN), variant(UNKNOWN, "flex"))
    assert price_call(conflicting, PRICING) is Unpriced.NO_PRICE


def test_a_conflict_on_other_fields_changes_no_price() -> None:
    record = usage_record(model_id=CHEAP, invoked_model_id=CHEAP, tokens=MILLION)
    conflicting = record._replace(conflicts=Conflicts(error_codes=("", "X"), is_cut_off=True))
    assert price_call(conflicting, PRICING) == price_call(record, PRICING)


CHEAP_ONES = [variant(CHEAP, f"tier-{place}") for place in range(MAX_CONFLICT_VALUES)]


def test_truncated_variants_cost_the_highest_price_of_any_model() -> None:
    found = priced(call(*CHEAP_ONES, is_cut_off=True))
    assert (found.effective_usd, found.basis) == (Decimal(9), PriceBasis.ASSUMED)


def test_truncated_variants_are_priced_even_if_assuming_is_switched_off() -> None:
    strict = replace(PRICING, assume_prices=False)
    found = priced(call(*CHEAP_ONES, is_cut_off=True), strict)
    assert (found.effective_usd, found.basis) == (Decimal(9), PriceBasis.ASSUMED)


variants = st.builds(
    variant, st.sampled_from([CHEAP, DEAR, UNKNOWN]), st.sampled_from([None, "priority"])
)


@given(st.lists(variants, min_size=1, max_size=5), variants)
def test_another_variant_never_lowers_the_cost(
    known: list[CallVariant], forged: CallVariant
) -> None:
    before, after = (
        price_call(call(*sorted(set(each), key=str)), PRICING) for each in (known, [*known, forged])
    )
    if isinstance(before, Cost):
        assert isinstance(after, Cost)
        assert after.effective_usd >= before.effective_usd


def with_only_input_price(model_id: str, usd: str, begins: date | None = None) -> Price:
    return listed_price(model_id, Rates(0, usd_by_kind(usd)), effective_from=begins)


INPUT_ALONE = Pricing(PriceBook([with_only_input_price(CHEAP, "1")]))


def test_a_kind_without_a_price_added_by_a_duplicate_leaves_the_others_priced() -> None:
    real = usage_record(model_id=CHEAP, invoked_model_id=CHEAP, tokens=TokenCounts(1_000_000))
    for forged in (
        real._replace(tokens=real.tokens._replace(cache_read=7)),
        real._replace(billed_units=(("guardrail_made_up_unit", 1),)),
        real._replace(billed_units=(("image", 3), ("made_up", 1))),
    ):
        for first, second in ((real, forged), (forged, real)):
            assert priced(join(first, second), INPUT_ALONE).effective_usd == 1


def test_a_duplicate_with_another_cache_lifetime_lowers_nothing() -> None:
    rates = Rates(0, {TokenKind.CACHE_WRITE_5M: Decimal(4), TokenKind.INPUT: Decimal(1)})
    pricing = Pricing(PriceBook([listed_price(CHEAP, rates)]))
    tokens = TokenCounts(0, cache_write=1_000_000)
    real = usage_record(model_id=CHEAP, invoked_model_id=CHEAP, tokens=tokens)
    forged = real._replace(tokens=tokens._replace(cache_write_1h=1_000_000))
    assert priced(join(real, forged), pricing).effective_usd == Decimal(4)


def test_a_call_without_any_price_stays_unpriced_with_any_duplicate() -> None:
    real = usage_record(model_id=UNKNOWN, invoked_model_id=UNKNOWN)
    forged = real._replace(billed_units=(("made_up", 1),))
    assert price_call(join(real, forged), INPUT_ALONE) is Unpriced.NO_PRICE


def test_an_undisputed_call_with_a_kind_without_a_price_is_unpriced() -> None:
    tokens = TokenCounts(1_000_000, cache_read=7)
    record = usage_record(model_id=CHEAP, invoked_model_id=CHEAP, tokens=tokens)
    assert price_call(record, INPUT_ALONE) is Unpriced.NO_PRICE_OF_A_KIND


def test_a_duplicate_of_an_earlier_day_cannot_lower_the_price() -> None:
    tokens = TokenCounts(1_000_000)
    real = usage_record(model_id=CHEAP, invoked_model_id=CHEAP, tokens=tokens)
    rise = real.timestamp.date()
    pricing = Pricing(
        PriceBook(
            [with_only_input_price(CHEAP, "1"), with_only_input_price(CHEAP, "5", begins=rise)]
        )
    )
    earlier = real._replace(timestamp=real.timestamp - timedelta(days=2))
    assert priced(join(real, earlier), pricing).effective_usd == Decimal(5)


def make_duplicates(real: UsageRecord, model_id: str, tier: str | None = None) -> list[UsageRecord]:
    """More readings of a call than the limit, each with another model."""
    names = [f"{model_id}{number}" for number in range(MAX_CONFLICT_VALUES + 1)]
    return [
        real._replace(model_id=name, invoked_model_id=name, service_tier=tier) for name in names
    ]


@pytest.mark.parametrize(
    ("model_id", "tier"), [("a.model", "reserved"), ("amazon.nova-canvas-v", None)]
)
def test_many_duplicates_billed_differently_cannot_make_a_call_unpriced(
    model_id: str, tier: str | None
) -> None:
    real = usage_record(model_id=DEAR, invoked_model_id=DEAR, tokens=MILLION)
    (record,) = join_readings([real, *make_duplicates(real, model_id, tier)]).values()
    assert priced(record).effective_usd == Decimal(9)


def test_many_duplicates_lower_neither_contracted_nor_unassumed_costs() -> None:
    real = usage_record(model_id=UNKNOWN, invoked_model_id=UNKNOWN, tokens=MILLION)
    contracted = ContractedPrice(UNKNOWN, date(2026, 1, 1), {TokenKind.INPUT: Decimal(200)})
    (record,) = join_readings([real, *make_duplicates(real, "a.model")]).values()
    pricing = replace(PRICING, contracted=ContractedPrices([contracted]))
    assert priced(record, pricing).effective_usd == Decimal(200)
    assert priced(record, replace(pricing, assume_prices=False)).effective_usd == Decimal(200)
    assert priced(record, replace(PRICING, assume_prices=False)).effective_usd == Decimal(9)
