"""The cost of a call is exact, adds up, and is never zero if unknown."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.invocations.usage_record import CallVariant
from lambdas.domain.pricing import (
    ContractedPrice,
    ContractedPrices,
    Cost,
    PriceBasis,
    PriceBook,
    Pricing,
    Rates,
    TokenKind,
    Unpriced,
)
from lambdas.domain.pricing.call_pricing import price_call
from tests.builders import (
    HAIKU_3,
    NOON,
    SONNET_4,
    listed_price,
    usage_record,
    usage_records,
    usd_by_kind,
)

USD = usd_by_kind("3", "15", "0.3", "3.75", "6")
LISTED = listed_price(HAIKU_3, Rates(0, USD))
HALF = {kind: usd / 2 for kind, usd in USD.items()}
FLEX = replace(LISTED, rates=(Rates(0, HALF),), service_tier="flex")
BOOK = PriceBook([LISTED, FLEX], edition="e1")
TODAY = NOON.date()


def compute_cost(
    record: UsageRecord, *contracted: ContractedPrice, book: PriceBook = BOOK
) -> object:
    return price_call(record, Pricing(book, ContractedPrices(contracted)))


def usd(record: UsageRecord, *contracted: ContractedPrice, book: PriceBook = BOOK) -> Decimal:
    cost = compute_cost(record, *contracted, book=book)
    assert isinstance(cost, Cost)
    return cost.effective_usd


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (TokenCounts(input=1_000_000, output=0), "3"),
        (TokenCounts(input=0, output=1_000_000), "15"),
        (TokenCounts(input=1, output=1), "0.000018"),
        (TokenCounts(1, 1, cache_read=1_000_000), "0.300018"),
        (TokenCounts(1, 1, cache_write=1_000_000), "3.750018"),
        (TokenCounts(1, 1, cache_write=1_000_000, cache_write_1h=400_000), "4.650018"),
        (TokenCounts(input=7), "0.000021"),  # an embedding
        (TokenCounts(input=0, output=0), "0"),  # a guardrail in the way: nothing was used
    ],
)
def test_each_kind_of_tokens_has_its_price(tokens: TokenCounts, expected: str) -> None:
    assert usd(usage_record(tokens=tokens)) == Decimal(expected)


def test_a_cost_names_its_price_basis_edition_and_model() -> None:
    usd = Decimal("0.000105")
    variant = CallVariant(HAIKU_3, HAIKU_3, None)
    cost = compute_cost(usage_record())
    assert isinstance(cost, Cost)
    assert cost._replace(lines=()) == Cost(usd, usd, LISTED, None, PriceBasis.REGION, "e1", variant)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (usage_record(model_id=SONNET_4), Unpriced.NO_PRICE),
        (usage_record(model_id=SONNET_4, service_tier="flex"), Unpriced.NO_PRICE),
        (usage_record(service_tier="priority"), Unpriced.NO_PRICE_OF_THE_TIER),
        (usage_record(tokens=TokenCounts()), Unpriced.NO_COUNTS),
        (usage_record(tokens=TokenCounts(cache_read=5)), Unpriced.NO_COUNTS),
        (usage_record(error_code="ThrottlingException"), None),
    ],
)
def test_a_call_without_a_cost_has_a_reason_and_is_never_zero(
    record: UsageRecord, why: Unpriced | None
) -> None:
    assert compute_cost(record) is why


@pytest.mark.parametrize("kind", TokenKind)
def test_a_kind_without_a_price_makes_calls_with_that_kind_unpriced(kind: TokenKind) -> None:
    rest = {other: value for other, value in USD.items() if other is not kind}
    book = PriceBook([replace(LISTED, rates=(Rates(0, rest),))])
    used = TokenCounts(1, 1, 1, 2, 1)
    assert compute_cost(usage_record(tokens=used), book=book) is Unpriced.NO_PRICE_OF_A_KIND
    names = {TokenKind.CACHE_WRITE_5M: "cache_write", TokenKind.CACHE_WRITE_1H: "cache_write_1h"}
    unused = used._replace(**{names.get(kind, kind.value): 0 if kind != "cache_write_5m" else 1})
    assert usd(usage_record(tokens=unused), book=book) > 0


def test_all_tokens_of_a_large_call_have_the_price_of_large_calls() -> None:
    rates = (Rates(0, USD), Rates(100, {kind: 2 * value for kind, value in USD.items()}))
    book = PriceBook([replace(LISTED, rates=rates)])
    small = usage_record(tokens=TokenCounts(90, 10, cache_read=10))
    large = usage_record(tokens=TokenCounts(91, 10, cache_read=10))
    assert usd(small, book=book) == usd(small)
    assert usd(large, book=book) == 2 * usd(large)


def agreed(
    model: str = HAIKU_3,
    since: date = TODAY,
    percent: str = "0",
    tier: str | None = None,
    **usd: str,
) -> object:
    rates = {TokenKind(kind): Decimal(value) for kind, value in usd.items()}
    return ContractedPrice(model, since, rates, Decimal(percent), tier)


@pytest.mark.parametrize(
    ("contracted", "expected"),
    [
        ([], "18"),
        ([agreed(percent="10")], "16.2"),
        ([agreed(output="10")], "13"),
        ([agreed(output="10", percent="50")], "11.5"),
        ([agreed("anthropic.*", percent="50")], "9"),
        ([agreed("anthropic.*", percent="50"), agreed(percent="10")], "16.2"),  # the closest name
        ([agreed("*", percent="50"), agreed("anthropic.claude-3*", percent="10")], "16.2"),
        # A name is closer than a pattern, though that is longer.
        (
            [
                agreed(HAIKU_3.removesuffix("-v1:0"), percent="10"),
                agreed(HAIKU_3.replace("v1:0", "v1*"), percent="50"),
            ],
            "16.2",
        ),
        ([agreed("amazon.*", percent="50")], "18"),
        ([agreed(HAIKU_3.removesuffix("-v1:0"), percent="50")], "9"),
        ([agreed(HAIKU_3.replace("v1:0", "v2:0"), percent="50")], "18"),
        ([agreed(since=date(2026, 9, 9), percent="50")], "18"),  # from tomorrow on
        ([agreed(since=date(2026, 1, 1), percent="50"), agreed(percent="10")], "16.2"),
    ],
)
def test_a_contracted_price_applies_from_its_first_day(
    contracted: list[ContractedPrice], expected: str
) -> None:
    record = usage_record(tokens=TokenCounts(10**6, 10**6))
    cost = compute_cost(record, *contracted)
    assert isinstance(cost, Cost)
    assert cost.effective_usd == Decimal(expected)
    assert cost.list_usd == 18


@pytest.mark.parametrize(
    ("contracted", "expected"),
    [
        ([], "9"),
        ([agreed(percent="10")], "8.1"),  # a discount is of all tiers
        ([agreed(output="10")], "9"),  # a rate is of the standard one
        ([agreed(output="10", percent="50")], "9"),
        ([agreed(output="10"), agreed("*", percent="10")], "8.1"),
        ([agreed(output="4", tier="flex")], "5.5"),
        ([agreed(percent="50", tier="priority")], "9"),
        ([agreed(percent="50"), agreed(percent="10", tier="flex", since=date(2026, 1, 1))], "8.1"),
    ],
)
def test_a_call_in_a_service_tier_has_the_price_of_that_tier(
    contracted: list[ContractedPrice], expected: str
) -> None:
    record = usage_record(tokens=TokenCounts(10**6, 10**6), service_tier="flex")
    assert usd(record, *contracted) == Decimal(expected)


def test_unknown_tier_is_reported_separately_from_unknown_model() -> None:
    record = usage_record(model_id="custom-model/abc", service_tier="flex")
    own = agreed("custom-model/abc", input="1", output="2")
    assert compute_cost(record) is Unpriced.NO_PRICE
    assert compute_cost(record, own) is Unpriced.NO_PRICE_OF_THE_TIER  # type: ignore[arg-type]


def test_a_tier_with_a_contracted_price_needs_no_list_price() -> None:
    record = usage_record(tokens=TokenCounts(10**6, 10**6), service_tier="priority")
    cost = compute_cost(record, agreed(input="4", output="20", tier="priority"))  # type: ignore[arg-type]
    assert isinstance(cost, Cost)
    assert (cost.list_usd, cost.effective_usd) == (None, Decimal(24))


def test_a_custom_model_has_its_contracted_price_and_no_list_price() -> None:
    own = agreed("imported-model/abc", input="1", output="2")
    record = usage_record(model_id="imported-model/abc", tokens=TokenCounts(10**6, 10**6))
    cost = compute_cost(record, own)  # type: ignore[arg-type]
    assert isinstance(cost, Cost)
    assert (cost.list_usd, cost.effective_usd, cost.price) == (None, Decimal(3), None)
    discount = agreed("imported-model/abc", percent="5")
    assert compute_cost(record, discount) is Unpriced.BILLED_IN_OTHER_UNITS  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model_id", "is_known"),
    [
        (HAIKU_3, True),
        (HAIKU_3.removesuffix("-v1:0"), True),
        (HAIKU_3.replace("v1:0", "v2:0"), False),
        (SONNET_4, False),
        ("imported-model/abc", True),
        ("imported-model/def", False),
        ("custom-model/abc", False),
    ],
)
def test_a_model_is_known_if_calls_of_it_can_have_a_cost(model_id: str, *, is_known: bool) -> None:
    own, discount = agreed("imported-model/abc", input="1"), agreed("custom-model/*", percent="5")
    assert Pricing(BOOK, ContractedPrices([own, discount])).knows(model_id) is is_known  # type: ignore[list-item]


priced = usage_records.map(lambda record: record._replace(model_id=HAIKU_3))
of_one_tier = priced.map(lambda record: record._replace(service_tier=None))


def total(records: list[UsageRecord]) -> Decimal:
    costs = (price_call(record, Pricing(BOOK)) for record in records)
    return sum((cost.effective_usd for cost in costs if isinstance(cost, Cost)), Decimal(0))


@given(st.lists(priced), st.integers(0, 20))
def test_cost_is_additive_for_any_split_of_records(records: list[UsageRecord], cut: int) -> None:
    assert total(records[:cut]) + total(records[cut:]) == total(records)


@given(st.lists(of_one_tier))
def test_pricing_a_sum_equals_the_sum_of_prices(records: list[UsageRecord]) -> None:
    counted = [
        record for record in records if not record.is_failed and not record.tokens.is_missing
    ]
    tokens = TokenCounts(
        *(
            sum(record.tokens[place] or 0 for record in counted)
            for place in range(len(TokenCounts._fields))
        )
    )
    at_once = usd(usage_record(tokens=tokens)) if counted else Decimal(0)
    assert total(records) == at_once


@given(usage_records, st.decimals(0, 99, places=2))
def test_money_is_decimal_and_a_discount_never_makes_a_call_dearer(
    record: UsageRecord, percent: Decimal
) -> None:
    cost = compute_cost(record, ContractedPrice("*", date(2020, 1, 1), {}, percent))
    if isinstance(cost, Cost):
        assert isinstance(cost.effective_usd, Decimal)
        assert isinstance(cost.list_usd, Decimal)
        assert 0 <= cost.effective_usd <= cost.list_usd
        assert cost.effective_usd * 100 == cost.list_usd * (100 - percent)
