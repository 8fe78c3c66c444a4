"""Calls are added up like a bill."""

from decimal import Decimal

import pytest

from lambdas.domain.invocations import TokenCounts
from lambdas.domain.pricing import (
    GUARDRAILS,
    BilledUnit,
    PriceBook,
    Pricing,
    Rates,
    Routing,
    TokenKind,
)
from lambdas.domain.reports.reconciliation import (
    Amounts,
    Metered,
    TooManyUsesError,
    amounts,
    metered,
)
from tests.builders import enriched
from tests.unit.reports.reconciliation.bill_rows import MICRO, PRICING, USD_PER_MILLION, call, price

EMBED = "cohere.embed-english-v3"
IMAGES = price(
    model_id=EMBED,
    rates=(Rates(0, USD_PER_MILLION),),
    usd_per_unit={BilledUnit.IMAGE: Decimal("0.0001")},
)
GUARDED = price(
    model_id=GUARDRAILS,
    rates=(),
    usd_per_unit={BilledUnit.GUARDRAIL_CONTENT_UNIT: Decimal("0.00015")},
)


def test_each_kind_of_tokens_is_separate_usage() -> None:
    tokens = TokenCounts(1000, 2000, 3000, 5000, 1000)
    usd = {**USD_PER_MILLION, TokenKind.CACHE_READ: Decimal("0.1")}
    pricing = Pricing(PriceBook([price(rates=(Rates(0, usd),))]))
    found = Metered()

    found.add(enriched(call(tokens=tokens), pricing))

    assert {key.measure: amount.quantity for key, amount in found.uses.items()} == {
        TokenKind.INPUT: 1000,
        TokenKind.OUTPUT: 2000,
        TokenKind.CACHE_READ: 3000,
        TokenKind.CACHE_WRITE_5M: 4000,
        TokenKind.CACHE_WRITE_1H: 1000,
    }


def test_global_profiles_are_a_routing_and_geographic_profiles_are_not() -> None:
    found = Metered()

    found.add(enriched(call(invoked_model_id=f"global.{MICRO}"), PRICING))
    found.add(enriched(call(invoked_model_id=f"us.{MICRO}"), PRICING))

    assert {key.routing for key in found.uses} == {Routing.GLOBAL, Routing.REGION}


def test_units_are_priced_one_by_one_and_guardrails_are_a_separate_model() -> None:
    pricing = Pricing(PriceBook([IMAGES, GUARDED]))
    found = Metered()
    units = ((BilledUnit.GUARDRAIL_CONTENT_UNIT.value, 3), (BilledUnit.IMAGE.value, 2))

    found.add(
        enriched(
            call(
                model_id=EMBED,
                invoked_model_id=f"global.{EMBED}",
                tokens=TokenCounts(0, 0),
                billed_units=units,
            ),
            pricing,
        )
    )

    by_model = {(key.model_id, key.measure): (key, amount) for key, amount in found.uses.items()}
    guarded, guard_amount = by_model[GUARDRAILS, BilledUnit.GUARDRAIL_CONTENT_UNIT]
    _, image_amount = by_model["cohere.embed-english-v3", BilledUnit.IMAGE]
    assert guarded.routing is Routing.REGION
    assert (guard_amount.quantity, guard_amount.list_usd) == (Decimal(3), Decimal("0.00045"))
    assert (image_amount.quantity, image_amount.list_usd) == (Decimal(2), Decimal("0.0002"))


def test_units_without_a_price_are_counted_as_unpriced() -> None:
    found = Metered()
    units = (("guardrail_content_unit", 3), ("image", 2), ("new_unit", 9), ("search_unit", 0))

    found.add(enriched(call(tokens=TokenCounts(), billed_units=units), Pricing(PriceBook([]))))

    assert {(key.model_id, key.measure): amount for key, amount in found.uses.items()} == {
        (GUARDRAILS, BilledUnit.GUARDRAIL_CONTENT_UNIT): _unpriced(3),
        ("amazon.nova-micro", BilledUnit.IMAGE): _unpriced(2),
    }


def test_assumed_prices_are_marked() -> None:
    found = Metered()

    found.add(enriched(call(region="eu-west-1"), PRICING))

    assert [amount.assumed for amount in found.uses.values()] == [1_000_000]


def test_the_number_of_different_usage_lines_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metered, "MAX_KEYS", 1)
    monkeypatch.setattr(amounts, "MAX_KEYS", 1)
    found = Metered()
    found.add(enriched(call(day=1), PRICING))

    with pytest.raises(TooManyUsesError):
        found.add(enriched(call(day=2), PRICING))


def _unpriced(quantity: int) -> Amounts:
    return Amounts(Decimal(quantity), unpriced=Decimal(quantity))
