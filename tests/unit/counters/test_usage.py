"""The usage of a call, and the differences that changes of it make."""

import json
from dataclasses import fields
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.attribution import Attribution, AttributionSource, TagFacts
from lambdas.domain.attribution.tags import ProfiledModel
from lambdas.domain.calls import CallEnricher
from lambdas.domain.counters import (
    UNKNOWN_PROVIDER,
    UsageTotals,
    read_usage,
    subtract,
    to_picodollars,
)
from lambdas.domain.counters.totals import FIGURE_NAMES
from lambdas.domain.invocations import TokenCounts, UsageRecord, read_message
from lambdas.domain.invocations.token_counts import UNKNOWN_COUNTS
from lambdas.domain.pricing import Pricing, shipped_prices
from tests.builders import (
    ANA,
    HAIKU_3,
    NOON,
    PRICING,
    SONNET_4,
    enriched,
    usage_record,
    usage_records,
)
from tests.invocation_logs import log

CANVAS = "amazon.nova-canvas-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3"
totals = st.builds(UsageTotals, *[st.integers(-(10**20), 10**20) for _ in FIGURE_NAMES])


def test_a_priced_call_is_read_with_its_labels_minute_and_money() -> None:
    attribution = Attribution("chat", "support", "answers", AttributionSource.PATTERN)
    usage = read_usage(
        enriched(
            usage_record(
                timestamp=NOON.replace(minute=7, second=59), tokens=TokenCounts(10, 5, None, None)
            ),
            attribution=attribution,
        )
    )
    assert usage.labels == (
        *(ANA, "chat", "support", "answers"),
        *(HAIKU_3, "anthropic", "us-east-1", "standard"),
    )
    assert usage.minute == NOON.replace(minute=7)
    assert usage.totals == UsageTotals(
        calls=1,
        input_tokens=10,
        output_tokens=5,
        total_tokens=15,
        quota_tokens=15,
        cost_picodollars=10 * 250_000 + 5 * 1_250_000,
    )


def test_a_failed_call_counts_as_failed_alone() -> None:
    usage = read_usage(enriched(usage_record(error_code="ThrottlingException")))
    assert usage.totals == UsageTotals(failed_calls=1)


def test_a_call_without_a_price_is_counted_apart_and_is_not_free() -> None:
    tokens = TokenCounts(10, 5, 3, 2)
    usage = read_usage(enriched(usage_record(model_id=SONNET_4, tokens=tokens)))
    assert usage.totals == UsageTotals(
        calls=1,
        input_tokens=10,
        output_tokens=5,
        cache_read_tokens=3,
        cache_write_tokens=2,
        total_tokens=20,
        quota_tokens=10 + 2 + 5 * 5,
        unpriced_calls=1,
        unpriced_input_tokens=15,
        unpriced_output_tokens=5,
    )


def test_units_without_a_price_are_counted_apart_and_are_not_free() -> None:
    units = (
        *(("audio_second", 9), ("guardrail_sensitive_information_free_unit", 7)),
        *(("image", 2), ("search_unit", 1), ("video_second", 6)),
    )
    record = usage_record(model_id=CANVAS, tokens=UNKNOWN_COUNTS, billed_units=units)
    assert read_usage(enriched(record)).totals == UsageTotals(
        calls=1,
        unpriced_calls=1,
        unpriced_images=2,
        unpriced_video_seconds=6,
        unpriced_other_units=10,
    )


@pytest.mark.parametrize(
    ("model_id", "counted"),
    [
        (CANVAS, UsageTotals(calls=1, unpriced_calls=1, unpriced_images=1)),
        (HAIKU_3, UsageTotals(calls=1, unpriced_calls=1, unpriced_other_units=1)),
    ],
)
def test_a_call_whose_log_reports_no_usage_counts_as_one_unit(
    model_id: str, counted: UsageTotals
) -> None:
    record = usage_record(model_id=model_id, tokens=UNKNOWN_COUNTS)
    assert read_usage(enriched(record)).totals == counted


def test_an_image_with_a_price_costs_that_price() -> None:
    record = usage_record(
        model_id="amazon.titan-embed-image-v1", tokens=UNKNOWN_COUNTS, billed_units=(("image", 3),)
    )
    priced = read_usage(CallEnricher(Pricing(shipped_prices())).enrich(record)).totals
    assert priced == UsageTotals(calls=1, cost_picodollars=3 * 60_000_000)


def test_an_assumed_price_is_a_part_of_the_cost() -> None:
    usage = read_usage(enriched(usage_record(region="eu-central-1")))
    assert usage.totals.cost_picodollars == usage.totals.assumed_cost_picodollars > 0


@pytest.mark.parametrize(
    "model_id",
    [
        HAIKU_3,
        *(f"{geography}.{HAIKU_3}" for geography in ("us", "eu", "apac", "jp", "au", "global")),
        f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU_3}",
        f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{HAIKU_3}",
    ],
)
def test_a_model_counts_as_itself_and_costs_money_by_whatever_id_it_is_called(
    model_id: str,
) -> None:
    record = read_message(json.dumps(log("request-1", modelId=model_id)))
    assert isinstance(record, UsageRecord)
    usage = read_usage(enriched(record))
    assert usage.labels.model_id == HAIKU_3
    assert usage.totals.cost_picodollars > 0


def test_a_model_behind_an_application_profile_counts_as_itself_and_costs_money() -> None:
    record = usage_record(model_id="application-inference-profile/a1b2c3", invoked_model_id=PROFILE)
    facts = TagFacts.from_profiles({PROFILE: ProfiledModel(HAIKU_3)})
    usage = read_usage(CallEnricher(PRICING, facts=facts).enrich(record))
    assert usage.labels.model_id == HAIKU_3
    assert usage.totals.cost_picodollars > 0


def test_a_hidden_model_has_no_known_provider() -> None:
    hidden = usage_record(model_id="application-inference-profile/a1b2c3", invoked_model_id=PROFILE)
    assert read_usage(enriched(hidden)).labels.provider == UNKNOWN_PROVIDER


@pytest.mark.parametrize(
    ("usd", "picodollars"),
    [
        ("0.00000025", 250_000),
        ("0.0000000000005", 0),
        ("0.0000000000015", 2),
        ("123456789.000000000001", 123456789000000000001),
    ],
)
def test_money_is_rounded_to_the_even_picodollar(usd: str, picodollars: int) -> None:
    assert to_picodollars(Decimal(usd)) == picodollars


@given(totals, totals, totals)
def test_totals_are_a_group(one: UsageTotals, two: UsageTotals, three: UsageTotals) -> None:
    assert one + two == two + one
    assert (one + two) + three == one + (two + three)
    assert one + UsageTotals.ZERO == one
    assert one - one == one + -one == UsageTotals.ZERO
    assert (one - two) + two == one


def test_only_zero_totals_are_false() -> None:
    assert not UsageTotals.ZERO
    assert all(UsageTotals(**{name: -1}) for name in FIGURE_NAMES)
    assert [field.name for field in fields(UsageTotals)] == list(FIGURE_NAMES)


@given(usage_records, usage_records)
def test_a_difference_turns_the_usage_before_into_that_after(
    before: UsageRecord, after: UsageRecord
) -> None:
    old, new = read_usage(enriched(before)), read_usage(enriched(after))
    sums = {old[:2]: old.totals}
    for change in subtract(new, old):
        place = change[:2]
        sums[place] = sums.get(place, UsageTotals.ZERO) + change.totals
    assert {place: total for place, total in sums.items() if total} == {new[:2]: new.totals}


def test_a_new_call_is_one_change_and_an_equal_one_is_no_change() -> None:
    usage = read_usage(enriched(usage_record()))
    assert subtract(usage, None) == (usage,)
    assert subtract(usage, usage) == ()
    assert subtract(None, usage) == (usage._replace(totals=-usage.totals),)
