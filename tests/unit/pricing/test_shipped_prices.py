"""The prices that are shipped: well-known ones are right, and all are what their source says."""

import json
from datetime import date
from decimal import Decimal

import pytest

from cdk.operations.price_sources import completed, prices_of_genai_prices
from lambdas.domain.invocations.model import foundation_model_id
from lambdas.domain.pricing import TokenKind, shipped_prices
from lambdas.domain.pricing.price import ANYWHERE, REGIONAL
from lambdas.domain.pricing.price_book import name_and_version
from lambdas.domain.pricing.shipped import read_prices, write_prices
from tests.infrastructure.synthesis import ROOT

DAY = date(2026, 11, 25)
FILE = ROOT / "lambdas" / "domain" / "pricing" / "prices.json"


@pytest.mark.parametrize(
    ("invoked_model_id", "region", "usd"),
    [
        # As AWS lists them, by two sources of public price data.
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "us-east-1", "3 15 0.3 3.75"),
        ("anthropic.claude-3-5-haiku-20241022-v1:0", "us-west-2", "0.8 4 0.08 1"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-east-1", "3.3 16.5 0.33 4.125 6.6"),
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-east-1", "3 15 0.3 3.75 6"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "us-east-1", "0.25 1.25"),
        ("amazon.nova-lite-v1:0", "us-east-1", "0.06 0.24 0.015"),
        ("eu.amazon.nova-pro-v1:0", "eu-central-1", "1.05 4.2 0.2625"),
        ("meta.llama3-70b-instruct-v1:0", "us-east-1", "2.65 3.5"),
        ("amazon.titan-embed-text-v2:0", "us-east-1", "0.02"),
        ("cohere.embed-english-v3", "us-east-1", "0.1"),
        ("openai.gpt-oss-120b-1:0", "us-west-2", "0.15 0.6"),
        ("openai.gpt-5.4", "us-east-1", "2.75 16.5 0.275"),
        ("global.openai.gpt-5.4", "us-east-1", "2.5 15 0.25"),
    ],
)
def test_well_known_prices_are_right(invoked_model_id: str, region: str, usd: str) -> None:
    model_id = foundation_model_id(invoked_model_id)
    price = shipped_prices().price_of(model_id, invoked_model_id, region, DAY)
    assert price is not None
    told = price.rates_of(1000).usd_per_million
    assert [told[kind] for kind in TokenKind if kind in told] == [Decimal(it) for it in usd.split()]


def test_every_model_has_its_price_by_whichever_spelling_is_known() -> None:
    book = shipped_prices()
    names = {name_and_version(it.model_id)[0] for it in book if it.area == "us-gov"}
    for price in book:
        if price.area == REGIONAL and name_and_version(price.model_id)[0] in names:
            for model_id in (price.model_id, name_and_version(price.model_id)[0]):
                asked = (model_id, model_id, "us-east-1", DAY, price.service_tier)
                assert book.price_of(*asked) == price


def test_flex_costs_less_than_the_standard_tier_and_priority_more() -> None:
    book = shipped_prices()
    tiers = [it for it in book if it.service_tier]
    assert {it.service_tier for it in tiers} == {"flex", "priority"}
    for price in tiers:
        standard = book.price_in(price.model_id, (price.area, REGIONAL, ANYWHERE), DAY)
        assert standard is not None
        for kind, usd in price.rates[0].usd_per_million.items():
            usual = standard.rates[0].usd_per_million[kind]
            assert usd < usual if price.service_tier == "flex" else usd > usual, price


@pytest.mark.parametrize("model_id", ["amazon.nova-canvas-v1:0", "nobody.knows-v1:0"])
def test_what_nobody_told_the_price_of_has_none(model_id: str) -> None:
    assert shipped_prices().price_of(model_id, model_id, "us-east-1", DAY) is None


def test_every_price_is_above_nought_and_has_a_source_and_a_date() -> None:
    for price in shipped_prices():
        assert price.source.split()[0] in {"genai-prices", "litellm"}
        assert price.read_on >= date(2026, 11, 25)
        assert price.rates[0].above_input_tokens == 0
        for rates in price.rates:
            assert all(usd > 0 for usd in rates.usd_per_million.values())
        cached = price.rates[0].usd_per_million.get(TokenKind.CACHE_READ, Decimal(0))
        assert cached < price.rates[0].usd_per_million[TokenKind.INPUT]


def test_the_file_is_what_make_prices_writes_with_money_as_text() -> None:
    text = FILE.read_text()
    assert write_prices(shipped_prices()) == text
    assert list(read_prices(text)) == list(shipped_prices())

    def refuse(number: str) -> None:
        raise AssertionError(number)

    json.loads(text, parse_float=refuse)


def test_prices_have_not_drifted_from_the_pinned_source() -> None:
    """Run make prices where this fails."""
    shipped = [it for it in shipped_prices() if it.service_tier is None]
    for price in prices_of_genai_prices(DAY):
        same = [it for it in shipped if (it.model_id, it.area) == (price.model_id, price.area)]
        assert any(completed(price, it).rates == it.rates for it in same), price
