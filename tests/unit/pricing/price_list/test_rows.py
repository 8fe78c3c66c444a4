"""Each row of the AWS Price List gives its price or the reason why it has none."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lambdas.domain.pricing import BATCH_TIER, Route, shipped_prices
from lambdas.domain.pricing.price import BilledUnit, Routing, TokenKind
from lambdas.domain.pricing.price_list import (
    Endpoint,
    LeftOut,
    ListedPrice,
    NotARow,
    Plan,
    PriceKey,
    PriceListRow,
    read_row,
)
from tests.unit.pricing.price_list.bulk_files import ROW

RECORDED: list[dict[str, Any]] = json.loads(
    Path("tests/fixtures/price-list-rows.json").read_text(encoding="utf-8")
)
TOKYO, VIRGINIA = "ap-northeast-1", "us-east-1"


def key(model_id: str, region: str, measure: TokenKind | BilledUnit, **rest: Any) -> PriceKey:
    """The key of a standard price in a Region."""
    plain = PriceKey(
        model_id,
        region,
        Routing.REGION,
        None,
        Plan.ON_DEMAND,
        Endpoint.RUNTIME,
        is_long_context=False,
        variant="",
        measure=measure,
    )
    return plain._replace(**rest)


NOVA_LITE, GLM, NEMOTRON = "amazon.nova-lite-v1:0", "zai.glm-5", "nvidia.nemotron-nano-12b-v2"
SONNET_4_5 = "anthropic.claude-sonnet-4-5-20250929-v1:0"
BATCH, MANTLE, GLOBAL = Plan.BATCH, Endpoint.MANTLE, Routing.GLOBAL
INPUT, OUTPUT = TokenKind.INPUT, TokenKind.OUTPUT
MEANINGS: dict[int, tuple[PriceKey, str] | NotARow] = {
    1: (key(NOVA_LITE, TOKYO, INPUT), "0.072"),
    2: (key(NOVA_LITE, TOKYO, INPUT, plan=BATCH), "0.036"),
    3: (key(NOVA_LITE, TOKYO, TokenKind.CACHE_READ), "0.018"),
    4: (key("amazon.nova-micro-v1:0", VIRGINIA, TokenKind.CACHE_WRITE_5M), "0"),
    5: NotARow(LeftOut.CUSTOM_MODEL, "USE1-NovaMicro-input-tokens-custom-model"),
    6: (key("amazon.nova-2-lite-v1:0", TOKYO, OUTPUT, routing=GLOBAL), "3.01"),
    7: (key(GLM, TOKYO, INPUT), "1.2"),
    8: (key(GLM, TOKYO, INPUT, endpoint=MANTLE), "1.2"),
    9: (key(GLM, TOKYO, INPUT, endpoint=MANTLE, service_tier="flex"), "0.6"),
    10: (key(NEMOTRON, TOKYO, INPUT), "0.24"),
    11: (key(NEMOTRON, TOKYO, INPUT, endpoint=MANTLE), "0.24"),
    12: (key("amazon.titan-embed-text-v1", TOKYO, INPUT), "0.2"),
    13: (
        key("amazon.nova-canvas-v1:0", TOKYO, BilledUnit.IMAGE, variant="t2i 1024 standard"),
        "0.04",
    ),
    14: NotARow(LeftOut.PROVISIONED, "USE1-NovaMicro-ProvisionedThroughput-NoCommit-ModelUnits"),
    15: (key("qwen.qwen3-next-80b-a3b", "ap-south-1", INPUT), "0.18"),
    16: (key("xai.grok-4.7", VIRGINIA, INPUT, endpoint=MANTLE, routing=GLOBAL), "2"),
    17: (key("amazon.nova-2-5-sonic", VIRGINIA, INPUT, variant="text"), "0.33"),
    18: (key("anthropic.claude-sonnet-4-6", VIRGINIA, INPUT), "3.3"),
    19: (key(SONNET_4_5, TOKYO, INPUT, routing=GLOBAL), "3"),
    20: (key(SONNET_4_5, TOKYO, TokenKind.CACHE_WRITE_1H), "6.6"),
    21: (key(SONNET_4_5, TOKYO, INPUT, plan=BATCH), "1.65"),
    22: NotARow(LeftOut.RESERVED, "APN1-MP:APN1_Reserved_1Month_InputTPM_Geo-Units"),
    23: (
        key("anthropic.claude-opus-4-7", VIRGINIA, TokenKind.CACHE_WRITE_1H, routing=GLOBAL),
        "10",
    ),
    24: (key("openai.gpt-6-astra", VIRGINIA, INPUT, is_long_context=True), "22"),
    25: (key("cohere.embed-v4:0", TOKYO, INPUT), "0.12"),
}


def read(
    attributes: dict[str, str] | None = None,
    offer: str = "AmazonBedrock",
    unit: str = "1K tokens",
    usd: str = "0.000035",
) -> PriceListRow | NotARow:
    return read_row(offer, ROW | (attributes or {}), ListedPrice(unit, usd))


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda row: f"row {row['n']}")
def test_a_recorded_row_is_interpreted(recorded: dict[str, Any]) -> None:
    listed = ListedPrice(recorded["unit"], recorded["usd"], recorded["effectiveDate"] or "")

    row = read_row(recorded["offer"], recorded["attributes"], listed)

    if isinstance(row, PriceListRow):
        assert (row.key, f"{row.usd:f}") == MEANINGS[recorded["n"]]
        assert str(row.effective_from) == (recorded["effectiveDate"] or "None")[:10]
    else:
        assert row == MEANINGS[recorded["n"]]


def test_a_lower_case_unit_is_accepted_and_its_medium_kept() -> None:
    attributes = {"model": "Nova 2.5 Sonic"}
    text, speech = (
        read(
            attributes | {"usagetype": f"USE1-NovaSonic2.5-{medium}-input-tokens"},
            unit="1k tokens",
            usd=usd,
        )
        for medium, usd in (("text", "0.00033"), ("speech", "0.003"))
    )

    assert isinstance(text, PriceListRow)
    assert isinstance(speech, PriceListRow)
    assert (text.key.variant, text.usd) == ("text", Decimal("0.33"))
    assert (speech.key.variant, speech.usd) == ("speech", Decimal(3))


@pytest.mark.parametrize(
    ("usd", "expected"),
    [
        ("0.0000350000", "0.035"),
        ("3.5E-5", "0.035"),
        ("1000", "1000000"),
        ("0.0000000000", "0"),
        ("0.000000000000000001", "0.000000000000001"),
    ],
)
def test_a_price_is_read_exactly(usd: str, expected: str) -> None:
    row = read(usd=usd)

    assert isinstance(row, PriceListRow)
    assert f"{row.usd:f}" == expected


def test_the_region_code_is_used_for_an_unknown_prefix() -> None:
    row = read({"usagetype": "ZZQ9-NovaMicro-input-tokens", "regionCode": "us-west-2"})

    assert isinstance(row, PriceListRow)
    assert row.key.region == "us-west-2"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"attributes": {"usagetype": "USE1-Agents-Steps"}}, LeftOut.USAGE_TYPE_NOT_UNDERSTOOD),
        ({"unit": "hour"}, LeftOut.UNKNOWN_UNIT),
        ({"unit": "Units"}, LeftOut.UNKNOWN_UNIT),
        ({"usd": ""}, LeftOut.NO_USD_PRICE),
        ({"usd": "NaN"}, LeftOut.NO_USD_PRICE),
        ({"usd": "-1"}, LeftOut.NO_USD_PRICE),
        ({"usd": "1e30"}, LeftOut.NO_USD_PRICE),
        ({"usd": "99999"}, LeftOut.NO_USD_PRICE),
        ({"usd": "1E+5"}, LeftOut.NO_USD_PRICE),
        ({"usd": "1e-400"}, LeftOut.NO_USD_PRICE),
        ({"usd": f"0.{'0' * 34}1"}, LeftOut.NO_USD_PRICE),
        ({"usd": "1e-40"}, LeftOut.NO_USD_PRICE),
        ({"usd": "1_000"}, LeftOut.NO_USD_PRICE),
        ({"usd": " 1 "}, LeftOut.NO_USD_PRICE),
        ({"usd": "\u0661"}, LeftOut.NO_USD_PRICE),
        ({"attributes": {"feature": "Batch Inference"}}, LeftOut.CONTRADICTORY),
        ({"attributes": {"feature": "Model Customization"}}, LeftOut.CONTRADICTORY),
        ({"attributes": {"service_tier": "flex"}}, LeftOut.CONTRADICTORY),
        ({"attributes": {"regionCode": "eu-central-1"}}, LeftOut.CONTRADICTORY),
        (
            {"attributes": {"usagetype": "EUC1-NovaMicro-input-tokens"}},
            LeftOut.CONTRADICTORY,
        ),
        ({"attributes": {"service_tier": "batch"}}, LeftOut.CONTRADICTORY),
        ({"attributes": {"model": "Nova Lite"}}, LeftOut.UNMAPPED_MODEL),
        (
            {"attributes": {"usagetype": "ZZQ9-NovaMicro-input-tokens", "regionCode": ""}},
            LeftOut.UNKNOWN_REGION,
        ),
    ],
)
def test_a_row_with_an_ambiguous_price_is_left_out(
    changes: dict[str, Any], reason: LeftOut
) -> None:
    row = read(**changes)

    assert isinstance(row, NotARow)
    assert row.reason == reason


def test_marketplace_units_are_units_if_no_tokens_are_counted() -> None:
    row = read(
        {"usagetype": "USE1-MP:USE1_search_units-Units", "model": "Cohere Rerank 3.5"},
        unit="Units",
        usd="0.002",
    )

    assert isinstance(row, PriceListRow)
    assert row.key.measure is BilledUnit.SEARCH_UNIT
    assert row.usd == Decimal("0.002")


def test_recorded_prices_of_calls_and_batch_jobs_match_the_shipped_book() -> None:
    compared = 0
    for meaning in MEANINGS.values():
        if isinstance(meaning, NotARow):
            continue
        listed, usd = meaning
        if listed.endpoint is not Endpoint.RUNTIME:
            continue  # bedrock-mantle is not in invocation logs
        if listed.is_long_context or listed.variant:
            continue  # the list does not say where large calls begin, nor which images a call made
        profile = "global" if listed.routing is Routing.GLOBAL else ""
        tier = BATCH_TIER if listed.plan is Plan.BATCH else listed.service_tier
        prices = shipped_prices().get_prices(
            listed.model_id, Route(listed.region, profile), date(2026, 11, 28), tier
        )
        assert isinstance(listed.measure, TokenKind)
        rate = prices.token_rates(0)[listed.measure]
        assert (rate.usd, rate.basis.value) == (Decimal(usd), listed.routing.value), listed
        compared += 1
    assert compared == 15
