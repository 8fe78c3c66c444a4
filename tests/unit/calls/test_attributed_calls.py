"""Calls are put down to projects by what was known then, and projects are bounded."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from lambdas.domain.attribution import UNATTRIBUTED
from lambdas.domain.attribution.ports import FoundTags
from lambdas.domain.invocations import CallVariant, Conflicts, TokenCounts, UsageRecord
from lambdas.domain.metrics.catalog import MeteredCall
from lambdas.domain.pricing import Cost, Price, PriceBook, Pricing, Rates, Routing, TokenKind
from tests.attributing import attributed_calls
from tests.builders import BEN, HAIKU_3, NOON, SONNET_4, usage_record
from tests.fakes import InMemoryTagSource

PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3"
ONE_MILLION = TokenCounts(input=1_000_000, output=0)
TODAY = date(2026, 9, 8)


def tagged(**projects: str) -> InMemoryTagSource:
    """Users of a company, with the projects that their tags name."""
    source = InMemoryTagSource()
    for user, project in projects.items():
        source.found[f"arn:aws:iam::111122223333:user/{user}"] = FoundTags([("project", project)])
    return source


def project_of(source: InMemoryTagSource, record: UsageRecord) -> str:
    return attributed_calls(source)([record], NOON)[record].attribution.project


def test_the_tags_of_a_user_name_the_project_of_its_calls() -> None:
    assert project_of(tagged(ben="search"), usage_record(identity_arn=BEN)) == "search"


def test_nobody_guesses_the_project_of_a_user_without_tags() -> None:
    assert project_of(tagged(), usage_record(identity_arn=BEN)) == UNATTRIBUTED


def test_a_tag_that_changes_does_not_rewrite_what_was_before() -> None:
    source = tagged(ben="search")
    attribute = attributed_calls(source)
    early = usage_record(identity_arn=BEN)
    assert attribute([early], NOON)[early].attribution.project == "search"
    source.found |= tagged(ben="shop").found
    later = NOON + timedelta(hours=2)
    late = usage_record(identity_arn=BEN, timestamp=later)
    found = attribute([early, late], later)
    assert [found[it].attribution.project for it in (early, late)] == ["search", "shop"]


def test_a_call_through_a_profile_is_priced_as_the_model_behind_it() -> None:
    source = InMemoryTagSource()
    source.found[PROFILE] = FoundTags([("project", "search")], SONNET_4)
    record = usage_record(model_id=PROFILE, invoked_model_id=PROFILE)
    call = attributed_calls(source)([record], NOON)[record]
    assert (call.attribution.project, call.priced) == (
        "search",
        record._replace(model_id=SONNET_4, invoked_model_id=SONNET_4),
    )


def test_a_model_that_a_response_names_stays_hidden_from_prices_until_the_profile_is_known() -> (
    None
):
    record = usage_record(model_id=SONNET_4, invoked_model_id=PROFILE)
    assert attributed_calls(InMemoryTagSource())([record], NOON)[record].priced == record


@pytest.mark.parametrize(("is_global", "usd"), [(False, "33"), (True, "30")])
def test_a_call_through_a_profile_of_a_global_one_has_the_global_price(
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
    call = attributed_calls(source)([record], NOON)[record]
    cost = Pricing(PriceBook(prices)).cost_of(call.priced)
    assert isinstance(cost, Cost)
    assert cost.effective_usd == Decimal(usd)
    assert call.priced.model_id == SONNET_4


def test_each_model_that_readings_report_is_named_behind_its_own_profile() -> None:
    source = InMemoryTagSource()
    other = PROFILE + "0"
    source.found[PROFILE] = FoundTags(model_id=SONNET_4)
    source.found[other] = FoundTags(model_id=HAIKU_3, is_global=True)
    variants = tuple(CallVariant(profile, profile, None) for profile in (PROFILE, other))
    record = usage_record(
        model_id=PROFILE, invoked_model_id=PROFILE, conflicts=Conflicts(variants=variants)
    )
    priced = attributed_calls(source)([record], NOON)[record].priced
    assert priced.conflicts == Conflicts(
        variants=(
            CallVariant(SONNET_4, SONNET_4, None),
            CallVariant(HAIKU_3, f"global.{HAIKU_3}", None),
        )
    )


def test_projects_past_the_bound_are_one_more_and_those_without_a_project_take_no_place() -> None:
    source = tagged(ana="search", ben="shop")
    users = [f"arn:aws:iam::111122223333:user/{name}" for name in ("nobody", "ana", "ben")]
    records = [
        usage_record(request_id=str(number), identity_arn=arn) for number, arn in enumerate(users)
    ]
    found = attributed_calls(source, most_projects=1)(records, NOON)
    assert [found[it].attribution.project for it in records] == [
        UNATTRIBUTED,
        "search",
        "__other__",
    ]


def test_failed_calls_take_no_place_of_a_project() -> None:
    failed = usage_record(request_id="1", identity_arn=BEN, error_code="ThrottlingException")
    call = usage_record(request_id="2", identity_arn=BEN.replace("ben", "ana"))
    found = attributed_calls(tagged(ana="search", ben="shop"), most_projects=1)(
        [failed, call], NOON
    )
    assert [found[it].attribution.project for it in (failed, call)] == ["shop", "search"]


def test_places_of_projects_are_given_anew_in_each_utc_month_of_the_calls() -> None:
    attribute = attributed_calls(tagged(ana="search", ben="shop"), most_projects=1)
    ana, ben = BEN.replace("ben", "ana"), BEN
    first_of_august, midnight = datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC)
    last_of_september = datetime(2026, 9, 30, 23, 59, tzinfo=UTC)
    calls = [
        usage_record(request_id=when.isoformat(), identity_arn=arn, timestamp=when)
        for arn, when in [
            *((ana, first_of_august), (ben, midnight - timedelta(seconds=1))),
            *((ben, midnight), (ana, last_of_september)),
        ]
    ]
    found = attribute(calls, midnight)
    assert [found[it].attribution.project for it in calls] == [
        *("search", "__other__"),
        *("shop", "__other__"),
    ]


def test_tokens_of_no_project_are_counted_beside_all_tokens() -> None:
    records = [
        usage_record(request_id="1", identity_arn=BEN),
        usage_record(request_id="2"),
        usage_record(request_id="3", error_code="ThrottlingException"),
    ]
    found = attributed_calls(tagged(ben="search"))(records, NOON)
    metered = [MeteredCall(it, None, found[it].attribution) for it in records]
    assert [it.unattributed_tokens for it in metered] == [0, 15, None]
    assert found[records[0]].priced.model_id == HAIKU_3
