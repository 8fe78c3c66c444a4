"""Calls that are alike are priced and attributed once, exactly as one by one."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.attribution import AttributionRules
from lambdas.domain.attribution.rules import AttributionPattern, TrustedPrincipal
from lambdas.domain.calls import CallEnricher, MemoizedEnricher
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.ledger.readings import bound_reading, join
from lambdas.domain.pricing import Cost, Pricing, shipped_prices
from tests.builders import ANA, BEN, HAIKU_3, NOON, disputed_call, readings, usage_record

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
    before = _count_objects_of(enricher)
    for number in range(1000):
        enricher.enrich(usage_record(identity_arn=f"{BEN}{number}", model_id=f"model-{number}"))
    assert _count_objects_of(enricher) - before <= 3 * 100


def _count_objects_of(enricher: MemoizedEnricher) -> int:
    """Count what an enricher has memoized."""
    return sum(len(part) for part in vars(enricher).values() if isinstance(part, dict))
