"""Each kind has the newest price of the closest scope that lists it, else an assumed price."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.pricing import (
    BATCH_TIER,
    BilledUnit,
    ListRate,
    Price,
    PriceBasis,
    PriceBook,
    PriceConflictError,
    Rates,
    Route,
    Routing,
    TokenKind,
    read_route,
)
from lambdas.domain.pricing.price_book import is_same_model
from lambdas.domain.pricing.routes import get_partition
from tests.builders import listed_price

NOVA = "amazon.nova-pro-v1:0"
DAY = date(2026, 9, 8)
VIRGINIA = (Routing.REGION, "us-east-1")
ARN = "arn:aws:bedrock:{region}:111122223333:inference-profile/{profile}"


def price(
    usd: str = "1",
    scope: tuple[Routing, str] = VIRGINIA,
    model_id: str = NOVA,
    effective_from: date | None = None,
    kind: TokenKind = TokenKind.INPUT,
) -> Price:
    routing, place = scope
    rates = Rates(0, {kind: Decimal(usd)})
    return listed_price(
        model_id, rates, routing=routing, place=place, effective_from=effective_from
    )


def find(
    book: PriceBook,
    invoked_model_id: str = NOVA,
    region: str = "us-east-1",
    day: date = DAY,
    model_id: str = NOVA,
) -> ListRate | None:
    prices = book.get_prices(model_id, read_route(invoked_model_id, region), day)
    return prices.token_rates(1000).get(TokenKind.INPUT)


def usd_and_basis(found: ListRate | None) -> tuple[str, PriceBasis] | None:
    return None if found is None else (str(found.usd), found.basis)


def get_usd(found: ListRate | None) -> str | None:
    return None if found is None else str(found.usd)


SCOPES = PriceBook(
    [
        price("2"),
        price("3", (Routing.GLOBAL, "")),
        price("8", (Routing.GLOBAL, "ap-northeast-1")),
        price("4", (Routing.GEOGRAPHY, "eu")),
        price("5", (Routing.REGION, "eu-west-2")),
        price("6", (Routing.GEOGRAPHY, "us-gov")),
        price("7", (Routing.GEOGRAPHY, "apac")),
    ]
)


@pytest.mark.parametrize(
    ("invoked_model_id", "region", "usd", "basis"),
    [
        (NOVA, "us-east-1", "2", PriceBasis.REGION),
        (f"us.{NOVA}", "us-east-1", "2", PriceBasis.REGION),
        (f"eu.{NOVA}", "eu-west-1", "4", PriceBasis.GEOGRAPHY),
        (NOVA, "eu-west-1", "4", PriceBasis.GEOGRAPHY),
        (f"eu.{NOVA}", "eu-west-2", "5", PriceBasis.REGION),
        (f"apac.{NOVA}", "ap-south-1", "7", PriceBasis.GEOGRAPHY),
        (f"jp.{NOVA}", "ap-northeast-1", "7", PriceBasis.GEOGRAPHY),
        (f"us-gov.{NOVA}", "us-gov-west-1", "6", PriceBasis.GEOGRAPHY),
        (NOVA, "us-gov-east-1", "6", PriceBasis.GEOGRAPHY),
        (f"global.{NOVA}", "eu-west-2", "3", PriceBasis.GLOBAL),
        (f"global.{NOVA}", "ap-northeast-1", "8", PriceBasis.GLOBAL),
        (ARN.format(region="eu-west-1", profile=f"eu.{NOVA}"), "eu-west-1", "4", "geography"),
        (ARN.format(region="us-east-1", profile=f"global.{NOVA}"), "us-east-1", "3", "global"),
        (NOVA, "us-west-2", "8", PriceBasis.ASSUMED),
        (NOVA, "ca-central-1", "8", PriceBasis.ASSUMED),
        (NOVA, "mars-north-1", "8", PriceBasis.ASSUMED),
        (NOVA, "", "8", PriceBasis.ASSUMED),
    ],
)
def test_the_route_decides_price_and_basis(
    invoked_model_id: str, region: str, usd: str, basis: PriceBasis
) -> None:
    assert usd_and_basis(find(SCOPES, invoked_model_id, region)) == (usd, basis)


@pytest.mark.parametrize(
    ("place", "partition"),
    [
        ("eusc-de-east-1", "aws-eusc"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("us-isof-south-1", "aws-iso-f"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("eu-central-1", "aws"),
        ("", "aws"),
        ("us", "aws"),
        ("us-gov-east-1", "aws-us-gov"),
        ("us-gov", "aws-us-gov"),
        ("cn-north-1", "aws-cn"),
    ],
)
def test_a_region_is_in_one_partition(place: str, partition: str) -> None:
    assert get_partition(place) == partition


def test_the_partition_comes_from_the_profile_if_the_region_is_unknown() -> None:
    assert Route("", "us-gov").partition == "aws-us-gov"
    assert Route("").partition == "aws"


def test_a_global_price_does_not_apply_in_other_partitions() -> None:
    book = PriceBook([price("3", (Routing.GLOBAL, ""))])
    for region in ("us-gov-west-1", "cn-north-1"):
        assert find(book, f"global.{NOVA}", region) is None


def test_each_kind_uses_its_scope() -> None:
    book = PriceBook(
        [
            price("1", (Routing.REGION, "eu-west-1")),
            price("9", (Routing.GEOGRAPHY, "eu"), kind=TokenKind.OUTPUT),
            price("2", (Routing.GEOGRAPHY, "eu")),
            price("5", kind=TokenKind.CACHE_READ),
        ]
    )
    found = book.get_prices(NOVA, Route("eu-west-1"), DAY).token_rates(0)
    assert {kind: usd_and_basis(rate) for kind, rate in found.items()} == {
        TokenKind.INPUT: ("1", PriceBasis.REGION),
        TokenKind.OUTPUT: ("9", PriceBasis.GEOGRAPHY),
        TokenKind.CACHE_READ: ("5", PriceBasis.ASSUMED),
    }


def test_a_published_price_of_zero_is_a_price() -> None:
    book = PriceBook([price("0", (Routing.REGION, "eu-west-1")), price("1")])
    assert usd_and_basis(find(book, region="eu-west-1")) == ("0", PriceBasis.REGION)


def test_a_price_of_another_tier_is_never_used() -> None:
    flex = replace(price("1"), service_tier="flex")
    book = PriceBook([price("2"), flex])
    found = book.get_prices(NOVA, Route("eu-west-1"), DAY, "flex").token_rates(0)
    assert usd_and_basis(found[TokenKind.INPUT]) == ("1", PriceBasis.ASSUMED)
    assert not book.get_prices(NOVA, Route("us-east-1"), DAY, "priority")


def test_the_assumed_price_is_the_highest_in_force_for_the_size_of_the_call() -> None:
    large = Rates(100, {TokenKind.INPUT: Decimal(9)})
    book = PriceBook(
        [
            price("7"),
            price("3", effective_from=date(2026, 9, 1)),  # the price of Virginia fell
            replace(price("2", (Routing.REGION, "us-west-2")), rates=(*price("2").rates, large)),
            price("20", (Routing.REGION, "eu-west-1"), effective_from=date(2026, 10, 1)),
        ]
    )
    prices = book.get_prices(NOVA, Route("sa-east-1"), DAY)
    assert get_usd(prices.token_rates(100)[TokenKind.INPUT]) == "3"
    assert get_usd(prices.token_rates(101)[TokenKind.INPUT]) == "9"
    before = book.get_prices(NOVA, Route("sa-east-1"), date(2026, 8, 31))
    assert get_usd(before.token_rates(100)[TokenKind.INPUT]) == "7"


def test_the_highest_prices_of_a_partition_cover_all_models_and_tiers() -> None:
    book = PriceBook(
        [
            price("1"),
            replace(price("8"), service_tier="priority"),
            price("5", model_id="maker.dear"),
            price("99", (Routing.REGION, "us-gov-west-1")),
        ]
    )
    found = book.get_highest_prices("aws", DAY).token_rates(0)[TokenKind.INPUT]
    assert usd_and_basis(found) == ("8", PriceBasis.ASSUMED)


def test_units_have_price_scopes_like_tokens() -> None:
    image = replace(price(), rates=(), usd_per_unit={BilledUnit.IMAGE: Decimal("0.04")})
    dearer = replace(image, place="eu-west-1", usd_per_unit={BilledUnit.IMAGE: Decimal("0.05")})
    book = PriceBook([image, dearer])
    for region, found in (
        ("us-east-1", ("0.04", PriceBasis.REGION)),
        ("sa-east-1", ("0.05", PriceBasis.ASSUMED)),
    ):
        rates = book.get_prices(NOVA, Route(region), DAY).unit_rates
        assert usd_and_basis(rates[BilledUnit.IMAGE]) == found


@pytest.mark.parametrize(
    ("known", "asked", "is_same"),
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
def test_spellings_of_a_version_are_one_model(known: str, asked: str, *, is_same: bool) -> None:
    book = PriceBook([price(model_id=known)])
    assert (find(book, asked, model_id=asked) is not None) is is_same
    assert book.knows(asked) is is_same
    assert is_same_model(known, asked) is is_same


def test_a_name_without_a_version_does_not_choose_between_two() -> None:
    book = PriceBook(
        [price("1", model_id="amazon.embed-v1"), price("2", model_id="amazon.embed-v2:0")]
    )
    assert find(book, model_id="amazon.embed") is None
    assert get_usd(find(book, model_id="amazon.embed-v2")) == "2"


def test_a_spelling_known_in_another_scope_hides_no_price() -> None:
    with_version, without = "anthropic.claude-opus-4-8-v1:0", "anthropic.claude-opus-4-8"
    book = PriceBook(
        [
            price("1", model_id=with_version),
            price("2", (Routing.REGION, "us-gov-west-1"), without),
        ]
    )
    for model_id in (with_version, without):
        assert get_usd(find(book, model_id=model_id)) == "1"
        assert get_usd(find(book, model_id=model_id, region="us-gov-west-1")) == "2"


def test_the_newest_price_applies_in_any_spelling() -> None:
    with_version, without = "anthropic.claude-opus-4-8-v1:0", "anthropic.claude-opus-4-8"
    book = PriceBook(
        [
            price("1", model_id=with_version),
            price("2", model_id=without, effective_from=date(2026, 6, 1)),
        ]
    )
    for model_id in (with_version, without):
        assert get_usd(find(book, model_id=model_id)) == "2"


dates = st.none() | st.dates(date(2024, 1, 1), date(2028, 1, 1))


@given(st.lists(dates, unique=True), st.dates(date(2023, 1, 1), date(2029, 1, 1)), st.randoms())
def test_the_newest_price_in_effect_applies_in_any_order_of_rows(
    begins: list[date | None], day: date, chance: object
) -> None:
    prices = [price(str(place + 1), effective_from=each) for place, each in enumerate(begins)]
    begun = [row for row in prices if row.effective_from is None or row.effective_from <= day]
    expected = max(begun, key=lambda row: row.effective_from or date.min, default=None)
    chance.shuffle(prices)  # type: ignore[attr-defined]
    found = find(PriceBook(prices), day=day)
    assert (found.price if found else None) == expected


@given(st.lists(dates, unique=True, min_size=1), st.dates(date(2023, 1, 1), date(2029, 1, 1)))
def test_an_added_price_changes_no_earlier_day(begins: list[date | None], day: date) -> None:
    prices = [price(str(place + 1), effective_from=each) for place, each in enumerate(begins)]
    later = price("999", effective_from=date(2029, 1, 2))
    assert find(PriceBook([*prices, later]), day=day) == find(PriceBook(prices), day=day)


def test_a_newer_row_with_fewer_kinds_leaves_the_others_in_force() -> None:
    old = replace(
        price(),
        rates=(Rates(0, {TokenKind.INPUT: Decimal(1), TokenKind.OUTPUT: Decimal(2)}),),
    )
    book = PriceBook([old, price("3", effective_from=date(2026, 6, 1))])
    rates = book.get_prices(NOVA, Route("us-east-1"), DAY).token_rates(0)
    assert (get_usd(rates[TokenKind.INPUT]), get_usd(rates[TokenKind.OUTPUT])) == ("3", "2")


def test_a_price_is_never_overwritten() -> None:
    assert len(PriceBook([price(), price()])) == 1
    with pytest.raises(
        PriceConflictError, match=r"nova-pro-v1:0 \(region us-east-1\) from the beginning"
    ):
        PriceBook([price("1"), price("2")])


def test_a_row_with_a_reason_supersedes_one_of_the_same_day() -> None:
    wrong = price("1", effective_from=date(2026, 6, 1))
    right = replace(wrong, rates=price("2").rates, reason="misread", read_on=date(2026, 7, 1))
    newest = replace(right, rates=price("3").rates, read_on=date(2026, 8, 1))
    assert get_usd(find(PriceBook([wrong, right]))) == "2"
    assert get_usd(find(PriceBook([newest, right, wrong]))) == "3"
    with pytest.raises(PriceConflictError):
        PriceBook([right, replace(newest, read_on=right.read_on)])


def test_rows_of_a_day_can_list_different_kinds() -> None:
    output = replace(price("5", kind=TokenKind.OUTPUT), source="another")
    rates = PriceBook([price(), output]).get_prices(NOVA, Route("us-east-1"), DAY).token_rates(0)
    assert {kind: rate.price.source for kind, rate in rates.items()} == {
        TokenKind.INPUT: "tests",
        TokenKind.OUTPUT: "another",
    }


def test_prices_that_differ_only_for_large_calls_are_a_conflict() -> None:
    one, other = (
        replace(price(), rates=(*price().rates, Rates(9, price(usd).rates[0].usd_per_million)))
        for usd in ("2", "3")
    )
    with pytest.raises(PriceConflictError):
        PriceBook([one, other])


def test_prices_of_units_that_differ_are_a_conflict() -> None:
    one, other = (
        replace(price(), rates=(), usd_per_unit={BilledUnit.IMAGE: Decimal(usd)})
        for usd in ("2", "3")
    )
    with pytest.raises(PriceConflictError):
        PriceBook([one, other])


# Listed prices of one model, for properties that hold of any book.
places = st.sampled_from(
    [
        (Routing.REGION, "us-east-1"),
        (Routing.REGION, "eu-west-1"),
        (Routing.REGION, "us-gov-west-1"),
        (Routing.REGION, "cn-north-1"),
        (Routing.GEOGRAPHY, "eu"),
        (Routing.GEOGRAPHY, "us-gov"),
        (Routing.GLOBAL, ""),
        (Routing.GLOBAL, "us-east-1"),
    ]
)
kinds = st.sampled_from(list(TokenKind))
listed = st.lists(
    st.builds(
        lambda scope, kind, usd: price(str(usd), scope, kind=kind),
        places,
        kinds,
        st.integers(0, 50),
    ),
    unique_by=lambda row: (row.routing, row.place, *row.rates[0].usd_per_million),
)
routes = st.builds(
    Route,
    st.sampled_from(["us-east-1", "eu-west-1", "ap-south-1", "us-gov-west-1", "cn-north-1", ""]),
    st.sampled_from(["", "eu", "global", "us-gov"]),
)


@given(listed, routes, kinds)
def test_the_basis_is_region_only_if_the_region_has_a_row_of_the_kind(
    rows: list[Price], route: Route, kind: TokenKind
) -> None:
    found = PriceBook(rows).get_prices(NOVA, route, DAY).token_rates(0).get(kind)
    has_row = any(
        (row.routing, row.place) == (Routing.REGION, route.region)
        and kind in row.rates[0].usd_per_million
        for row in rows
    )
    is_of_region = found is not None and found.basis is PriceBasis.REGION
    assert is_of_region == (has_row and not route.is_global and not route.is_hidden)


@given(listed, routes, kinds)
def test_an_assumed_price_is_at_least_every_listed_price_of_the_partition(
    rows: list[Price], route: Route, kind: TokenKind
) -> None:
    found = PriceBook(rows).get_prices(NOVA, route, DAY).token_rates(0).get(kind)
    of_partition = [
        row.rates[0].usd_per_million[kind]
        for row in rows
        if get_partition(row.place) == route.partition and kind in row.rates[0].usd_per_million
    ]
    assert (found is None) == (not of_partition)
    if found is not None:
        assert found.usd <= max(of_partition)
        if found.basis is PriceBasis.ASSUMED:
            assert found.usd == max(of_partition)


@given(listed, routes)
def test_partitions_never_use_each_other_s_prices(rows: list[Price], route: Route) -> None:
    own = [row for row in rows if get_partition(row.place) == route.partition]
    whole, alone = (PriceBook(each).get_prices(NOVA, route, DAY) for each in (rows, own))
    assert whole.token_rates(0) == alone.token_rates(0)


@given(listed, st.sampled_from(["us-east-1", "eu-west-1", "us-gov-west-1"]))
def test_a_possibly_global_profile_has_the_highest_price(rows: list[Price], region: str) -> None:
    profile = f"arn:aws:bedrock:{region}:111122223333:application-inference-profile/a1b2c3"
    book = PriceBook(rows)
    hidden = book.get_prices(NOVA, read_route(profile, region), DAY).token_rates(0)
    for invoked in (NOVA, f"global.{NOVA}"):
        known = book.get_prices(NOVA, read_route(invoked, region), DAY).token_rates(0)
        assert hidden.keys() == known.keys()
        for kind, rate in hidden.items():
            assert rate.basis is PriceBasis.ASSUMED
            assert rate.usd >= known[kind].usd


def test_a_region_missing_from_the_log_is_read_from_the_arn() -> None:
    arn = "arn:aws-us-gov:bedrock:us-gov-west-1:111122223333:inference-profile/us-gov.maker.model"
    assert read_route(arn, "") == Route("us-gov-west-1", "us-gov")
    assert read_route(arn, "us-gov-east-1").region == "us-gov-east-1"
    assert read_route("maker.model", "").region == ""


def test_a_row_without_a_price_of_large_calls_has_none_if_the_model_has_one() -> None:
    def row(place: str, *usd_by_size: tuple[int, str], tier: str | None = None) -> Price:
        rates = tuple(Rates(size, {TokenKind.INPUT: Decimal(usd)}) for size, usd in usd_by_size)
        when = date(2026, 1, 1)
        return Price("maker.m", Routing.REGION, place, None, rates, "tests", when, tier)

    book = PriceBook(
        [
            row("us-east-1", (0, "3"), (200_000, "6")),
            row("eu-west-1", (0, "4")),
            row("us-east-1", (0, "2"), tier="flex"),
        ]
    )

    def usd(region: str, size: int, tier: str | None = None) -> tuple[str, PriceBasis] | None:
        prices = book.get_prices("maker.m", Route(region), date(2026, 9, 8), tier)
        rate = prices.token_rates(size).get(TokenKind.INPUT)
        return None if rate is None else (str(rate.usd), rate.basis)

    assert usd("eu-west-1", 200_000) == ("4", PriceBasis.REGION)
    assert usd("eu-west-1", 200_001) == ("6", PriceBasis.ASSUMED)
    assert usd("us-east-1", 200_000, "flex") == ("2", PriceBasis.REGION)
    assert usd("us-east-1", 200_001, "flex") is None


def test_batch_prices_say_nothing_about_calls() -> None:
    large = Rates(100, {TokenKind.INPUT: Decimal(9)})
    calls = price("2")
    (rates,) = price("900").rates
    batches = replace(price(), rates=(rates, large), service_tier=BATCH_TIER)
    book = PriceBook([calls, batches])
    day = date(2026, 9, 8)
    for tier in (None, "flex"):
        without = PriceBook([calls]).get_prices(calls.model_id, Route("us-east-1"), day, tier)
        assert book.get_prices(calls.model_id, Route("us-east-1"), day, tier) == without
    assert book.get_highest_prices("aws", day).assumed == (calls,)
    found = book.get_prices(calls.model_id, Route("us-east-1"), day, BATCH_TIER)
    assert found.token_rates(101)[TokenKind.INPUT].usd == Decimal(9)
