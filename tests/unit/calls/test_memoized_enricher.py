"""Calls that are alike are priced and attributed once, exactly as one by one."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.attribution import AttributionRules
from lambdas.domain.attribution.rules import AttributionPattern, TrustedPrincipal
from lambdas.domain.calls import CallEnricher, MemoizedEnricher
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.invocations.token_counts import UNKNOWN_COUNTS
from lambdas.domain.ledger.readings import bound_reading, join
from lambdas.domain.pricing import Cost, PriceBook, Pricing, Rates, shipped_prices
from tests.builders import (
    ANA,
    BEN,
    HAIKU_3,
    NOON,
    disputed_call,
    listed_price,
    readings,
    usage_record,
    usd_by_kind,
)

PRICING = Pricing(shipped_prices())
ACCOUNT = ANA.split(":")[4]
RULES = AttributionRules(
    trusted_principals=(
        TrustedPrincipal(
            effective_from=NOON + timedelta(minutes=2),
            effective_until=NOON + timedelta(minutes=5),
            account_id=ACCOUNT,
            principal="role/chat",
        ),
    ),
    patterns=(
        AttributionPattern(effective_from=NOON + timedelta(minutes=4), project="search"),
        AttributionPattern(effective_from=NOON, model_id=HAIKU_3, department="labs"),
    ),
)
sizes = st.none() | st.sampled_from([0, 1, 7, 200_000, 200_001, 272_001])
calls = st.builds(
    lambda reading, tokens, model_id, days: bound_reading(
        reading._replace(
            tokens=tokens,
            model_id=model_id,
            invoked_model_id=f"us.{model_id}",
            timestamp=reading.timestamp + timedelta(days=days),
        )
    ),
    readings,
    st.builds(TokenCounts, sizes, sizes, sizes, sizes, sizes),
    st.sampled_from(
        [
            HAIKU_3,
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "amazon.nova-canvas-v1:0",
            "acme.unlisted-v1:0",
        ]
    ),
    st.integers(0, 1),
)


@given(st.lists(st.one_of(calls, readings.map(bound_reading)), min_size=2, max_size=12))
def test_each_call_is_enriched_as_it_is_alone(records: list[UsageRecord]) -> None:
    records = [*records, join(records[0], records[1]._replace(request_id=records[0].request_id))]
    memoized, plain = MemoizedEnricher(PRICING, RULES), CallEnricher(PRICING, RULES)
    for record in (*records, *records):
        assert memoized.enrich(record) == plain.enrich(record)


DATED = Pricing(
    PriceBook(
        [
            listed_price(
                HAIKU_3,
                Rates(0, usd_by_kind("0.25", "1.25", "0.1", "0.3")),
                Rates(200_000, usd_by_kind("0.5", "2", "0.2", "0.6")),
            ),
            listed_price(
                HAIKU_3,
                Rates(0, usd_by_kind("0.3", "1")),
                effective_from=NOON.date() + timedelta(days=1),
            ),
            listed_price(HAIKU_3, Rates(0, usd_by_kind("9", "9")), service_tier="flex"),
        ]
    ),
    assume_prices=False,
)
LATER = NOON + timedelta(days=1)
TRUSTED = NOON + timedelta(minutes=3)
PROJECT = (("project", "chat"),)


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ({}, {"timestamp": LATER}),
        ({}, {"region": "eu-west-3"}),
        ({}, {"service_tier": "flex"}),
        ({}, {"error_code": "ThrottlingException"}),
        ({}, {"billed_units": (("search_unit", 1),)}),
        ({}, {"tokens": UNKNOWN_COUNTS}),
        ({}, {"tokens": TokenCounts(0, 5)}),
        ({}, {"tokens": TokenCounts(10, 0)}),
        ({}, {"tokens": TokenCounts(200_001, 5)}),
        ({}, {"tokens": TokenCounts(1, 5, cache_read=200_000)}),
        ({}, {"tokens": TokenCounts(200_001, 5), "largest_sampling_tokens": 7}),
        ({"timestamp": LATER}, {"timestamp": LATER, "tokens": TokenCounts(10, 5, cache_read=1)}),
        ({"timestamp": LATER}, {"timestamp": LATER, "tokens": TokenCounts(10, 5, None, 1)}),
        (
            {"tokens": TokenCounts(10, 5, None, 4)},
            {"tokens": TokenCounts(10, 5, None, 4, 1)},
        ),
        (
            {"request_metadata": PROJECT, "timestamp": TRUSTED},
            {"request_metadata": (("project", "search"),), "timestamp": TRUSTED},
        ),
        ({}, {"identity_arn": BEN, "request_metadata": PROJECT}),
        (
            {"request_metadata": PROJECT},
            {"request_metadata": PROJECT, "timestamp": TRUSTED},
        ),
        (
            {"request_metadata": PROJECT, "timestamp": TRUSTED},
            {"request_metadata": PROJECT, "timestamp": NOON + timedelta(minutes=5)},
        ),
        ({}, {"timestamp": NOON + timedelta(minutes=4)}),
        ({}, {"model_id": "acme.unlisted-v1:0"}),
    ],
    ids=str,
)
def test_calls_that_differ_in_price_or_project_are_not_alike(
    first: dict[str, Any], other: dict[str, Any]
) -> None:
    records = [usage_record(**first), usage_record(**other)]
    plain = CallEnricher(DATED, RULES)
    expected = [plain.enrich(record)[1:] for record in records]
    assert expected[0] != expected[1]
    for order in (records, records[::-1]):
        memoized = MemoizedEnricher(DATED, RULES)
        found = {record: memoized.enrich(record)[1:] for record in order}
        assert [found[record] for record in records] == expected


def test_other_numbers_of_tokens_have_another_cost() -> None:
    enricher = MemoizedEnricher(PRICING, RULES)
    costs = [
        enricher.enrich(usage_record(tokens=TokenCounts(input_tokens, 5))).cost
        for input_tokens in (10, 20)
    ]
    one, other = (cost.effective_usd for cost in costs if isinstance(cost, Cost))
    assert other > one > 0


def test_a_disputed_call_is_never_taken_for_another() -> None:
    enricher = MemoizedEnricher(PRICING, RULES)
    disputed = disputed_call()
    alone = disputed._replace(conflicts=None)
    plain = CallEnricher(PRICING, RULES)
    assert [enricher.enrich(call) for call in (alone, disputed)] == [
        plain.enrich(call) for call in (alone, disputed)
    ]


def test_callers_cannot_fill_the_memory_with_names_of_their_own() -> None:
    enricher = MemoizedEnricher(PRICING, AttributionRules(), max_memoized=100)
    before = _count_memoized(enricher)
    for number in range(1000):
        enricher.enrich(usage_record(identity_arn=f"{BEN}{number}", model_id=f"model-{number}"))
    assert _count_memoized(enricher) - before <= 3 * 100


def _count_memoized(enricher: MemoizedEnricher) -> int:
    """Count what an enricher has memoized."""
    return sum(len(part) for part in vars(enricher).values() if isinstance(part, dict))
