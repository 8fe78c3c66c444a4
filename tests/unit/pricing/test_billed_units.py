"""Calls billed in units other than tokens are priced by unit or unpriced, never $0."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import TokenCounts
from lambdas.domain.pricing import (
    GUARDRAILS,
    BilledUnit,
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
from tests.builders import listed_price, usage_record

TEXT = "maker.text-v1:0"
EMBEDDING = "maker.embed-v1:0"
TEXT_EMBEDDING = "maker.text-embed-v1:0"
IMAGES = "stability.images-v1:0"
UNPRICED_IMAGES = "amazon.nova-canvas-v1:0"
RERANKER = "cohere.rerank-v3-5:0"
VIDEO = "twelvelabs.pegasus-1-2-v1:0"

_PRICE = listed_price(TEXT)


def listed(model_id: str, usd: dict[TokenKind, str], **units: str) -> Price:
    rates = (Rates(0, {kind: Decimal(value) for kind, value in usd.items()}),) if usd else ()
    per_unit = {BilledUnit(unit): Decimal(value) for unit, value in units.items()}
    return replace(_PRICE, model_id=model_id, rates=rates, usd_per_unit=per_unit)


PRICING = Pricing(
    PriceBook(
        [
            listed(TEXT, {TokenKind.INPUT: "1", TokenKind.OUTPUT: "5"}),
            listed(EMBEDDING, {TokenKind.INPUT: "0.1"}, image="0.0001"),
            listed(TEXT_EMBEDDING, {TokenKind.INPUT: "0.1"}),
            listed(IMAGES, {}, image="0.04"),
            listed(VIDEO, {TokenKind.OUTPUT: "7.5"}, video_second="0.0005"),
            listed(
                GUARDRAILS,
                {},
                guardrail_topic_unit="0.00015",
                guardrail_content_unit="0.00015",
                guardrail_word_unit="0",
            ),
        ]
    )
)
NONE, ZERO = TokenCounts(), TokenCounts(0, 0)


def compute_cost(
    model_id: str, tokens: TokenCounts, *units: tuple[str, int], pricing: Pricing = PRICING
) -> Decimal | Unpriced:
    record = usage_record(
        model_id=model_id, invoked_model_id=model_id, tokens=tokens, billed_units=units
    )
    cost = price_call(record, pricing)
    assert cost is not None
    return cost.effective_usd if isinstance(cost, Cost) else cost


@pytest.mark.parametrize(
    ("model_id", "tokens", "units", "usd"),
    [
        (IMAGES, NONE, [("image", 3)], "0.12"),
        (IMAGES, ZERO, [("image", 3)], "0.12"),
        (EMBEDDING, TokenCounts(0), [("image", 10)], "0.001"),
        (EMBEDDING, TokenCounts(1_000_000), [("image", 10)], "0.101"),  # text and images
        (EMBEDDING, TokenCounts(1_000_000), [], "0.1"),
        (VIDEO, TokenCounts(0, 1_000_000), [("video_second", 60)], "7.53"),
        (VIDEO, TokenCounts(500, 0), [("video_second", 60)], "0.03"),
        (TEXT, TokenCounts(1_000_000, 0), [("image", 4)], "1"),  # its images are in its tokens
        (TEXT, ZERO, [], "0"),
    ],
)
def test_units_with_a_price_are_part_of_the_cost(
    model_id: str, tokens: TokenCounts, units: list[tuple[str, int]], usd: str
) -> None:
    assert compute_cost(model_id, tokens, *units) == Decimal(usd)


@pytest.mark.parametrize(
    ("model_id", "tokens", "units"),
    [
        (EMBEDDING, ZERO, []),  # images whose number is not reported
        (EMBEDDING, NONE, []),
        (TEXT_EMBEDDING, TokenCounts(0), []),  # of something else than text
        (UNPRICED_IMAGES, NONE, []),
        (UNPRICED_IMAGES, TokenCounts(20, 0), []),
        (UNPRICED_IMAGES, NONE, [("image", 1)]),
        (RERANKER, NONE, []),
        (RERANKER, ZERO, []),
        (RERANKER, NONE, [("search_unit", 1)]),
        (VIDEO, TokenCounts(0, 100), []),  # the seconds cost as well
        (VIDEO, TokenCounts(0, 100), [("image", 1)]),
        (EMBEDDING, TokenCounts(5), [("audio_second", 1)]),
        (TEXT, ZERO, [("image", 1)]),
        (TEXT, NONE, [("audio_second", 9)]),
        (TEXT, TokenCounts(5, 5), [("parsec", 1)]),
        (TEXT, TokenCounts(5, 5), [("guardrail_topic_unit", 1), ("guardrail_new_unit", 1)]),
        (TEXT, TokenCounts(5, 5), [("guardrail_automated_reasoning_unit", 1)]),
    ],
)
def test_units_without_a_price_or_count_make_the_call_unpriced(
    model_id: str, tokens: TokenCounts, units: list[tuple[str, int]]
) -> None:
    assert compute_cost(model_id, tokens, *units) is Unpriced.BILLED_IN_OTHER_UNITS


def test_a_text_model_without_counts_stays_without_counts() -> None:
    assert compute_cost(TEXT, NONE) is Unpriced.NO_COUNTS
    assert compute_cost(TEXT, NONE, ("guardrail_topic_unit", 1)) is Unpriced.NO_COUNTS


def test_the_reserved_tier_is_billed_by_the_hour() -> None:
    record = usage_record(model_id=TEXT, invoked_model_id=TEXT, service_tier="reserved")
    assert price_call(record, PRICING) is Unpriced.BILLED_IN_OTHER_UNITS


@pytest.mark.parametrize("model_id", ["provisioned-model/abc", "imported-model/abc"])
def test_provisioned_and_imported_models_are_billed_by_the_hour(model_id: str) -> None:
    assert compute_cost(model_id, TokenCounts(5, 5)) is Unpriced.BILLED_IN_OTHER_UNITS


def test_guardrail_units_are_charged_in_addition_to_the_tokens() -> None:
    record = usage_record(
        model_id=TEXT,
        invoked_model_id=f"global.{TEXT}",
        tokens=TokenCounts(1_000_000, 0),
        billed_units=(("guardrail_content_unit", 2), ("guardrail_word_unit", 3)),
    )
    priced = price_call(record, PRICING)
    assert isinstance(priced, Cost)
    assert [(line.unit, line.quantity, line.model_id, line.usd) for line in priced.unit_lines] == [
        (BilledUnit.GUARDRAIL_CONTENT_UNIT, 2, GUARDRAILS, Decimal("0.0003")),
        (BilledUnit.GUARDRAIL_WORD_UNIT, 3, GUARDRAILS, Decimal(0)),
    ]
    # The guardrail is billed in the Region, whatever profile reached the model.
    assert {line.listed.basis for line in priced.unit_lines} == {PriceBasis.REGION}
    assert priced.effective_usd == Decimal("1.0003")
    assert priced.basis is PriceBasis.ASSUMED  # of the tokens: there is no global price


def test_a_call_blocked_by_a_guardrail_costs_only_the_guardrail() -> None:
    assert compute_cost(TEXT, ZERO, ("guardrail_topic_unit", 2)) == Decimal("0.0003")


def test_a_contracted_discount_applies_to_units_too() -> None:
    half = ContractedPrices([ContractedPrice("*", date(2026, 1, 1), {}, Decimal(50))])
    pricing = Pricing(PRICING.book, half)
    record = usage_record(
        model_id=IMAGES,
        invoked_model_id=IMAGES,
        tokens=NONE,
        billed_units=(("guardrail_topic_unit", 2), ("image", 3)),
    )
    cost = price_call(record, pricing)
    assert isinstance(cost, Cost)
    assert (cost.list_usd, cost.effective_usd) == (Decimal("0.1203"), Decimal("0.06015"))


def test_unit_prices_are_not_assumed_if_assuming_is_switched_off() -> None:
    pricing = replace(PRICING, assume_prices=False)
    record = usage_record(
        model_id=IMAGES,
        invoked_model_id=IMAGES,
        region="eu-west-1",
        tokens=NONE,
        billed_units=(("image", 1),),
    )
    cost = price_call(record, PRICING)
    assert isinstance(cost, Cost)
    assert cost.basis is PriceBasis.ASSUMED
    assert price_call(record, pricing) is Unpriced.ONLY_ASSUMED


@given(
    st.sampled_from([TEXT, EMBEDDING, IMAGES, UNPRICED_IMAGES, RERANKER, VIDEO]),
    st.sampled_from([NONE, ZERO, TokenCounts(0)]),
    st.lists(
        st.tuples(
            st.sampled_from(["image", "search_unit", "audio_second", "guardrail_topic_unit", "x"]),
            st.integers(1, 100),
        ),
        min_size=1,
        unique_by=lambda pair: pair[0],
    ),
)
def test_billed_units_without_tokens_never_cost_zero(
    model_id: str, tokens: TokenCounts, units: list[tuple[str, int]]
) -> None:
    assert compute_cost(model_id, tokens, *sorted(units)) != 0
