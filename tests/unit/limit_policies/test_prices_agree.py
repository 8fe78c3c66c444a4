"""The gateway settles a call at the ledger's figure, to the pico-dollar."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.attribution import AttributionRules, ProfiledModel, TagFacts
from lambdas.domain.attribution.tags import profile_arn
from lambdas.domain.bedrock_calls import (
    EVENT_STREAM,
    BedrockOperation,
    BedrockPath,
    CallNeed,
    make_usage_reader,
)
from lambdas.domain.calls import CallEnricher, CallPrices
from lambdas.domain.counters import measure_amounts as measure_recorded
from lambdas.domain.invocations import AskedCall, ServedCall, TokenCounts, read_invocation
from lambdas.domain.invocations.usage_record import UsageRecord
from lambdas.domain.limit_policies import CallPricing, count_amounts
from lambdas.domain.limits import LimitUnit
from lambdas.domain.pricing import (
    ContractedPrice,
    ContractedPrices,
    Price,
    Pricing,
    Routing,
    TokenKind,
    shipped_prices,
)
from lambdas.domain.pricing.price import BATCH_TIER
from tests.builders import NOON, usage_record
from tests.gateway import write_chunk, write_event

FIXTURES = Path(__file__).parents[2] / "fixtures"
OPERATIONS = {each.log_name: each for each in BedrockOperation}
PRICING = Pricing(shipped_prices())
CONTRACTED = Pricing(
    shipped_prices(),
    ContractedPrices(
        [
            ContractedPrice("anthropic.*", date(2020, 1, 1), {}, Decimal("12.3457")),
            ContractedPrice(
                "amazon.nova-pro-v1:0",
                date(2020, 1, 1),
                {TokenKind.CACHE_READ: Decimal("7.777777777"), TokenKind.INPUT: Decimal("0.1")},
                Decimal("3.3333"),
            ),
        ]
    ),
)
"""Prices whose costs have parts of a pico-dollar, and one of a cache that costs most."""
PRICED = sorted(
    {
        (price.model_id, price.service_tier, price.routing, price.place)
        for price in PRICING.book
        if price.rates and price.service_tier != BATCH_TIER
    },
    key=str,
)
ALL_UNITS = [unit for unit in LimitUnit if unit is not LimitUnit.CONCURRENT]
HOUR, MINUTES = TokenCounts(7, 11, 13, 17, 17), TokenCounts(7, 11, 13, 17, 5)
SHAPES = (TokenCounts(1003, 207), MINUTES, HOUR, TokenCounts(250_001, 1003, 5, 7, 3))


def list_logs() -> Iterator[dict[str, Any]]:
    files = [FIXTURES / "invocation-logs.ndjson", *sorted(FIXTURES.glob("cases/*/input.ndjson"))]
    for file in files:
        for line in file.read_text().splitlines():
            try:
                log = json.loads(line)
            except ValueError:
                continue
            if isinstance(log, dict) and log.get("operation") in OPERATIONS:
                yield log


def answer(log: Mapping[str, Any]) -> tuple[dict[str, str], list[bytes]]:
    """The headers and the pieces of the answer that Bedrock has logged."""
    output, read = log.get("output", {}), log.get("input", {})
    body = output.get("outputBodyJson")
    body = json.loads(body) if isinstance(body, str) else body
    operation = OPERATIONS[log["operation"]]
    if operation is BedrockOperation.CONVERSE_STREAM:
        events = [next(iter(chunk.items())) for chunk in body if isinstance(chunk, dict) and chunk]
        return {"content-type": EVENT_STREAM}, [write_event(*event) for event in events]
    if operation is BedrockOperation.INVOKE_STREAM:
        return {"content-type": EVENT_STREAM}, [write_chunk(chunk) for chunk in body]
    counts = {
        "input": read.get("inputTokenCount"),
        "output": output.get("outputTokenCount"),
        "cache-read-input": read.get("cacheReadInputTokenCount"),
        "cache-write-input": read.get("cacheWriteInputTokenCount"),
    }
    headers = {
        f"x-amzn-bedrock-{name}-token-count": str(count)
        for name, count in counts.items()
        if count is not None and operation is BedrockOperation.INVOKE
    }
    return headers, [json.dumps(body).encode()]


def settle(log: Mapping[str, Any], record: UsageRecord, pricing: Pricing) -> Any:
    """The amounts by which the gateway settles a call."""
    path = BedrockPath(OPERATIONS[log["operation"]], log["modelId"])
    called = record.model_id if profile_arn(path.model_id) else path.model_id
    headers, pieces = answer(log)
    latency = log.get("performanceConfig", {}).get("latency")
    sent = {"x-amzn-bedrock-performanceconfig-latency": latency} if latency else {}
    reader = make_usage_reader(path, headers, sent)
    for piece in pieces:
        reader.read(piece)
    asked = AskedCall(called, path.operation.log_name, "flex", record.timestamp)
    prices = CallPrices(lambda: pricing, record.region)
    return count_amounts(
        reader.count(), record.model_id, CallPricing(prices, asked), reader.read_service()
    )


@pytest.mark.parametrize("pricing", [PRICING, CONTRACTED], ids=["listed", "contracted"])
def test_the_fixtures_are_settled_as_the_ledger_counts_them(pricing: Pricing) -> None:
    compared, tiers = 0, set[str | None]()
    for log in list_logs():
        record = read_invocation(log)
        if not isinstance(record, UsageRecord) or record.is_failed:
            continue
        if (record.tokens.input is None or record.tokens.output is None) or not log["output"].get(
            "outputBodyJson"
        ):
            continue  # settled by the ledger, or stays as it was reserved
        if record.prompt_router is not None:
            continue  # its model is not known before the log is there
        profiles = {record.invoked_model_id: ProfiledModel(record.model_id)}
        enricher = CallEnricher(pricing, AttributionRules(), TagFacts.from_profiles(profiles))
        counted = measure_recorded([enricher.enrich(record)])
        settled = settle(log, record, pricing)
        if settled.total is None:
            continue  # the body in the log is cut off
        assert {unit: settled.get(unit) for unit in ALL_UNITS} == {
            unit: counted.get(unit) for unit in ALL_UNITS
        } | {LimitUnit.REQUESTS: settled.requests}, log["requestId"]
        compared += counted.usd is not None
        tiers.add(record.service_tier)
    assert compared >= 30
    assert tiers >= {None, "latency-optimized"}


def name_called(model_id: str, routing: Routing, place: str) -> tuple[str, str]:
    """The id that callers name, and the Region in which they call it."""
    match routing:
        case Routing.REGION:
            return model_id, place
        case Routing.GLOBAL:
            return f"global.{model_id}", place or "us-east-1"
        case _:
            regions = {"us-gov": "us-gov-west-1", "eu": "eu-west-1", "apac": "ap-southeast-2"}
            return f"{place}.{model_id}", regions.get(place, "us-east-1")


def make_record(called: str, model_id: str, region: str, tier: str | None) -> UsageRecord:
    return usage_record(
        model_id=model_id,
        invoked_model_id=called,
        region=region,
        service_tier=tier,
        timestamp=NOON,
    )


@pytest.mark.parametrize("pricing", [PRICING, CONTRACTED], ids=["listed", "contracted"])
def test_every_priced_model_and_tier_is_settled_as_the_ledger_prices_it(pricing: Pricing) -> None:
    enricher, compared = CallEnricher(pricing), 0
    for model_id, tier, routing, place in PRICED:
        called, region = name_called(model_id, routing, place)
        record = make_record(called, model_id, region, tier)
        asked = AskedCall(called, "Converse", None, NOON)
        gateway = CallPricing(CallPrices(lambda: pricing, region), asked)  # at once
        for tokens in SHAPES:
            counted = measure_recorded([enricher.enrich(record._replace(tokens=tokens))])
            settled = count_amounts(tokens, model_id, gateway, ServedCall(tier))
            assert settled.usd == counted.usd, (called, region, tier, tokens)
            compared += counted.usd is not None
    assert compared >= len(PRICED)


USES = st.tuples(*[st.integers(0, 300_000)] * 4, st.integers(0, 300_000))


@given(st.sampled_from(PRICED), USES, st.booleans(), st.sampled_from([PRICING, CONTRACTED]))
def test_a_call_reserves_the_dearest_way_in_which_it_can_be_billed(
    priced: tuple[str, str | None, Routing, str],
    used: tuple[int, ...],
    is_standard: bool,  # drawn
    pricing: Pricing,
) -> None:
    """Bedrock may serve the standard tier in place of the one that is asked for."""
    model_id, tier, routing, place = priced
    called, region = name_called(model_id, routing, place)
    read, output, cache_read, for_minutes, for_an_hour = used
    tokens = TokenCounts(read, output, cache_read, for_minutes + for_an_hour, for_an_hour)
    gateway = CallPricing(
        CallPrices(lambda: pricing, region), AskedCall(called, "Converse", tier, NOON)
    )
    need = CallNeed(sum(used) - output, output, is_certain=True)
    reserved = gateway.price_need(need)
    settled = gateway.price_use(tokens, ServedCall(None if is_standard else tier))
    if reserved is not None and settled is not None:
        assert settled <= reserved


@pytest.mark.parametrize("is_global", [False, True])
def test_a_profile_is_priced_as_the_ledger_prices_it(*, is_global: bool) -> None:
    arn = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/p24qm5pye2qr"
    profiled = ProfiledModel("amazon.nova-2-lite-v1:0", is_global)
    enricher = CallEnricher(PRICING, AttributionRules(), TagFacts.from_profiles({arn: profiled}))
    record = make_record(arn, "application-inference-profile/p24qm5pye2qr", "eu-west-1", None)
    counted = measure_recorded([enricher.enrich(record._replace(tokens=SHAPES[0]))])
    gateway = CallPricing(
        CallPrices(lambda: PRICING, "eu-west-1"),
        AskedCall(profiled.invoked_model_id, "Converse", None, NOON),
    )
    assert gateway.price_use(SHAPES[0]) == counted.usd is not None


def test_prices_of_large_calls_are_never_below_those_of_small_ones() -> None:
    """Otherwise a call that needs less than it might could cost more than it has reserved."""

    def get_highest(price: Price) -> list[Decimal]:
        return [max(rates.usd_per_million.values()) for rates in price.rates]

    for price in PRICING.book:
        assert get_highest(price) == sorted(get_highest(price)), price.model_id


def test_a_contract_can_make_cache_reads_the_dearest_way() -> None:
    asked = AskedCall("amazon.nova-pro-v1:0", "Converse", None, NOON)
    gateway = CallPricing(CallPrices(lambda: CONTRACTED, "us-east-1"), asked)
    settled = gateway.price_use(TokenCounts(0, 10, cache_read=1000))
    assert settled is not None
    assert gateway.price_need(CallNeed(1000, 10, is_certain=True)) == settled
