"""New listed prices are published, or held if they look wrong."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.pricing import Price, PriceBook, Routing, TokenKind
from lambdas.domain.pricing.editions import HoldReason, ListedRate, Listing, PriceUpdates
from lambdas.domain.pricing.price_review import Review, first_day_after, review_listings
from tests.unit.pricing.editions import NOVA, NOW, REGION, TOMORROW, book, listing, price, rate

OUTPUT, CACHE_WRITE = TokenKind.OUTPUT, TokenKind.CACHE_WRITE_5M


def review(
    prices: PriceBook,
    *listings: Listing,
    before: tuple[Listing, ...] = (),
    updates: PriceUpdates | None = None,
) -> Review:
    return review_listings(
        listings, before=before, book=prices, updates=updates or PriceUpdates(), now=NOW
    )


def news(found: Review) -> dict[TokenKind, Decimal]:
    assert not found.held
    return {TokenKind(offered.rate.item): offered.rate.usd for offered in found.news}


def held(found: Review) -> list[tuple[HoldReason, Decimal | None]]:
    assert not found.news
    return [(entry.reason, entry.rate.usd if entry.rate else None) for entry in found.held]


@pytest.mark.parametrize(("hour", "minute", "days"), [(0, 0, 1), (23, 49, 1), (23, 50, 2)])
def test_an_edition_takes_effect_after_functions_have_reloaded(
    hour: int, minute: int, days: int
) -> None:
    now = NOW.replace(hour=hour, minute=minute)
    assert first_day_after(now) - now.date() == timedelta(days=days)


def test_a_known_price_is_not_published_again() -> None:
    assert news(review(book(price("1")), listing(rate("1.0")))) == {}


@pytest.mark.parametrize("usd", ["2", "0.5", "1.01"])
def test_a_change_up_to_a_factor_of_two_is_published(usd: str) -> None:
    assert news(review(book(price("1")), listing(rate(usd)))) == {TokenKind.INPUT: Decimal(usd)}


@pytest.mark.parametrize("usd", ["2.01", "0.49", "1000"])
def test_a_larger_change_is_held(usd: str) -> None:
    found = review(book(price("1")), listing(rate(usd)))
    assert held(found) == [(HoldReason.LARGE_CHANGE, Decimal(usd))]
    assert found.held[0].usd_before == 1


def test_the_known_price_is_the_price_on_the_first_day_of_the_edition() -> None:
    prices = book(price("1"), price("4", effective_from=TOMORROW))
    assert news(review(prices, listing(rate("4")))) == {}


@pytest.mark.parametrize("known", [price("1", CACHE_WRITE), price("1")])
def test_a_new_zero_is_held_with_and_without_a_price_before(known: Price) -> None:
    found = review(book(known), listing(rate("0", CACHE_WRITE)))
    assert (HoldReason.NEW_ZERO, Decimal(0)) in held(found)


def test_a_known_zero_is_not_published_and_its_successor_is_held() -> None:
    free = book(price("0", CACHE_WRITE))
    assert news(review(free, listing(rate("0", CACHE_WRITE)))) == {}
    found = review(free, listing(rate("0.1", CACHE_WRITE)))
    assert held(found) == [(HoldReason.LARGE_CHANGE, Decimal("0.1"))]


def test_a_first_price_of_a_region_is_published_if_it_fits_other_regions() -> None:
    prices = book(price("1", place="us-east-1"), price("1.2", place="eu-west-1"))
    assert news(review(prices, listing(rate("2.4")))) == {TokenKind.INPUT: Decimal("2.4")}
    assert held(review(prices, listing(rate("1000")))) == [(HoldReason.LARGE_CHANGE, Decimal(1000))]


def test_a_first_price_is_not_compared_with_prices_of_another_partition() -> None:
    prices = book(price("100", place="us-gov-west-1"))
    assert news(review(prices, listing(rate("1")))) == {TokenKind.INPUT: Decimal(1)}


def test_a_first_price_of_a_tier_is_not_compared_with_another_tier() -> None:
    found = review(book(price("1")), listing(rate("5", service_tier="priority")))
    assert news(found) == {TokenKind.INPUT: Decimal(5)}


def test_a_global_price_is_not_listed_again_for_one_region() -> None:
    prices = book(price("1", routing=Routing.GLOBAL, place=""))
    everywhere: dict[str, Any] = {"routing": Routing.GLOBAL, "place": REGION}
    assert news(review(prices, listing(rate("1", **everywhere)))) == {}
    assert news(review(prices, listing(rate("1.1", **everywhere)))) == {
        TokenKind.INPUT: Decimal("1.1")
    }


def test_a_price_with_a_reason_stays_until_the_list_changes() -> None:
    """For example a price of AWS's pricing page that differs from the list."""
    chosen = book(price("6", reason="the page, for extended access"))
    said = listing(rate("5"))
    assert news(review(chosen, said)) == {}
    assert news(review(chosen, said, before=(said,))) == {}
    found = review(chosen, listing(rate("5.5")), before=(said,))
    assert news(found) == {TokenKind.INPUT: Decimal("5.5")}
    followed = price("6", reason="a correction", source="AWS Price List AmazonBedrock 2026-11-01")
    assert news(review(book(followed), said)) == {TokenKind.INPUT: Decimal(5)}


def test_a_change_of_a_price_with_a_reason_is_held_until_decided() -> None:
    chosen = book(price("6", reason="the page, for extended access"))
    later = listing(rate("50"))
    first = review(chosen, later, before=(listing(rate("3")),))
    assert held(first) == [(HoldReason.LARGE_CHANGE, Decimal(50))]
    again = review(chosen, later, before=(later,), updates=PriceUpdates(held=first.held))
    assert again.held == first.held


def test_a_model_is_found_in_any_spelling_of_its_version() -> None:
    known = book(price("1"))
    assert news(review(known, listing(rate("1", model_id="amazon.nova-pro-v1")))) == {}
    found = review(known, listing(rate("1.5", model_id="amazon.nova-pro")))
    assert [offered.rate.model_id for offered in found.news] == [NOVA]


def test_a_price_missing_from_the_list_is_held_until_it_returns() -> None:
    prices = book(price("1"), price("4", OUTPUT))
    both, one = listing(rate("1"), rate("4", OUTPUT)), listing(rate("1"))
    gone = review(prices, one, before=(both,))
    assert held(gone) == [(HoldReason.REMOVED, None)]
    assert gone.held[0].removed == rate("4", OUTPUT)
    later = review(prices, one, before=(one,), updates=PriceUpdates(held=gone.held))
    assert later.held == gone.held
    assert held(review(prices, both, before=(one,), updates=PriceUpdates(held=gone.held))) == []


def test_a_price_never_listed_is_not_missing() -> None:
    assert held(review(book(price("1"), price("4", OUTPUT)), listing(rate("1")))) == []


def test_a_name_without_a_model_is_held_once_per_offer() -> None:
    found = review(book(price("1")), listing(rate("1"), unmapped_names=["Nova 9 Mega"]))
    assert [(entry.reason, entry.name, entry.offer) for entry in found.held] == [
        (HoldReason.UNMAPPED_NAME, "Nova 9 Mega", "AmazonBedrock")
    ]


def test_two_prices_of_one_rate_are_held() -> None:
    prices = book(price("1"))
    found = review(prices, listing(rate("1.1"), rate("1.2")))
    assert held(found) == [
        (HoldReason.AMBIGUOUS, Decimal("1.1")),
        (HoldReason.AMBIGUOUS, Decimal("1.2")),
    ]
    twice = listing(rate("1.1")), listing(rate("1.1"), offer="AmazonBedrockService")
    assert news(review(prices, *twice)) == {TokenKind.INPUT: Decimal("1.1")}


@pytest.mark.parametrize("usd", ["1.1", "99"])
def test_a_second_price_beside_the_known_one_is_held_until_decided(usd: str) -> None:
    prices = book(price("1"))
    before = listing(rate("1")), listing(rate("1"), offer="AmazonBedrockService")
    said = listing(rate("1")), listing(rate(usd), offer="AmazonBedrockService")
    for earlier in ((), before):
        found = review(prices, *said, before=earlier)
        assert held(found) == [(HoldReason.AMBIGUOUS, Decimal(usd))]
        again = review(prices, *said, before=said, updates=PriceUpdates(held=found.held))
        assert again.held == found.held
        rejected = PriceUpdates(settled=found.held)
        assert held(review(prices, *said, before=said, updates=rejected)) == []


def test_the_old_price_is_not_held_if_another_offer_s_price_is_accepted() -> None:
    said = listing(rate("1")), listing(rate("1.1"), offer="AmazonBedrockService")
    assert news(review(book(price("1.1")), *said, before=said)) == {}


def test_a_rejected_price_is_not_held_again_while_the_list_is_unchanged() -> None:
    prices, said = book(price("1")), listing(rate("9"), unmapped_names=["Nova 9"])
    first = review(prices, said)
    rejected = PriceUpdates(settled=first.held)
    second = review(prices, said, updates=rejected)
    assert held(second) == []
    assert second.settled == first.held
    other = review(prices, listing(rate("8")), updates=rejected)
    assert held(other) == [(HoldReason.LARGE_CHANGE, Decimal(8))]
    assert other.settled == ()


def test_a_price_held_again_keeps_its_name_and_first_time() -> None:
    prices, said = book(price("1")), listing(rate("9"))
    first = review(prices, said).held[0]
    seen = first.model_copy(update={"since": NOW - timedelta(days=3)})
    again = review(prices, said, updates=PriceUpdates(held=(seen,))).held[0]
    assert (again.id, again.since) == (first.id, seen.since)


amounts = st.decimals("0", "100", places=2)


@given(st.one_of(st.none(), amounts), amounts)
def test_no_published_change_exceeds_a_factor_of_two(known: Decimal | None, usd: Decimal) -> None:
    prices = book() if known is None else book(price(str(known)))
    found = review(prices, listing(rate(str(usd))))
    candidates: list[ListedRate] = [offered.rate for offered in found.news]
    for candidate in candidates:
        assert candidate.usd > 0
        assert known is None or known / 2 <= candidate.usd <= known * 2
    assert len(found.news) + len(found.held) == (usd != known)
