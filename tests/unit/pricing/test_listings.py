"""A listing has the rates of logged calls, and counts omitted rows."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.pricing import PriceBook, Rates, Routing, TokenKind
from lambdas.domain.pricing.editions import Listing
from lambdas.domain.pricing.listings import has_later_prices, large_call_sizes, read_listing
from lambdas.domain.pricing.price_list import read_bulk_file
from tests.unit.pricing.editions import NOVA, price
from tests.unit.pricing.price_list.bulk_files import ROW, bulk_file, listed

TODAY = date(2026, 11, 28)
MICRO = "amazon.nova-micro-v1:0"


def read(
    *rows: Mapping[str, Any],
    region: str = "us-east-1",
    large_calls: Mapping[str, int] | None = None,
) -> Listing:
    return read_listing(
        read_bulk_file(bulk_file(rows)),
        region=region,
        today=TODAY,
        large_calls=large_calls or {},
    )


def row(ending: str, usd: str = "0.000035", **attributes: str) -> dict[str, Any]:
    usage_type = f"USE1-NovaMicro-input-tokens{ending}"
    return listed({**ROW, "usagetype": usage_type, **attributes}, usd)


def figures(found: Listing) -> list[tuple[Routing, str | None, int, str]]:
    return [
        (rate.routing, rate.service_tier, rate.above_input_tokens, str(rate.usd))
        for rate in found.rates
    ]


def test_tiers_and_global_calls_have_separate_rates() -> None:
    found = read(row(""), row("-flex", "0.0000175"), row("-cross-region-global", "0.00003"))
    assert figures(found) == [
        (Routing.GLOBAL, None, 0, "0.03"),
        (Routing.REGION, None, 0, "0.035"),
        (Routing.REGION, "flex", 0, "0.0175"),
    ]
    assert {(rate.model_id, rate.place, rate.item) for rate in found.rates} == {
        (MICRO, "us-east-1", TokenKind.INPUT)
    }


def test_batch_is_a_tier_of_its_own() -> None:
    found = read(row(""), row("-batch", "0.0000175"), row("-cross-region-global-batch", "0.000015"))
    assert figures(found) == [
        (Routing.GLOBAL, "batch", 0, "0.015"),
        (Routing.REGION, None, 0, "0.035"),
        (Routing.REGION, "batch", 0, "0.0175"),
    ]
    assert found.left_out == {}


def test_a_batch_price_in_another_tier_is_left_out_and_counted() -> None:
    assert read(row("-flex-batch")).left_out == {"other_variant": 1}


def test_a_row_of_another_region_is_left_out() -> None:
    assert read(row(""), region="eu-west-1").left_out == {"other_region": 1}


def test_calls_through_a_geography_have_the_region_s_price_by_default() -> None:
    assert figures(read(row("-cross-region-geo"))) == [(Routing.REGION, None, 0, "0.035")]
    both = read(row("-cross-region-geo", "0.00004"), row(""))
    assert figures(both) == [(Routing.REGION, None, 0, "0.035")]


def test_a_price_of_large_calls_needs_a_size_from_the_book() -> None:
    large = row("-long-context", "0.00007")
    assert read(large).left_out == {"unknown_size_of_large_calls": 1}
    assert figures(read(large, large_calls={MICRO: 200_000})) == [
        (Routing.REGION, None, 200_000, "0.07")
    ]


def test_different_prices_of_one_rate_are_all_listed() -> None:
    found = read(row(""), row("", "0.00004"))
    assert [str(rate.usd) for rate in found.rates] == ["0.035", "0.04"]


def test_names_of_unknown_models_are_listed() -> None:
    found = read(row("", model="Nova 99 Huge", usagetype="USE1-Nova99Huge-input-tokens"))
    assert found.unmapped_names == ("Nova 99 Huge",)


def test_future_prices_are_left_out() -> None:
    later = listed(ROW, effective="2026-12-01T00:00:00Z")
    assert has_later_prices(read(later))
    assert not read(later).rates
    assert not has_later_prices(read(row("")))


@pytest.mark.parametrize("usd", ["99999", "1E+5", "1e-400", f"0.{'0' * 34}1"])
def test_an_implausible_price_stops_no_other_price(usd: str) -> None:
    found = read(row("", usd), row("-flex", "0.0000175"))
    assert figures(found) == [(Routing.REGION, "flex", 0, "0.0175")]
    assert found.left_out == {"no_usd_price": 1}


@given(st.decimals(allow_nan=True).map(str) | st.text(max_size=10), st.sampled_from(["1K", "1M"]))
def test_every_price_is_a_rate_or_is_left_out(usd: str, tokens: str) -> None:
    found = read(listed(ROW, usd, f"{tokens} tokens"))
    assert len(found.rates) + sum(found.left_out.values()) == 1


def test_the_same_content_has_the_same_key() -> None:
    assert read(row("")).key == read(row("")).key != read(row("", "0.00004")).key


def test_the_size_of_large_calls_is_found_for_every_spelling_of_a_model() -> None:
    sizes = (
        Rates(0, {TokenKind.INPUT: Decimal(1)}),
        Rates(200_000, {TokenKind.INPUT: Decimal(2)}),
    )
    several = (*sizes, Rates(400_000, {TokenKind.INPUT: Decimal(3)}))
    prices = PriceBook([price(rates=sizes), price(rates=several, model_id="a.b")])
    found = large_call_sizes(prices)
    assert found[NOVA] == found["amazon.nova-pro"] == found["amazon.nova-pro-v1"] == 200_000
    assert "a.b" not in found
