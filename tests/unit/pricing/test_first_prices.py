"""The first price of a model also applies to its past calls that wait for a price."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from lambdas.domain.invocations import TokenCounts
from lambdas.domain.pricing import (
    BilledUnit,
    Cost,
    PriceBook,
    Pricing,
    Routing,
    TokenKind,
    Unpriced,
)
from lambdas.domain.pricing.call_pricing import price_call
from lambdas.domain.pricing.editions import Edition, ListedRate, PriceUpdates
from lambdas.domain.pricing.overlay import apply_edition
from lambdas.domain.pricing.price_decisions import add_rates
from lambdas.domain.pricing.price_review import review_listings
from tests.builders import usage_record
from tests.unit.pricing.editions import NOVA, NOW, REGION, book, listing, price, rate

EMPTY = PriceBook([])
LAST_WEEK = usage_record(
    model_id=NOVA,
    invoked_model_id=NOVA,
    region=REGION,
    timestamp=NOW - timedelta(days=7),
    tokens=TokenCounts(10**6, 0),
)


def publish(shipped: PriceBook, *rates: ListedRate) -> Edition:
    """The edition of the first check."""
    review = review_listings(
        [listing(*rates)], before=[], book=shipped, updates=PriceUpdates(), now=NOW
    )
    following = add_rates(PriceUpdates(), None, review.news, reason="tests", now=NOW)
    assert following.edition is not None
    return following.edition


def first_days(shipped: PriceBook, *rates: ListedRate) -> set[date]:
    return {change.effective_from for change in publish(shipped, *rates).changes}


def test_a_call_waiting_for_a_price_of_its_model_gets_one() -> None:
    assert price_call(LAST_WEEK, Pricing(EMPTY)) is Unpriced.NO_PRICE
    cost = price_call(LAST_WEEK, Pricing(apply_edition(EMPTY, publish(EMPTY, rate("2")))))
    assert isinstance(cost, Cost)
    assert cost.effective_usd == Decimal(2)
    assert cost.price is not None
    assert cost.price.effective_from is None


def test_a_call_waiting_for_a_price_of_a_kind_gets_one_and_others_keep_theirs() -> None:
    shipped = book(price("1"))
    cached = LAST_WEEK._replace(tokens=TokenCounts(10**6, 0, cache_read=10**6))
    assert price_call(cached, Pricing(shipped)) is Unpriced.NO_PRICE_OF_A_KIND
    pricing = Pricing(apply_edition(shipped, publish(shipped, rate("0.5", TokenKind.CACHE_READ))))
    costs = [price_call(record, pricing) for record in (cached, LAST_WEEK)]
    assert [cost.effective_usd for cost in costs if isinstance(cost, Cost)] == [
        Decimal("1.5"),
        Decimal(1),
    ]


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"place": "us-east-1"},
        {"routing": Routing.GEOGRAPHY, "place": "eu"},
        {"model_id": NOVA.removesuffix(":0")},
    ],
    ids=str,
)
def test_a_price_applies_from_the_next_day_if_calls_had_one(known: dict[str, Any]) -> None:
    assert first_days(book(price("1", **known)), rate("1.5")) == {NOW.date() + timedelta(days=1)}


def test_a_price_of_large_calls_applies_from_the_next_day_if_all_calls_had_one() -> None:
    large = rate("1.5", above_input_tokens=200_000)
    assert first_days(book(price("1")), large) == {NOW.date() + timedelta(days=1)}


def test_a_price_of_another_tier_or_partition_does_not_apply_to_the_call() -> None:
    elsewhere = price("1", place="us-gov-west-1")
    flex = price("1", service_tier="flex")
    assert first_days(book(elsewhere, flex), rate("1.5")) == {date.min}


def test_a_unit_price_applies_from_the_next_day_if_tokens_may_have_included_it() -> None:
    image = rate("0.1", BilledUnit.IMAGE)
    assert first_days(book(price("1")), image) == {NOW.date() + timedelta(days=1)}
    assert first_days(EMPTY, image) == {date.min}
