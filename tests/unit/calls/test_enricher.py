"""Calls get model, labels and cost as of their time, and records stay unchanged."""

from copy import deepcopy
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.attribution import UNATTRIBUTED, TagFacts, TagHistory, TagObservation
from lambdas.domain.attribution.ports import FoundTags
from lambdas.domain.calls import CallEnricher, EnrichedCall
from lambdas.domain.invocations import CallVariant, Conflicts, TokenCounts, UsageRecord
from lambdas.domain.ledger.readings import join, join_readings
from lambdas.domain.metrics.catalog import USAGE_METRICS
from lambdas.domain.pricing import (
    CallModels,
    Cost,
    DatedPrices,
    Price,
    PriceBook,
    Pricing,
    Rates,
    Routing,
    TokenKind,
    Unpriced,
)
from tests.builders import (
    BEN,
    HAIKU_3,
    NOON,
    PRICING,
    SONNET_4,
    disputed_call,
    readings,
    usage_record,
)
from tests.enriching import call_books
from tests.fakes import InMemoryTagSource

PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3"
ROLE = "arn:aws:iam::111122223333:role/chat"
ONE_MILLION = TokenCounts(input=1_000_000, output=0)
TODAY = date(2026, 9, 8)


def tagged(**projects: str) -> InMemoryTagSource:
    """Users with the projects in their tags."""
    source = InMemoryTagSource()
    for user, project in projects.items():
        source.found[f"arn:aws:iam::111122223333:user/{user}"] = FoundTags([("project", project)])
    return source


def enrich(
    source: InMemoryTagSource, record: UsageRecord, prices: DatedPrices = PRICING
) -> EnrichedCall:
    (call,) = call_books(source, prices=prices).enrich([record], NOON)
    return call


def find_project(source: InMemoryTagSource, record: UsageRecord) -> str:
    return enrich(source, record).attribution.project


def test_the_tags_of_a_user_name_the_project_of_its_calls() -> None:
    assert find_project(tagged(ben="search"), usage_record(identity_arn=BEN)) == "search"


def test_the_project_of_a_user_without_tags_is_not_guessed() -> None:
    assert find_project(tagged(), usage_record(identity_arn=BEN)) == UNATTRIBUTED


def test_a_changed_tag_does_not_change_earlier_calls() -> None:
    source = tagged(ben="search")
    books = call_books(source)
    early = usage_record(identity_arn=BEN)
    assert [call.attribution.project for call in books.enrich([early], NOON)] == ["search"]
    source.found |= tagged(ben="shop").found
    later = NOON + timedelta(hours=2)
    late = usage_record(identity_arn=BEN, timestamp=later)
    found = books.enrich([early, late], later)
    assert [call.attribution.project for call in found] == ["search", "shop"]


def test_a_call_through_a_profile_is_priced_as_the_model_behind_it() -> None:
    source = InMemoryTagSource()
    source.found[PROFILE] = FoundTags([("project", "search")], SONNET_4)
    record = usage_record(model_id=PROFILE, invoked_model_id=PROFILE)
    call = enrich(source, record)
    assert (call.attribution.project, call.model_id) == ("search", SONNET_4)
    assert call.priced_as == CallVariant(SONNET_4, SONNET_4, None)
    assert call.record.invoked_model_id == PROFILE


def test_a_model_named_only_by_a_response_does_not_set_the_price() -> None:
    record = usage_record(model_id=SONNET_4, invoked_model_id=PROFILE)
    call = enrich(InMemoryTagSource(), record)
    assert call.priced_as == CallVariant(SONNET_4, PROFILE, None)


@pytest.mark.parametrize(("is_global", "usd"), [(False, "33"), (True, "30")])
def test_a_call_through_a_copy_of_a_global_profile_has_the_global_price(
    *, is_global: bool, usd: str
) -> None:
    source = InMemoryTagSource()
    source.found[PROFILE] = FoundTags(model_id=SONNET_4, is_global=is_global)
    record = usage_record(model_id=PROFILE, invoked_model_id=PROFILE, tokens=ONE_MILLION)
    prices = [
        Price(
            SONNET_4,
            routing,
            "us-east-1",
            None,
            (Rates(0, {TokenKind.INPUT: Decimal(usd)}),),
            "tests",
            TODAY,
        )
        for routing, usd in ((Routing.REGION, "33"), (Routing.GLOBAL, "30"))
    ]
    call = enrich(source, record, Pricing(PriceBook(prices)))
    assert isinstance(call.cost, Cost)
    assert call.cost.effective_usd == Decimal(usd)
    assert call.model_id == SONNET_4


def test_each_reported_model_is_resolved_behind_its_profile() -> None:
    source = InMemoryTagSource()
    other = PROFILE + "0"
    source.found[PROFILE] = FoundTags(model_id=SONNET_4)
    source.found[other] = FoundTags(model_id=HAIKU_3, is_global=True)
    variants = tuple(CallVariant(profile, profile, None) for profile in (PROFILE, other))
    record = usage_record(
        model_id=PROFILE, invoked_model_id=PROFILE, conflicts=Conflicts(variants=variants)
    )
    assert enrich(source, record).models.disputed == (
        CallVariant(SONNET_4, SONNET_4, None),
        CallVariant(HAIKU_3, f"global.{HAIKU_3}", None),
    )


def test_a_disputed_call_has_the_most_expensive_priced_model() -> None:
    record = disputed_call()
    call = enrich(InMemoryTagSource(), record)
    assert isinstance(call.cost, Cost)
    assert call.model_id == HAIKU_3
    assert call.record is record


@given(st.lists(readings, min_size=1, max_size=5))
def test_joined_readings_never_cost_less_than_any_one_reading(
    said: list[UsageRecord],
) -> None:
    enricher = CallEnricher(PRICING)
    (record,) = join_readings(said).values()
    call = enricher.enrich(record)
    if not isinstance(call.cost, Cost):
        return
    for model in call.models.possible:
        undisputed = record._replace(conflicts=None)
        alone = enricher.price(undisputed, CallModels(model))
        assert not isinstance(alone, Cost) or alone.effective_usd <= call.cost.effective_usd


FACTS = TagFacts(
    {
        PROFILE: TagHistory(model_id=SONNET_4, is_global=True),
        ROLE: TagHistory((TagObservation(NOON, (("project", "search"),)),)),
    }
)


@given(readings, readings, st.sampled_from([PROFILE, HAIKU_3]))
def test_enriching_is_pure_and_leaves_the_record_unchanged(
    one: UsageRecord, other: UsageRecord, invoked: str
) -> None:
    record = join(one._replace(invoked_model_id=invoked), other)
    before = deepcopy(record)
    enricher = CallEnricher(PRICING, facts=FACTS)
    call = enricher.enrich(record)
    assert call == enricher.enrich(record) == CallEnricher(PRICING, facts=FACTS).enrich(record)
    assert call.record is record
    assert record == before


@given(st.lists(readings, max_size=5))
def test_calls_are_enriched_independently_of_each_other(records: list[UsageRecord]) -> None:
    source = tagged(ben="search")
    together = call_books(source).enrich(records, NOON)
    assert together == [enrich(source, record) for record in records]


def test_calls_are_priced_at_the_prices_of_their_time() -> None:
    class Dearer:
        def get(self, called_at: datetime) -> Pricing:
            return PRICING if called_at < NOON else Pricing(PriceBook([]))

    enricher = CallEnricher(Dearer())
    early, late = (usage_record(timestamp=NOON - timedelta(hours=hours)) for hours in (1, 0))
    assert isinstance(enricher.enrich(early).cost, Cost)
    assert enricher.enrich(late).cost is Unpriced.NO_PRICE


def test_a_failed_call_has_no_cost_and_its_attempt_has_one() -> None:
    enricher, failed = CallEnricher(PRICING), usage_record(error_code="ThrottlingException")
    assert enricher.enrich(failed).cost is None
    assert enricher.enrich_attempt(failed).cost == enricher.enrich(usage_record()).cost


def test_unattributed_tokens_are_counted_beside_all_tokens() -> None:
    records = [
        usage_record(request_id="1", identity_arn=BEN),
        usage_record(request_id="2"),
        usage_record(request_id="3", error_code="ThrottlingException"),
    ]
    (unattributed,) = (metric for metric in USAGE_METRICS if metric.name == "UnattributedTokens")
    calls = call_books(tagged(ben="search")).enrich(records, NOON)
    assert [unattributed.get_value(call, call.cost) for call in calls] == [0, 15, None]
    assert calls[0].model_id == HAIKU_3
