"""The price of a call is the newest that has begun, of the closest area that knows the model."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.pricing import Price, PriceBook, PriceConflictError, Rates, TokenKind
from lambdas.domain.pricing.price import ANYWHERE, GLOBAL, REGIONAL

NOVA = "amazon.nova-pro-v1:0"
DAY = date(2026, 9, 8)


def price(
    model_id: str = NOVA,
    area: str = ANYWHERE,
    effective_from: date | None = None,
    usd: str = "1",
) -> Price:
    rates = (Rates(0, {TokenKind.INPUT: Decimal(usd)}),)
    return Price(model_id, area, effective_from, rates, "tests", date(2026, 1, 1))


def usd_of(found: Price | None) -> str | None:
    return None if found is None else str(found.rates[0].usd_per_million[TokenKind.INPUT])


AREAS = PriceBook(
    [
        price(usd="1"),
        price(area=REGIONAL, usd="2"),
        price(area=GLOBAL, usd="3"),
        price(area="eu", usd="4"),
        price(area="eu-west-2", usd="5"),
        price(area="us-gov", usd="6"),
        price(area="apac", usd="7"),
    ]
)
ARN = "arn:aws:bedrock:{region}:111122223333:inference-profile/{profile}"


def test_a_place_with_a_standard_price_of_its_own_has_no_price_of_a_tier_from_elsewhere() -> None:
    of_tier = replace(price(usd="1"), service_tier="flex")
    book = PriceBook([price(usd="2"), price(area="eu", usd="3"), of_tier])
    asked = (NOVA, NOVA, "us-east-1", DAY, "flex")
    assert book.price_of(*asked) == of_tier
    assert book.price_of(NOVA, NOVA, "eu-west-1", DAY, "flex") is None
    of_eu = replace(of_tier, area="eu")
    assert PriceBook([*book, of_eu]).price_of(NOVA, NOVA, "eu-west-1", DAY, "flex") == of_eu
    of_region = replace(of_tier, area="eu-west-1")
    assert PriceBook([*book, of_region]).price_of(NOVA, NOVA, "eu-west-1", DAY, "flex") == of_region


@pytest.mark.parametrize(
    ("invoked_model_id", "region", "usd"),
    [
        (NOVA, "us-east-1", "2"),
        (f"us.{NOVA}", "us-east-1", "2"),
        (f"eu.{NOVA}", "eu-west-1", "4"),
        (NOVA, "eu-west-1", "4"),
        (f"eu.{NOVA}", "eu-west-2", "5"),
        (f"apac.{NOVA}", "ap-south-1", "7"),
        (f"jp.{NOVA}", "ap-northeast-1", "7"),
        (f"us-gov.{NOVA}", "us-gov-west-1", "6"),
        (NOVA, "us-gov-east-1", "6"),
        (f"global.{NOVA}", "eu-west-2", "3"),
        (ARN.format(region="eu-west-1", profile=f"eu.{NOVA}"), "eu-west-1", "4"),
        (ARN.format(region="us-east-1", profile=f"global.{NOVA}"), "us-east-1", "3"),
        (NOVA, "", "2"),
        (NOVA, "mars-north-1", "2"),
    ],
)
def test_how_and_where_a_model_is_called_decides_on_its_price(
    invoked_model_id: str, region: str, usd: str
) -> None:
    assert usd_of(AREAS.price_of(NOVA, invoked_model_id, region, DAY)) == usd


@pytest.mark.parametrize(
    ("invoked_model_id", "region", "usd"),
    [
        (NOVA, "us-east-1", "2"),
        (NOVA, "ca-central-1", "3"),
        (f"ca.{NOVA}", "ca-west-1", "3"),
        (f"us.{NOVA}", "ca-central-1", "2"),  # the United States' profile takes calls from Canada
        (NOVA, "sa-east-1", "4"),
        (NOVA, "us-gov-west-1", "1"),
        (NOVA, "eu-west-1", "1"),
    ],
)
def test_all_of_america_is_not_one_geography(invoked_model_id: str, region: str, usd: str) -> None:
    prices = [price(area=area, usd=it) for area, it in (("us", "2"), ("ca", "3"), ("sa", "4"))]
    book = PriceBook([price(area=REGIONAL, usd="1"), *prices])
    assert usd_of(book.price_of(NOVA, invoked_model_id, region, DAY)) == usd


def test_a_global_call_has_no_regional_price_and_the_reverse() -> None:
    regional, of_all = PriceBook([price(area=REGIONAL)]), PriceBook([price(area=GLOBAL)])
    assert regional.price_of(NOVA, f"global.{NOVA}", "us-east-1", DAY) is None
    assert of_all.price_of(NOVA, f"us.{NOVA}", "us-east-1", DAY) is None


@pytest.mark.parametrize(
    ("known", "asked", "is_it"),
    [
        ("anthropic.claude-sonnet-4-6-v1:0", "anthropic.claude-sonnet-4-6", True),
        ("anthropic.claude-sonnet-4-6", "anthropic.claude-sonnet-4-6-v1:0", True),
        ("amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0:300k", True),
        ("amazon.nova-pro-v1:0", "amazon.nova-pro-v1", True),
        ("amazon.nova-pro-v1:0", "amazon.nova-pro-v2:0", False),
        ("anthropic.claude-sonnet-4", "anthropic.claude-sonnet-4-6", False),
        ("anthropic.claude-opus-4-6", "anthropic.claude-opus-4", False),
        ("openai.gpt-oss-120b-1:0", "openai.gpt-oss-120b-1", True),
        ("meta.llama3-70b-instruct-v1:0", "meta.llama3-1-70b-instruct-v1:0", False),
        ("imported-model/abc", "imported-model/abc", True),
    ],
)
def test_spellings_of_a_version_are_one_model_and_other_versions_are_not(
    known: str, asked: str, is_it: bool
) -> None:
    found = PriceBook([price(known)]).price_of(asked, asked, "us-east-1", DAY)
    assert (found is not None) is is_it


def test_a_name_without_a_version_is_no_guess_between_two() -> None:
    book = PriceBook([price("amazon.embed-v1", usd="1"), price("amazon.embed-v2:0", usd="2")])
    assert book.price_of("amazon.embed", "amazon.embed", "us-east-1", DAY) is None
    assert usd_of(book.price_of("amazon.embed-v2", "amazon.embed-v2", "us-east-1", DAY)) == "2"


def test_a_spelling_that_is_known_in_another_area_alone_hides_no_price() -> None:
    with_version, without = "anthropic.claude-opus-4-8-v1:0", "anthropic.claude-opus-4-8"
    book = PriceBook(
        [price(with_version, REGIONAL, usd="1"), price(without, "us-gov-west-1", usd="2")]
    )
    for it in (with_version, without):
        assert usd_of(book.price_of(it, it, "us-east-1", DAY)) == "1"
        assert usd_of(book.price_of(it, it, "us-gov-west-1", DAY)) == "2"


def test_of_two_spellings_of_a_version_the_newer_price_holds() -> None:
    newer = price("amazon.nova-pro-v1", effective_from=date(2026, 6, 1), usd="2")
    assert usd_of(PriceBook([price(), newer]).price_of(NOVA, NOVA, "us-east-1", DAY)) == "2"


dates = st.none() | st.dates(date(2024, 1, 1), date(2028, 1, 1))


@given(st.lists(dates, unique=True), st.dates(date(2023, 1, 1), date(2029, 1, 1)), st.randoms())
def test_the_newest_price_that_has_begun_holds_in_whatever_order_they_are_told(
    begins: list[date | None], day: date, chance: object
) -> None:
    prices = [price(effective_from=it, usd=str(place + 1)) for place, it in enumerate(begins)]
    begun = [it for it in prices if it.effective_from is None or it.effective_from <= day]
    expected = max(begun, key=lambda it: it.effective_from or date.min, default=None)
    chance.shuffle(prices)  # type: ignore[attr-defined]
    assert PriceBook(prices).price_of(NOVA, NOVA, "us-east-1", day) == expected


@given(st.lists(dates, unique=True, min_size=1), st.dates(date(2023, 1, 1), date(2029, 1, 1)))
def test_a_price_that_is_added_changes_no_earlier_day(begins: list[date | None], day: date) -> None:
    prices = [price(effective_from=it, usd=str(place + 1)) for place, it in enumerate(begins)]
    later = price(effective_from=date(2029, 1, 2), usd="999")
    before, after = PriceBook(prices), PriceBook([*prices, later])
    asked = (NOVA, NOVA, "us-east-1", day)
    assert after.price_of(*asked) == before.price_of(*asked)


def test_a_price_is_never_overwritten() -> None:
    assert len(PriceBook([price(), price()])) == 1
    with pytest.raises(PriceConflictError, match=r"nova-pro-v1:0 \(any\) from the beginning"):
        PriceBook([price(usd="1"), price(usd="2")])


def test_prices_that_differ_for_large_calls_alone_differ() -> None:
    one, other = (
        replace(
            price(), rates=(*price().rates, replace(price(usd=it).rates[0], above_input_tokens=9))
        )
        for it in ("2", "3")
    )
    with pytest.raises(PriceConflictError):
        PriceBook([one, other])
