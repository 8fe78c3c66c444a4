"""The shipped book: every row is sourced, sized and written as `make prices` writes it."""

import json
import re
from datetime import date
from decimal import Decimal

import pytest

from cdk.operations.price_book_json import write_price_book
from cdk.operations.price_sources.genai_prices import read_genai_prices
from lambdas.domain.pricing import (
    BATCH_TIER,
    GUARDRAILS,
    Price,
    PriceBasis,
    PriceBook,
    Route,
    Routing,
    TokenKind,
    shipped_prices,
)
from lambdas.domain.pricing.price_book import is_same_model
from lambdas.domain.pricing.shipped import read_price_book
from tests.infrastructure.synthesis import ROOT

DAY = date(2026, 11, 25)
FILE = ROOT / "lambdas" / "domain" / "pricing" / "prices.json"
NOVA = ("amazon.nova-micro-", "amazon.nova-lite-", "amazon.nova-pro-", "amazon.nova-2-lite-")


def test_every_source_repository_of_prices_is_documented() -> None:
    sources = {part for price in shipped_prices() for part in price.source.split(", ")}
    found = (re.match(r"[\w.-]+/[\w.-]+", source) for source in sources)
    repositories = {repository[0] for repository in found if repository}
    text = (ROOT / "docs" / "prices.md").read_text()
    assert len(repositories) > 5
    assert not {name for name in repositories if f"`{name}`" not in text}


def test_the_file_matches_the_output_of_make_prices_with_money_as_text() -> None:
    text = FILE.read_text()
    book = shipped_prices()
    assert write_price_book(book) == text
    assert list(read_price_book(text)) == list(book)
    assert read_price_book(text).edition == book.edition != ""

    def refuse(number: str) -> None:
        raise AssertionError(number)

    json.loads(text, parse_float=refuse)


def test_every_price_has_a_source_a_day_and_rates() -> None:
    for price in shipped_prices():
        assert price.source.strip()
        assert date(2026, 11, 25) <= price.read_on
        assert price.rates or price.usd_per_unit
        assert price.place or price.routing is Routing.GLOBAL
        sizes = [rates.above_input_tokens for rates in price.rates]
        assert sizes == sorted(set(sizes))
        assert sizes[:1] in ([], [0])
        for rates in price.rates:
            assert rates.usd_per_million
            assert all(usd >= 0 for usd in rates.usd_per_million.values())
        assert all(usd >= 0 for usd in price.usd_per_unit.values())


def test_only_cache_writes_of_nova_and_free_guardrail_units_are_listed_at_zero() -> None:
    zeros = set[tuple[str, str]]()
    for price in shipped_prices():
        listed: list[tuple[str, Decimal]] = [*price.usd_per_unit.items()]
        for rates in price.rates:
            listed += rates.usd_per_million.items()
        zeros |= {(price.model_id, kind) for kind, usd in listed if not usd}
    units = {entry for entry in zeros if entry[0] == GUARDRAILS}
    assert {unit for _, unit in units} == {
        "guardrail_sensitive_information_free_unit",
        "guardrail_word_unit",
    }
    assert {kind for _, kind in zeros - units} == {TokenKind.CACHE_WRITE_5M}
    assert all(model_id.startswith(NOVA) for model_id, _ in zeros - units)


def test_cached_tokens_cost_less_than_others() -> None:
    for price in shipped_prices():
        for rates in price.rates:
            usd = rates.usd_per_million
            if TokenKind.INPUT in usd and TokenKind.CACHE_READ in usd:
                assert usd[TokenKind.CACHE_READ] < usd[TokenKind.INPUT], price


def test_flex_and_batch_cost_less_than_standard_and_faster_tiers_cost_more() -> None:
    book = shipped_prices()
    tiers = [price for price in book if price.service_tier]
    assert {price.service_tier for price in tiers} == {
        *("flex", "priority", "latency-optimized"),
        BATCH_TIER,
    }
    for price in tiers:
        region = price.place if price.routing is Routing.REGION else "us-east-1"
        route = Route(region, "global" if price.routing is Routing.GLOBAL else "")
        usual = book.get_prices(price.model_id, route, DAY).token_rates(0)
        for kind, usd in price.rates[0].usd_per_million.items():
            standard = usual.get(kind)
            if standard is not None and standard.basis is not PriceBasis.ASSUMED:
                is_cheaper = usd < standard.usd
                assert is_cheaper is (price.service_tier in {"flex", BATCH_TIER}), (price, standard)


def test_batch_prices_change_no_price_of_calls() -> None:
    book = shipped_prices()
    of_calls = PriceBook(
        (price for price in book if price.service_tier != BATCH_TIER), edition=book.edition
    )
    batches = [price for price in book if price.service_tier == BATCH_TIER]
    assert len(batches) > 800
    for model_id, routing, region in {(row.model_id, row.routing, row.place) for row in batches}:
        route = Route(region, "global" if routing is Routing.GLOBAL else "")
        for tier in (None, "flex", "priority"):
            found = book.get_prices(model_id, route, DAY, tier)
            assert found == of_calls.get_prices(model_id, route, DAY, tier)
            assert BATCH_TIER not in {price.service_tier for price in found.assumed}
    assert book.get_highest_prices("aws", DAY) == of_calls.get_highest_prices("aws", DAY)


@pytest.mark.parametrize("model_id", ["amazon.nova-canvas-v1:0", "unknown.model-v1:0"])
def test_a_model_without_a_published_price_has_none(model_id: str) -> None:
    assert not shipped_prices().knows(model_id)


def test_rows_that_supersede_others_have_a_reason() -> None:
    extended = [price for price in shipped_prices() if price.effective_from == date(2025, 12, 1)]
    assert len(extended) == 20  # half of them of batch jobs
    for price in extended:
        assert price.model_id.startswith("anthropic.claude-3-5-sonnet-")
        assert price.reason is not None
        assert "Price List" in price.reason


def test_the_book_has_every_price_of_genai_prices() -> None:
    book = shipped_prices()
    for listed in read_genai_prices(DAY):
        assert any(is_same_model(listed.model_id, price.model_id) for price in book), listed


def test_a_written_book_is_read_back_completely() -> None:
    book = shipped_prices()
    price = next(iter(book))
    later = Price(
        price.model_id,
        price.routing,
        price.place,
        date(2027, 1, 1),
        price.rates,
        "tests",
        date(2027, 1, 1),
        "flex",
        {},
        "a reason",
    )
    more = PriceBook([*book, later], edition="2027-01-01")
    again = read_price_book(write_price_book(more))
    assert (list(again), again.edition) == (list(more), "2027-01-01")
    assert later in list(again)


def test_money_is_exact() -> None:
    prices = {
        usd
        for price in shipped_prices()
        for rates in price.rates
        for usd in rates.usd_per_million.values()
    }
    assert Decimal("0.10725") in prices
    assert all(isinstance(usd, Decimal) for usd in prices)
