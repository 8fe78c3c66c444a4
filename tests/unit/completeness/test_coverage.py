"""Calls that Bedrock has counted and the meter has not are found, whatever models are called."""

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


def of_calls(counts: dict[str, int]) -> dict[str, Totals]:
    return {model: {Quantity.CALLS: count} for model, count in counts.items()}


def report(metered: dict[str, int], bedrock: dict[str, int]) -> CoverageReport:
    return CoverageReport(WINDOW, compare(of_calls(metered), of_calls(bedrock)), unlogged={})


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
def test_more_than_three_calls_and_more_than_half_a_percent_are_too_many(
    bedrock: int, missing: int, is_short: bool
) -> None:
    assert Comparison(bedrock - missing, bedrock).is_short is is_short


@given(comparisons)
def test_a_ratio_is_a_part_and_short_means_below_0_995(it: Comparison) -> None:
    assert (it.ratio is None) is (it.bedrock == 0)
    if it.ratio is not None:
        assert 0 <= it.ratio <= 1
        assert it.missing == it.bedrock - it.covered
        assert it.is_short is (it.missing > 3 and it.missing / it.bedrock > 0.005)


def test_where_nobody_called_there_is_no_ratio() -> None:
    nothing = CoverageReport(WINDOW, compare({}, {}), unlogged={})
    assert nothing.calls.ratio is None
    assert not nothing.is_short


@given(models, st.data())
def test_all_that_bedrock_counts_is_compared_once_however_models_are_spelled(
    bedrock: dict[str, int], data: st.DataObject
) -> None:
    """A model's calls, split over its spellings, are those of the one model that is metered."""
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


def test_what_one_model_has_too_many_hides_no_other_s_lack() -> None:
    it = report({HAIKU_3: 2_000, SONNET_4: 900}, {HAIKU_3: 1_000, SONNET_4: 1_000})
    assert it.calls == Comparison(1_900, 2_000)
    assert [model.model_id for model in it.short_models] == [SONNET_4]


def test_a_few_calls_of_each_of_many_models_are_too_many_together() -> None:
    names = [f"model-{number}" for number in range(10)]
    it = report(dict.fromkeys(names, 97), dict.fromkeys(names, 100))
    assert it.short_models == ()
    assert it.is_short
    assert "- model-9: 97 of 100 calls" in coverage_notice(it).text


def test_a_model_that_is_not_metered_at_all_is_missing_as_a_whole() -> None:
    (it,) = report({}, {f"us.{HAIKU_3}": 5}).models
    assert it.model_id == HAIKU_3
    assert it.calls == Comparison(0, 5)


def test_a_bare_id_is_that_of_what_hides_its_model() -> None:
    assert metered_model_id("p24qm5pye2qr", [HAIKU_3, PROFILE]) == PROFILE
    assert metered_model_id("p24qm5pye2qr", [HAIKU_3]) == "p24qm5pye2qr"


def test_made_up_model_stands_in_for_no_foundation_model() -> None:
    assert metered_model_id(HAIKU_3, [f"forged/{HAIKU_3}"]) == HAIKU_3
    assert report({f"forged/{HAIKU_3}": 1000}, {HAIKU_3: 1000}).is_short
    router = "default-prompt-router/anthropic.claude:1"
    assert metered_model_id("anthropic.claude:1", [router]) == router


def test_models_past_the_bound_are_compared_together() -> None:
    metered, bedrock = {HAIKU_3: 5, OTHER_MODELS: 7}, {HAIKU_3: 5, "a.b": 4, "c.d": 6}
    (other, haiku) = report(metered, bedrock).models
    assert (haiku.model_id, haiku.calls) == (HAIKU_3, Comparison(5, 5))
    assert (other.model_id, other.calls) == (OTHER_MODELS, Comparison(7, 10))


def test_bucket_of_failed_calls_alone_hides_no_model_that_is_missing() -> None:
    metered = {OTHER_MODELS: {Quantity.FAILED_CALLS: 9}}
    found = compare(metered=metered, bedrock={"a.b": {Quantity.CALLS: 4}})
    assert [model.model_id for model in found] == [OTHER_MODELS, "a.b"]


def test_tokens_are_compared_where_bedrock_has_a_figure_of_them() -> None:
    metered = {HAIKU_3: {Quantity.CALLS: 10, Quantity.INPUT: 90, Quantity.CACHE_WRITE: 5}}
    bedrock = {
        HAIKU_3: {Quantity.CALLS: 4, Quantity.INPUT: 60},
        f"us.{HAIKU_3}": {Quantity.CALLS: 6, Quantity.INPUT: 40, Quantity.OUTPUT: 7},
    }
    (it,) = compare(metered, bedrock)
    assert it.tokens == {
        Quantity.INPUT: Comparison(90, 100),
        Quantity.OUTPUT: Comparison(0, 7),
    }


def test_a_difference_of_tokens_alone_is_left_to_the_settled_hours() -> None:
    metered = {HAIKU_3: {Quantity.CALLS: 10}}
    bedrock = {HAIKU_3: {Quantity.CALLS: 10, Quantity.INPUT: 10**9}}
    assert not CoverageReport(WINDOW, compare(metered, bedrock), unlogged={}).is_short


def test_a_notice_names_model_period_and_difference_the_worst_first() -> None:
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
        "In the hour from 2026-09-08 10:45 to 2026-09-08 11:45 UTC Bedrock Meter has counted"
        " 19,790 of 20,000 calls (98.95 %); 210 are missing."
    )
    assert models == [
        (
            f"- {SONNET_4}: 18,800 of 19,000 calls (98.94 %); 200 are missing;"
            " 7 failed calls are counted separately"
        ),
        f"- {HAIKU_3}: 990 of 1,000 calls (99.00 %); 10 are missing, with 100 input tokens",
    ]


def test_all_but_one_is_never_said_to_be_all() -> None:
    it = report({HAIKU_3: 0, SONNET_4: 10**6 - 1}, {HAIKU_3: 9, SONNET_4: 10**6})
    assert "99.99 %" in coverage_notice(it).text
    assert "100.00 %" not in coverage_notice(it).text


def test_a_notice_stays_readable_however_many_models_there_are() -> None:
    text = coverage_notice(report({}, {f"model-{number}": 100 for number in range(30)})).text
    assert len(text.split("\n")) == 23
    assert "- and 10 more; see the" in text


def test_what_is_counted_by_the_time_of_the_notice_is_told_as_such() -> None:
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


def test_of_the_windows_of_an_hour_one_is_an_hour_of_the_clock() -> None:
    moments = [NOON + timedelta(minutes=2 + 5 * number) for number in range(12)]
    assert [AuditWindow.at(moment).is_hour_of_the_clock for moment in moments].count(True) == 1
