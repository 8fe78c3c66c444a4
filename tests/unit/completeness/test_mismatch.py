"""Missing and surplus calls and tokens are found above a tolerance in two consecutive hours."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.completeness import (
    AuditWindow,
    Comparison,
    Mismatch,
    MismatchReport,
    Quantity,
    SettledHour,
    Totals,
    compare,
    mismatch_notice,
)
from tests.builders import HAIKU_3, NOON, SONNET_4

EARLIER, LATER = AuditWindow.settled_at(NOON)
TOKEN_KINDS = [Quantity.INPUT, Quantity.OUTPUT, Quantity.CACHE_READ, Quantity.CACHE_WRITE]
Hour = tuple[Mapping[str, Totals], Mapping[str, Totals]]
"""The counts of the meter and of Bedrock for each model in an hour."""


def report(earlier: Hour, later: Hour | None = None) -> MismatchReport:
    """Two hours; the later one equals the earlier one by default."""
    return MismatchReport(
        SettledHour(EARLIER, compare(*earlier)), SettledHour(LATER, compare(*(later or earlier)))
    )


def hour(metered: Totals, bedrock: Totals) -> Hour:
    return {HAIKU_3: metered}, {f"us.{HAIKU_3}": bedrock}


def calls(metered: int, bedrock: int) -> Hour:
    return hour({Quantity.CALLS: metered}, {Quantity.CALLS: bedrock})


def tokens(quantity: Quantity, metered: int, bedrock: int) -> Hour:
    return hour({Quantity.CALLS: 10, quantity: metered}, {Quantity.CALLS: 10, quantity: bedrock})


@pytest.mark.parametrize("is_surplus", [False, True], ids=["missing", "too many"])
@pytest.mark.parametrize(
    ("bedrock", "difference", "is_found"),
    [(10, 3, False), (10, 4, True), (800, 4, False), (799, 4, True), (20_000, 101, True)],
)
def test_a_mismatch_needs_more_than_three_calls_and_half_a_percent(
    bedrock: int, difference: int, *, is_found: bool, is_surplus: bool
) -> None:
    metered = bedrock + difference if is_surplus else bedrock - difference
    found = report(calls(metered, bedrock)).mismatches
    mismatch = Mismatch(HAIKU_3, Quantity.CALLS, is_surplus)
    assert found == ({mismatch: Comparison(metered, bedrock)} if is_found else {})


@pytest.mark.parametrize("quantity", TOKEN_KINDS)
@pytest.mark.parametrize("is_surplus", [False, True], ids=["missing", "too many"])
@pytest.mark.parametrize(
    ("bedrock", "difference", "is_found"),
    [
        (20_000, 10_000, False),
        (20_000, 10_001, True),
        (2_000_000, 20_000, False),
        (2_000_000, 20_001, True),
    ],
)
def test_a_mismatch_needs_more_than_ten_thousand_tokens_and_one_percent(
    quantity: Quantity, bedrock: int, difference: int, *, is_found: bool, is_surplus: bool
) -> None:
    metered = bedrock + difference if is_surplus else bedrock - difference
    found = report(tokens(quantity, metered, bedrock)).mismatches
    assert bool(found) is is_found
    assert set(found) <= {Mismatch(HAIKU_3, quantity, is_surplus)}


def test_missing_tokens_are_found_even_if_all_calls_are_counted() -> None:
    found = report(tokens(Quantity.INPUT, 0, 10**9)).mismatches
    assert set(found) == {Mismatch(HAIKU_3, Quantity.INPUT, is_surplus=False)}


def test_ten_times_the_calls_and_tokens_of_bedrock_are_too_many() -> None:
    forged = hour(
        {Quantity.CALLS: 1_000, Quantity.OUTPUT: 10**6},
        {Quantity.CALLS: 100, Quantity.OUTPUT: 10**5},
    )
    assert {(found.quantity, found.is_surplus) for found in report(forged).mismatches} == {
        (Quantity.CALLS, True),
        (Quantity.OUTPUT, True),
    }


def test_500_hidden_and_500_forged_calls_of_two_models_are_both_found() -> None:
    metered = {HAIKU_3: {Quantity.CALLS: 500}, SONNET_4: {Quantity.CALLS: 1_500}}
    bedrock = {HAIKU_3: {Quantity.CALLS: 1_000}, SONNET_4: {Quantity.CALLS: 1_000}}
    assert set(report((metered, bedrock)).mismatches) == {
        Mismatch(HAIKU_3, Quantity.CALLS, is_surplus=False),
        Mismatch(SONNET_4, Quantity.CALLS, is_surplus=True),
    }


def forged_models(count: int) -> Hour:
    """One call of each of a number of models, besides real calls."""
    metered = {f"vendor.forged-{number:03}": {Quantity.CALLS: 1} for number in range(count)}
    return metered | {HAIKU_3: {Quantity.CALLS: 90}}, {HAIKU_3: {Quantity.CALLS: 90}}


@pytest.mark.parametrize("is_later", [False, True])
def test_one_forged_call_of_each_of_100_models_is_found(*, is_later: bool) -> None:
    """They use up the limit of models for the whole month."""
    hours = (calls(9, 9), forged_models(100)) if is_later else (forged_models(100), calls(9, 9))
    found = report(*hours)
    assert found.mismatches == {}
    assert found.is_mismatch
    assert len(found.unknown_models) == 100
    text = mismatch_notice(found).text
    assert "calls of 100 models that Bedrock did not count: vendor.forged-000, " in text
    assert "vendor.forged-019 and 80 more." in text
    assert "In both hours" not in text


def test_single_calls_of_a_few_models_at_the_turn_of_an_hour_are_no_mismatch() -> None:
    assert not report(forged_models(3)).is_mismatch
    assert report(forged_models(4), calls(9, 9)).is_mismatch
    metered, bedrock = forged_models(100)
    assert not report((metered, bedrock), ({}, metered)).is_mismatch


def test_500_hidden_and_500_forged_calls_of_one_model_are_found_by_their_tokens() -> None:
    small, large = 10, 1_000
    metered = {Quantity.CALLS: 1_000, Quantity.INPUT: 500 * large + 500 * small}
    bedrock = {Quantity.CALLS: 1_000, Quantity.INPUT: 1_000 * large}
    found = report(hour(metered, bedrock)).mismatches
    assert set(found) == {Mismatch(HAIKU_3, Quantity.INPUT, is_surplus=False)}


def test_500_hidden_calls_and_500_forged_ones_without_counts_are_found() -> None:
    metered = {Quantity.CALLS: 1_000, Quantity.UNCOUNTED_CALLS: 500, Quantity.INPUT: 500_000}
    bedrock = {Quantity.CALLS: 1_000, Quantity.INPUT: 1_000_000}
    found = report(hour(metered, bedrock)).mismatches
    assert set(found) == {Mismatch(HAIKU_3, Quantity.UNCOUNTED_CALLS, is_surplus=True)}


def test_calls_without_counts_are_excluded_on_both_sides_and_named() -> None:
    metered = {Quantity.CALLS: 100, Quantity.UNCOUNTED_CALLS: 3, Quantity.INPUT: 970_000}
    found = report(hour(metered, {Quantity.CALLS: 100, Quantity.INPUT: 1_000_000}))
    assert found.mismatches == {}
    assert found.uncounted_calls == {HAIKU_3: 3}


def test_a_call_without_counts_hides_no_more_than_its_share() -> None:
    metered = {Quantity.CALLS: 100, Quantity.UNCOUNTED_CALLS: 1, Quantity.INPUT: 900_000}
    found = report(hour(metered, {Quantity.CALLS: 100, Quantity.INPUT: 1_000_000})).mismatches
    assert set(found) == {Mismatch(HAIKU_3, Quantity.INPUT, is_surplus=False)}


def test_calls_without_counts_of_a_model_without_tokens_are_no_mismatch() -> None:
    """Calls of an image model: neither side counts tokens."""
    pictures = {Quantity.CALLS: 100, Quantity.UNCOUNTED_CALLS: 100}
    assert report(hour(pictures, {Quantity.CALLS: 100})).mismatches == {}


def test_a_token_kind_that_bedrock_does_not_report_is_not_judged() -> None:
    metered = {Quantity.CALLS: 10, Quantity.CACHE_READ: 10**6}
    assert report(hour(metered, {Quantity.CALLS: 10})).mismatches == {}


def test_a_model_on_only_one_side_is_entirely_missing_or_surplus() -> None:
    figures = {Quantity.CALLS: 10, Quantity.INPUT: 50_000}
    missing = report(({}, {HAIKU_3: figures})).mismatches
    assert {(found.quantity, found.is_surplus) for found in missing} == {
        (Quantity.CALLS, False),
        (Quantity.INPUT, False),
    }
    forged = report(({HAIKU_3: figures}, {})).mismatches
    assert {(found.quantity, found.is_surplus) for found in forged} == {(Quantity.CALLS, True)}


def test_a_single_hour_is_not_a_mismatch() -> None:
    assert report(calls(5, 10), calls(10, 10)).mismatches == {}
    assert report(calls(10, 10), calls(5, 10)).mismatches == {}


def test_a_large_call_at_the_turn_of_an_hour_is_no_mismatch() -> None:
    """The meter counts it in the earlier hour, by its start; Bedrock in the later, by its end."""
    earlier = tokens(Quantity.OUTPUT, 100_000, 0)
    later = tokens(Quantity.OUTPUT, 0, 100_000)
    assert report(earlier, later).mismatches == {}


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_shortfall_on_one_side_is_a_surplus_on_the_other(first: int, second: int) -> None:
    compared, swapped = Comparison(first, second), Comparison(second, first)
    assert compared.missing == swapped.surplus
    assert compared.metered + compared.missing == compared.bedrock + compared.surplus


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1)))  # noqa: DTZ001  # Hypothesis adds the zone
def test_settled_hours_are_clock_hours_that_ended_an_hour_ago(moment: datetime) -> None:
    earlier, later = AuditWindow.settled_at(moment)
    assert earlier.end == later.start
    for window in (earlier, later):
        assert window.is_hour_of_the_clock
        assert window.end - window.start == timedelta(hours=1)
    assert timedelta(hours=1) <= moment - later.end < timedelta(hours=2)


def test_a_notice_names_model_quantity_and_both_counts() -> None:
    metered = {
        HAIKU_3: {Quantity.CALLS: 1_500, Quantity.INPUT: 10},
        SONNET_4: {Quantity.CALLS: 50, Quantity.UNCOUNTED_CALLS: 50},
    }
    bedrock = {
        HAIKU_3: {Quantity.CALLS: 1_000, Quantity.INPUT: 2_000_000},
        SONNET_4: {Quantity.CALLS: 50, Quantity.INPUT: 5},
    }
    notice = mismatch_notice(report((metered, bedrock)))
    assert notice.subject == "Bedrock Meter: the counts differ from Bedrock's"
    first, *models, uncounted, advice = notice.text.split("\n")
    assert first == (
        "In both hours from 2026-09-08 09:00 to 11:00 UTC, the meter's counts differ from"
        " Bedrock's. In the later hour:"
    )
    assert models == [
        f"- {HAIKU_3}: 500 calls surplus (the meter counted 1,500, Bedrock 1,000)",
        f"- {HAIKU_3}: 1,999,990 input tokens missing (the meter counted 10, Bedrock 2,000,000)",
        (f"- {SONNET_4}: 50 of 50 calls have no counts, though Bedrock counts tokens of the model"),
    ]
    assert uncounted == f"Calls without counts, not compared: {SONNET_4} (50)."
    assert "docs/runbooks/UsageMismatch.md" in advice


def test_a_notice_about_many_models_stays_readable() -> None:
    bedrock = {f"model-{number}": {Quantity.CALLS: 100} for number in range(30)}
    text = mismatch_notice(report(({}, bedrock))).text
    assert len(text.split("\n")) == 23
    assert "- and 10 more" in text


def test_counts_that_agree_before_the_notice_are_reported_as_resolved() -> None:
    notice = mismatch_notice(report(calls(10, 10)))
    assert notice.subject == "Bedrock Meter: the counts agree with Bedrock's again"


def compared(metrics: Hour, counters: Hour) -> MismatchReport:
    """Two equal hours in which counters are compared as well."""
    earlier, later = (
        SettledHour(window, compare(*metrics), compare(*counters)) for window in (EARLIER, LATER)
    )
    return MismatchReport(earlier, later)


def test_the_notice_names_which_of_metrics_and_counters_differs() -> None:
    text = mismatch_notice(compared(calls(100, 100), calls(60, 100))).text
    assert "the exact counters of budgets differ from Bedrock's" in text
    assert f"{HAIKU_3}: 40 calls missing (the counters have 60, Bedrock 100)" in text
    assert "metrics agree with Bedrock's" in text
    text = mismatch_notice(compared(calls(60, 100), calls(100, 100))).text
    assert "the meter's metrics differ from Bedrock's" in text
    assert "(the meter counted 60, Bedrock 100)" in text
    assert "exact counters of budgets agree with Bedrock's" in text


def test_the_notice_has_both_where_both_differ() -> None:
    text = mismatch_notice(compared(calls(60, 100), calls(110, 100))).text
    assert "40 calls missing (the meter counted 60" in text
    assert "10 calls surplus (the counters have 110" in text
    assert "agree" not in text


def test_a_difference_of_counters_needs_both_hours() -> None:
    short, whole = compare(*calls(60, 100)), compare(*calls(100, 100))
    report = MismatchReport(SettledHour(EARLIER, whole, short), SettledHour(LATER, whole, whole))
    assert not report.is_mismatch
