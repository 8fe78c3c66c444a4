"""Calls counted by Bedrock and not by the meter are found for any spelling of models."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.completeness import (
    AuditWindow,
    Comparison,
    CoverageReport,
    Quantity,
    Totals,
    compare,
    coverage_notice,
    metered_model_id,
)
from lambdas.domain.metrics.model_limit import OTHER_MODELS
from tests.builders import HAIKU_3, NOON, SONNET_4

PROFILE = "application-inference-profile/p24qm5pye2qr"
SPELLINGS = {
    HAIKU_3: [
        HAIKU_3,
        f"us.{HAIKU_3}",
        f"global.{HAIKU_3}",
        f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/apac.{HAIKU_3}",
        f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU_3}",
    ],
    SONNET_4: [SONNET_4, f"eu.{SONNET_4}"],
    PROFILE: [
        "p24qm5pye2qr",
        "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p24qm5pye2qr",
    ],
}
WINDOW = AuditWindow.at(NOON)

calls = st.integers(0, 10**6)
comparisons = st.builds(Comparison, calls, calls)
models = st.dictionaries(st.sampled_from(list(SPELLINGS)), calls, min_size=1)


def count_calls(counts: dict[str, int]) -> dict[str, Totals]:
    return {model: {Quantity.CALLS: count} for model, count in counts.items()}


def report(metered: dict[str, int], bedrock: dict[str, int]) -> CoverageReport:
    return CoverageReport(WINDOW, compare(count_calls(metered), count_calls(bedrock)), unlogged={})


@pytest.mark.parametrize(
    ("bedrock", "missing", "is_short"),
    [
        (10, 1, False),
        (10, 3, False),
        (10, 4, True),
        (800, 4, False),  # half a percent
        (799, 4, True),
        (20_000, 100, False),
        (20_000, 101, True),
        (0, 0, False),
    ],
)
def test_coverage_is_short_above_three_calls_and_half_a_percent(
    bedrock: int, missing: int, is_short: bool
) -> None:
    assert Comparison(bedrock - missing, bedrock).is_short is is_short


@given(comparisons)
def test_a_ratio_is_at_most_one_and_short_means_below_0_995(compared: Comparison) -> None:
    assert (compared.ratio is None) is (compared.bedrock == 0)
    if compared.ratio is not None:
        assert 0 <= compared.ratio <= 1
        assert compared.missing == compared.bedrock - compared.covered
        assert compared.is_short is (
            compared.missing > 3 and compared.missing / compared.bedrock > 0.005
        )


def test_there_is_no_ratio_without_calls() -> None:
    nothing = CoverageReport(WINDOW, compare({}, {}), unlogged={})
    assert nothing.calls.ratio is None
    assert not nothing.is_short


@given(models, st.data())
def test_every_bedrock_call_is_compared_once_for_any_spelling_of_its_model(
    bedrock: dict[str, int], data: st.DataObject
) -> None:
    """A model's calls are split over its spellings and metered as one model."""
    metered = data.draw(st.fixed_dictionaries(dict.fromkeys(bedrock, calls)))
    spelled: dict[str, int] = {}
    for model, count in bedrock.items():
        spellings = data.draw(st.permutations(SPELLINGS[model]))
        part = data.draw(st.integers(0, count))
        spelled |= {spellings[0]: part, spellings[-1]: count - part}
    assert report(metered, spelled) == report(metered, bedrock)
    assert report(metered, spelled).calls.bedrock == sum(bedrock.values())


@given(models, models, st.sampled_from(list(SPELLINGS)), calls)
def test_counting_more_never_makes_more_missing(
    metered: dict[str, int], bedrock: dict[str, int], model: str, more: int
) -> None:
    before = report(metered, bedrock)
    after = report(metered | {model: metered.get(model, 0) + more}, bedrock)
    assert after.calls.missing <= before.calls.missing
    assert after.is_short <= before.is_short


def test_a_surplus_of_one_model_hides_no_shortfall_of_another() -> None:
    found = report({HAIKU_3: 2_000, SONNET_4: 900}, {HAIKU_3: 1_000, SONNET_4: 1_000})
    assert found.calls == Comparison(1_900, 2_000)
    assert [model.model_id for model in found.short_models] == [SONNET_4]


def test_a_few_missing_calls_of_each_of_many_models_add_up() -> None:
    names = [f"model-{number}" for number in range(10)]
    found = report(dict.fromkeys(names, 97), dict.fromkeys(names, 100))
    assert found.short_models == ()
    assert found.is_short
    assert "- model-9: 97 of 100 calls" in coverage_notice(found).text


def test_an_unmetered_model_is_missing_entirely() -> None:
    (model,) = report({}, {f"us.{HAIKU_3}": 5}).models
    assert model.model_id == HAIKU_3
    assert model.calls == Comparison(0, 5)


def test_a_bare_id_matches_the_profile_or_router_with_that_id() -> None:
    assert metered_model_id("p24qm5pye2qr", [HAIKU_3, PROFILE]) == PROFILE
    assert metered_model_id("p24qm5pye2qr", [HAIKU_3]) == "p24qm5pye2qr"


def test_an_invented_model_does_not_match_a_foundation_model() -> None:
    assert metered_model_id(HAIKU_3, [f"forged/{HAIKU_3}"]) == HAIKU_3
    assert report({f"forged/{HAIKU_3}": 1000}, {HAIKU_3: 1000}).is_short
    router = "default-prompt-router/anthropic.claude:1"
    assert metered_model_id("anthropic.claude:1", [router]) == router


def test_models_beyond_the_limit_are_compared_together() -> None:
    metered, bedrock = {HAIKU_3: 5, OTHER_MODELS: 7}, {HAIKU_3: 5, "a.b": 4, "c.d": 6}
    (other, haiku) = report(metered, bedrock).models
    assert (haiku.model_id, haiku.calls) == (HAIKU_3, Comparison(5, 5))
    assert (other.model_id, other.calls) == (OTHER_MODELS, Comparison(7, 10))


def test_a_bucket_of_only_failed_calls_hides_no_missing_model() -> None:
    metered = {OTHER_MODELS: {Quantity.FAILED_CALLS: 9}}
    found = compare(metered=metered, bedrock={"a.b": {Quantity.CALLS: 4}})
    assert [model.model_id for model in found] == [OTHER_MODELS, "a.b"]


def test_tokens_are_compared_if_bedrock_reports_them() -> None:
    metered = {HAIKU_3: {Quantity.CALLS: 10, Quantity.INPUT: 90, Quantity.CACHE_WRITE: 5}}
    bedrock = {
        HAIKU_3: {Quantity.CALLS: 4, Quantity.INPUT: 60},
        f"us.{HAIKU_3}": {Quantity.CALLS: 6, Quantity.INPUT: 40, Quantity.OUTPUT: 7},
    }
    (model,) = compare(metered, bedrock)
    assert model.tokens == {
        Quantity.INPUT: Comparison(90, 100),
        Quantity.OUTPUT: Comparison(0, 7),
    }


def test_a_difference_in_tokens_alone_is_left_to_settled_hours() -> None:
    metered = {HAIKU_3: {Quantity.CALLS: 10}}
    bedrock = {HAIKU_3: {Quantity.CALLS: 10, Quantity.INPUT: 10**9}}
    assert not CoverageReport(WINDOW, compare(metered, bedrock), unlogged={}).is_short


def test_a_notice_names_model_period_and_difference_worst_first() -> None:
    metered = {
        HAIKU_3: {Quantity.CALLS: 990, Quantity.INPUT: 9_900},
        SONNET_4: {Quantity.CALLS: 18_800, Quantity.FAILED_CALLS: 7},
    }
    bedrock = {
        HAIKU_3: {Quantity.CALLS: 1_000, Quantity.INPUT: 10_000},
        SONNET_4: {Quantity.CALLS: 19_000},
    }
    notice = coverage_notice(CoverageReport(WINDOW, compare(metered, bedrock), unlogged={}))
    first, *models, _ = notice.text.split("\n")
    assert first == (
        "For the hour from 2026-09-08 10:45 to 2026-09-08 11:45 UTC, Bedrock Meter has counted"
        " 19,790 of 20,000 calls (98.95%); 210 are missing."
    )
    assert models == [
        (
            f"- {SONNET_4}: 18,800 of 19,000 calls (98.94%); 200 are missing;"
            " 7 failed calls are counted separately"
        ),
        f"- {HAIKU_3}: 990 of 1,000 calls (99.00%); 10 are missing, with 100 input tokens",
    ]


def test_coverage_below_one_is_never_rounded_to_100_percent() -> None:
    found = report({HAIKU_3: 0, SONNET_4: 10**6 - 1}, {HAIKU_3: 9, SONNET_4: 10**6})
    assert "99.99%" in coverage_notice(found).text
    assert "100.00%" not in coverage_notice(found).text


def test_a_notice_about_many_models_stays_readable() -> None:
    text = coverage_notice(report({}, {f"model-{number}": 100 for number in range(30)})).text
    assert len(text.split("\n")) == 23
    assert "- and 10 more; see the" in text


def test_calls_counted_before_the_notice_are_reported_as_recovered() -> None:
    notice = coverage_notice(report({HAIKU_3: 999}, {HAIKU_3: 1_000}))
    assert notice.subject == "Bedrock Meter: no calls are missing any more"
    assert "all but 1 of Bedrock's 1,000" in notice.text
    assert "check that the log group of CoverageAuditor exists." in notice.text


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1)))  # noqa: DTZ001  # Hypothesis adds the zone
def test_a_window_is_an_hour_that_ended_a_quarter_of_an_hour_ago(moment: datetime) -> None:
    window = AuditWindow.at(moment)
    assert window.end - window.start == timedelta(hours=1)
    assert timedelta(minutes=15) <= moment - window.end < timedelta(minutes=20)
    assert window.end.minute % 5 == window.end.second == window.end.microsecond == 0


def test_one_window_of_each_hour_is_a_clock_hour() -> None:
    moments = [NOON + timedelta(minutes=2 + 5 * number) for number in range(12)]
    assert [AuditWindow.at(moment).is_hour_of_the_clock for moment in moments].count(True) == 1
