"""The cost of traffic on other models is exact and compares like with like."""

from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.pricing import (
    Cost,
    PriceBook,
    Pricing,
    Rates,
    TokenKind,
    Unpriced,
    read_models,
)
from lambdas.domain.pricing.call_pricing import price_call
from lambdas.domain.reports.comparison.candidates import saved_share
from lambdas.domain.reports.comparison.report import Unknown
from lambdas.domain.reports.comparison.traffic import (
    ComparableCost,
    PriceSteps,
    TrafficMix,
    read_comparable_cost,
)
from tests.builders import NOON, listed_price, usage_record, usd_by_kind
from tests.unit.reports.comparison.observing import MadeCall, build_costs, call, report_on
from tests.unit.reports.comparison.prices import (
    BOOK,
    CACHELESS,
    CHEAP,
    CONTRACTED,
    DEAR,
    DEAR_EMBEDDING,
    EMBEDDING,
    GLOBAL_ONLY,
    PRICING,
    TIERED,
)

M = 1_000_000
CACHED = TokenCounts(M, M, cache_read=M, cache_write=2 * M, cache_write_1h=M)


@pytest.mark.parametrize(
    ("last_call", "days"),
    [(0, 1), (1, 1), (24, 2), (27 * 24, 28), (12, 1), (12.001, 2)],  # hours after noon
)
def test_a_period_has_the_days_that_it_is_in(last_call: float, days: int) -> None:
    """A daily call at noon was made on 28 days, not in the 27 between the first and the last."""
    report = report_on(call(0), call(3600 * last_call))
    assert report.coverage.days == days


def test_the_same_tokens_are_priced_on_every_model_as_cached_and_uncached() -> None:
    costs = build_costs(report_on(call(tokens=CACHED)))
    assert {cost.model_id: (cost.as_cached_usd, cost.uncached_usd) for cost in costs.values()} == {
        DEAR: (Decimal("28.05"), Decimal(27)),  # 3 + 15 + 0.3 + 3.75 + 6, and 4 x 3 + 15
        CHEAP: (Decimal("9.35"), Decimal(9)),
        TIERED: (Decimal("14.6"), Decimal(14)),  # by its rates of large calls
        CACHELESS: (None, Decimal("3.5")),
    }
    assert costs[CACHELESS].lacks == (
        TokenKind.CACHE_READ,
        TokenKind.CACHE_WRITE_5M,
        TokenKind.CACHE_WRITE_1H,
    )
    assert [cost.model_id for cost in costs.values() if cost.is_in_use] == [DEAR]
    assert list(costs) == [CACHELESS, CHEAP, TIERED, DEAR]


def test_without_cache_tokens_no_cache_price_is_needed() -> None:
    cost = build_costs(report_on(call(tokens=TokenCounts(M, M))))[CACHELESS]
    assert cost.as_cached_usd == cost.uncached_usd == Decimal(2)
    assert cost.lacks == ()


def test_embeddings_are_compared_with_embeddings_and_text_with_text() -> None:
    report = report_on(
        call(tokens=TokenCounts(M), model=EMBEDDING), call(tokens=TokenCounts(M, 0), model=DEAR)
    )
    text, embedding = sorted(report.account.traffic, key=lambda traffic: -traffic.mix.usd)
    assert [cost.model_id for cost in embedding.costs] == [EMBEDDING, DEAR_EMBEDDING]
    assert {cost.model_id for cost in text.costs} == {CACHELESS, CHEAP, TIERED, DEAR}


def test_calls_are_priced_at_the_prices_of_their_day() -> None:
    before = call(-86_400, TokenCounts(M, M))
    after = call(0, TokenCounts(M, M))
    assert build_costs(report_on(before, after))[CHEAP].uncached_usd == Decimal(12 + 6)


def test_the_price_of_large_calls_depends_on_each_call_not_their_sum() -> None:
    small = [call(second, TokenCounts(400, 0)) for second in range(10)]
    at_the_step, above = call(20, TokenCounts(1000, 0)), call(21, TokenCounts(900, 0, 101))
    costs = build_costs(report_on(*small, at_the_step, above))
    assert costs[TIERED].uncached_usd == Decimal("0.005") + Decimal("0.002002")


def test_global_traffic_has_the_regional_price_if_a_model_has_no_other() -> None:
    worldwide = call(tokens=TokenCounts(M, M), invoked_model_id=f"global.{DEAR}")
    costs = build_costs(report_on(worldwide))
    assert costs[DEAR].uncached_usd == Decimal("16.2")  # its global price
    assert costs[GLOBAL_ONLY].uncached_usd == Decimal("0.3")
    assert CHEAP in costs
    assert GLOBAL_ONLY not in build_costs(report_on(call(tokens=TokenCounts(M, M))))
    both = report_on(worldwide, call(1, TokenCounts(M, M)))
    assert build_costs(both)[DEAR].uncached_usd == Decimal("34.2")
    assert GLOBAL_ONLY not in build_costs(both)


def test_the_model_in_use_keeps_its_listed_price_for_global_traffic() -> None:
    elsewhere = listed_price(CHEAP, Rates(0, usd_by_kind("90", "90")), place="ap-south-1")
    pricing = Pricing(PriceBook([*BOOK, elsewhere]))
    calls = (call(model=CHEAP), call(1, invoked_model_id=f"global.{DEAR}"))
    cost = build_costs(report_on(*calls, pricing=pricing))[CHEAP]
    assert cost == build_costs(report_on(*calls))[CHEAP]
    assert not cost.has_assumed_price


def test_a_model_in_a_service_tier_has_the_tier_price_or_else_the_standard_price() -> None:
    costs = build_costs(report_on(call(tokens=TokenCounts(M, M), model=CHEAP, service_tier="flex")))
    assert costs[CHEAP].as_cached_usd == 3
    assert costs[DEAR].as_cached_usd == 18
    standard = build_costs(report_on(call(tokens=TokenCounts(M, M), model=DEAR)))
    assert standard[CHEAP].as_cached_usd == 6


def test_all_spellings_of_a_model_are_one_model() -> None:
    costs = build_costs(report_on(call(model="maker.dear-v1")))
    assert DEAR not in costs
    assert costs["maker.dear-v1"].is_in_use


def test_calls_without_a_cost_are_counted_separately_and_named() -> None:
    report = report_on(
        call(model="maker.unknown"),
        call(tokens=TokenCounts()),
        call(tokens=TokenCounts(1, 1, cache_read=1), model=CACHELESS),
        call(error_code="ValidationException"),
    )
    assert report.account.traffic == ()
    assert report.account.failed_calls == 1
    assert report.account.unpriced == {
        Unknown("maker.unknown", Unpriced.NO_PRICE): 1,
        Unknown(DEAR, Unpriced.NO_COUNTS): 1,
        Unknown(CACHELESS, Unpriced.NO_PRICE_OF_A_KIND): 1,
    }


@pytest.mark.parametrize(
    ("usd", "actual", "share"),
    [
        ("1", "4", "0.75"),
        ("6", "4", "-0.5"),
        ("1", "3", "0.6667"),
        (None, "4", None),
        ("1", "0", None),
        ("1E+18", "1E-26", "-1E+44"),
    ],
)
def test_savings_are_a_share_of_the_paid_cost(
    usd: str | None, actual: str, share: str | None
) -> None:
    saved = saved_share(None if usd is None else Decimal(usd), Decimal(actual))
    assert saved == (None if share is None else Decimal(share))


counts = st.none() | st.integers(0, 3000)
tokens = st.builds(
    lambda plain, output, read, short, hour: TokenCounts(
        plain, output, read, None if short is None else short + (hour or 0), short and hour
    ),
    *([counts] * 5),
)
prefixes = st.sampled_from(["", "global.", "us.", "eu."])
calls = st.builds(
    lambda model, prefix, seconds, used, project, code, tier: call(
        seconds,
        used,
        model=model,
        project=project,
        invoked_model_id=prefix + model,
        error_code=code,
        service_tier=tier,
    ),
    st.sampled_from([DEAR, CHEAP, CACHELESS, TIERED, GLOBAL_ONLY, EMBEDDING]),
    prefixes,
    st.sampled_from([-90_000, -1, 0, 1, 90_000]),
    tokens,
    st.sampled_from(["search", "chat", "unattributed"]),
    st.sampled_from([None, None, None, "ThrottlingException"]),
    st.sampled_from([None, None, "flex"]),
)
pricings = st.sampled_from([PRICING, CONTRACTED])


def on(model: str, record: UsageRecord, pricing: Pricing) -> Decimal:
    """The cost of a call on a model, in its tier or else the standard tier; 0 without tokens."""
    if not record.tokens.total:
        return Decimal(0)
    called = record._replace(model_id=model)
    costs = (price_call(record, pricing) for record in (called, called._replace(service_tier=None)))
    return next(cost.effective_usd for cost in costs if isinstance(cost, Cost))


@given(st.lists(calls, max_size=12), pricings)
def test_traffic_on_any_model_costs_the_sum_of_its_calls(
    made: list[MadeCall], pricing: Pricing
) -> None:
    regional = [
        made_call
        for made_call in made
        if not made_call.record.invoked_model_id.startswith("global.")
    ]
    for traffic in report_on(*regional, pricing=pricing).account.traffic:
        priced = [
            made_call.record
            for made_call in regional
            if isinstance(price_call(made_call.record, pricing), Cost)
            and (made_call.record.model_id == EMBEDDING) == (traffic.purpose == "embedding")
        ]
        for cost in traffic.costs:
            if cost.as_cached_usd is not None:
                alone = [on(cost.model_id, record, pricing) for record in priced]
                assert cost.as_cached_usd == sum(alone)


@given(
    st.sampled_from([DEAR, CHEAP, CACHELESS, TIERED, GLOBAL_ONLY]),
    st.lists(calls, min_size=1, max_size=12),
    pricings,
)
def test_traffic_on_its_model_has_its_actual_cost(
    model: str, made: list[MadeCall], pricing: Pricing
) -> None:
    records = [
        made_call.record._replace(
            model_id=model,
            invoked_model_id=made_call.record.invoked_model_id.replace(
                made_call.record.model_id, model
            ),
        )
        for made_call in made
    ]
    own = [
        made_call._replace(record=record) for made_call, record in zip(made, records, strict=True)
    ]
    for traffic in report_on(*own, pricing=pricing).account.traffic:
        (itself,) = [cost for cost in traffic.costs if cost.is_in_use]
        assert itself.as_cached_usd == traffic.mix.usd
        if not any(traffic.mix.tokens_by_kind()[kind] for kind in list(TokenKind)[3:]):
            assert itself.uncached_usd >= traffic.mix.usd  # only writing costs more than input


@given(st.lists(calls, max_size=12), pricings)
def test_projects_add_up_to_the_account(made: list[MadeCall], pricing: Pricing) -> None:
    report = report_on(*made, pricing=pricing)
    for whole in report.account.traffic:
        parts = [
            traffic
            for project in report.projects
            for traffic in project.traffic
            if traffic.purpose is whole.purpose
        ]
        assert sum(part.mix.usd for part in parts) == whole.mix.usd
        assert sum(part.mix.calls for part in parts) == whole.mix.calls
        for cost in whole.costs:
            same = [
                model for part in parts for model in part.costs if model.model_id == cost.model_id
            ]
            if len(same) == len(parts):  # else it is in use elsewhere only, at an assumed price
                assert sum(model.uncached_usd for model in same) == cost.uncached_usd
    assert report.account.failed_calls == sum(made_call.record.is_failed for made_call in made)
    priced_calls = sum(traffic.mix.calls for traffic in report.account.traffic)
    unpriced_calls = sum(report.account.unpriced.values())
    assert priced_calls + report.account.failed_calls + unpriced_calls == len(made)


@given(st.lists(calls, max_size=12), st.lists(calls, max_size=6))
def test_a_mix_is_the_sum_of_its_parts_after_additions_and_removals(
    kept: list[MadeCall], passing: list[MadeCall]
) -> None:
    steps = PriceSteps(PRICING)

    def add(mix: TrafficMix, made: list[MadeCall], times: int = 1) -> None:
        for made_call in made:
            cost = read_comparable_cost(price_call(made_call.record, PRICING))
            if isinstance(cost, ComparableCost):
                terms = steps.get_terms(made_call.record, read_models(made_call.record).own)
                mix.add(made_call.record.model_id, made_call.record.tokens, cost, terms, times)

    whole, parts, part = TrafficMix(), TrafficMix(), TrafficMix()
    add(whole, [*kept, *passing])
    add(whole, passing, times=-1)
    add(parts, kept[::2])
    add(part, kept[1::2])
    parts.include(part)
    for mix in (whole, parts):
        mix.tokens = {terms: +counts for terms, counts in mix.tokens.items() if +counts}
    assert asdict(whole) == asdict(parts)


def test_an_empty_report_says_so() -> None:
    report = report_on()
    assert report.coverage == (None, None, 0, 0)
    assert not report.projects
    assert not report.waste


def test_the_period_spans_the_first_to_the_last_call_by_default() -> None:
    report = report_on(call(0), call(60))
    assert report.coverage == (NOON, NOON + timedelta(seconds=60), 2, 0)
    assert report_on(call(0), end_seconds=90).coverage.end == NOON + timedelta(seconds=90)
    assert usage_record().timestamp == NOON
