"""Builds records for tests from defaults that each test overrides."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from lambdas.domain.attribution import UNATTRIBUTED, Attribution, AttributionSource
from lambdas.domain.calls import CallEnricher, EnrichedCall
from lambdas.domain.invocations import (
    UNKNOWN_IDENTITY,
    TokenCounts,
    UsageDoubt,
    UsageRecord,
)
from lambdas.domain.ledger.readings import join_readings
from lambdas.domain.metrics import DimensionNamer, MeteredCall
from lambdas.domain.pricing import CallCost, Price, PriceBook, Pricing, Rates, Routing, TokenKind
from lambdas.domain.pricing.call_pricing import price_call

ANA = "arn:aws:sts::111122223333:assumed-role/chat/ana@example.com"
BEN = "arn:aws:iam::111122223333:user/ben"
HAIKU_3 = "anthropic.claude-3-haiku-20240307-v1:0"
SONNET_4 = "anthropic.claude-sonnet-4-20250514-v1:0"
PRIVATE = "imported-model/abc"
CONTRACTED = {
    "model": PRIVATE,
    "effective_from": "2026-01-01",
    "usd_per_million": {"input": "1", "output": "2"},
}
"""The setting of a price of a model that no price book has."""
NOON = datetime(2026, 9, 8, 12, 0, tzinfo=UTC)


def usd_by_kind(*values: str) -> dict[TokenKind, Decimal]:
    """Prices in the order input, output, cache read, cache write of 5 minutes, of an hour."""
    return dict(zip(TokenKind, map(Decimal, values), strict=False))


def listed_price(model_id: str, *rates: Rates, **changes: Any) -> Price:
    """A price of a model in Virginia, but for the changes."""
    place = (Routing.REGION, "us-east-1")
    return replace(Price(model_id, *place, None, rates, "tests", date(2026, 1, 1)), **changes)


PRICES = PriceBook([listed_price(HAIKU_3, Rates(0, usd_by_kind("0.25", "1.25")))])
"""A price of one model without cache prices, and no price of others."""
PRICING = Pricing(PRICES)
NO_ATTRIBUTION = Attribution(
    UNATTRIBUTED, UNATTRIBUTED, UNATTRIBUTED, AttributionSource.UNATTRIBUTED
)
"""The attribution of an unattributed call."""


def compute_cost(record: UsageRecord, pricing: Pricing = PRICING) -> CallCost:
    """The cost of a call."""
    return price_call(record, pricing)


def enriched(
    record: UsageRecord, pricing: Pricing = PRICING, attribution: Attribution = NO_ATTRIBUTION
) -> EnrichedCall:
    """A call with its cost, and an attribution."""
    return CallEnricher(pricing).enrich(record)._replace(attribution=attribution)


def metered(record: UsageRecord) -> MeteredCall:
    """A call as metrics show it without limits."""
    return DimensionNamer().meter(enriched(record))


def usage_record(**changes: Any) -> UsageRecord:
    """A successful call of 10 input and 5 output tokens, but for the changes."""
    record = UsageRecord(
        account_id="111122223333",
        region="us-east-1",
        request_id="request-1",
        timestamp=NOON,
        operation="Converse",
        model_id=HAIKU_3,
        invoked_model_id=HAIKU_3,
        identity_arn=ANA,
        tokens=TokenCounts(input=10, output=5),
    )
    return record._replace(**changes)


def disputed_call() -> UsageRecord:
    """A call whose readings name two models: one without a price, and `HAIKU_3`."""
    unpriced = usage_record(model_id="a-model-without-a-price", invoked_model_id="a-model")
    (record,) = join_readings([usage_record(), unpriced]).values()
    return record


counts = st.none() | st.integers(0, 10**6)
token_counts = st.builds(TokenCounts, counts, counts, counts, counts, st.none())
usage_records = st.builds(
    usage_record,
    request_id=st.sampled_from([f"request-{number}" for number in range(20)]),
    timestamp=st.integers(0, 3).map(lambda minutes: NOON.replace(minute=minutes)),
    model_id=st.sampled_from([HAIKU_3, SONNET_4]),
    identity_arn=st.sampled_from([ANA, BEN]),
    tokens=token_counts,
    error_code=st.sampled_from([None, None, "ThrottlingException"]),
    latency_ms=counts,
    request_metadata=st.sampled_from([(), (), (("project", "search"), ("trace", ""))]),
    service_tier=st.sampled_from([None, None, "flex"]),
)
"""Calls that often share a request id, a minute, an identity or a model."""

readings = st.builds(
    usage_record,
    timestamp=st.integers(0, 11).map(lambda minutes: NOON.replace(minute=minutes)),
    operation=st.sampled_from(["Converse", "InvokeModel", "other"]),
    model_id=st.sampled_from([HAIKU_3, SONNET_4, *"abcdefghij"]),
    invoked_model_id=st.sampled_from([HAIKU_3, "profile"]),
    identity_arn=st.sampled_from([ANA, BEN, UNKNOWN_IDENTITY, *"abcdefghij"]),
    tokens=st.builds(TokenCounts, counts, counts, counts, counts, counts),
    error_code=st.sampled_from([None, None, "ThrottlingException", *"abcdefghij"]),
    inference_region=st.sampled_from([None, "us-east-1", "us-west-2"]),
    latency_ms=counts,
    request_metadata=st.sampled_from([(), (("project", "search"),), (("a", ""), ("b", ""))]),
    service_tier=st.sampled_from([None, "flex", "priority"]),
    billed_units=st.dictionaries(st.sampled_from(["image", "search_unit"]), st.integers(0, 99)).map(
        lambda units: tuple(sorted(units.items()))
    ),
    usage_doubt=st.sampled_from([None, *UsageDoubt]),
    prompt_router=st.sampled_from([None, "router", "other-router"]),
    largest_sampling_tokens=counts,
)
"""Readings of one call that agree or differ in every field."""
