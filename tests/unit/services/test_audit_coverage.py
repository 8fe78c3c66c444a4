"""An audit reads only what it needs, and compares both sides."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.domain.completeness import (
    ALL_MODELS,
    MAX_MODELS_READ,
    AuditWindow,
    Comparison,
    Mismatch,
    Quantity,
    mismatch_notice,
)
from lambdas.domain.counters import (
    CellKey,
    CellMinutes,
    CellSpan,
    PriceEdition,
    UsageTotals,
    begin_counting,
)
from lambdas.services.audit_coverage import CoverageAuditor
from lambdas.services.read_counted_usage import CountedUsageReader
from tests.builders import ANA, BEN, HAIKU_3, NOON, SONNET_4
from tests.counters import InMemoryCounters
from tests.fakes import InMemoryMetrics
from tests.unit.budgets.builders import LABELS

QUIET, FULL_HOUR = NOON, NOON + timedelta(minutes=15)
WITHIN = NOON - timedelta(minutes=30)
SETTLED = NOON + timedelta(hours=1)


def account(*, metered: int, bedrock: int) -> InMemoryMetrics:
    """Calls of one model, which is called through a profile."""
    metrics = InMemoryMetrics()
    metrics.add("BedrockMeter", "Invocations", WITHIN, metered, HAIKU_3)
    metrics.add("BedrockMeter", "CacheReadTokens", WITHIN, 70, HAIKU_3)
    metrics.add("AWS/Bedrock", "Invocations", WITHIN, bedrock, f"us.{HAIKU_3}")
    metrics.add("AWS/Bedrock", "CacheReadInputTokenCount", WITHIN, 90, f"us.{HAIKU_3}")
    return metrics


def test_only_calls_are_read_if_none_are_missing() -> None:
    metrics = account(metered=10, bedrock=10)
    (model,) = CoverageAuditor(metrics).audit(QUIET).models
    assert model.calls == Comparison(10, 10)
    assert model.tokens == {}
    assert metrics.read == {"Invocations": 2}


def test_tokens_are_read_only_for_the_notification() -> None:
    """Otherwise hiding calls for a month would increase the cost of audits."""
    auditor = CoverageAuditor(account(metered=10, bedrock=20))
    (model,) = auditor.audit(QUIET).models
    assert model.tokens == {}
    (model,) = auditor.audit(QUIET, with_tokens=True).models
    assert model.tokens == {Quantity.CACHE_READ: Comparison(70, 90)}


def test_tokens_of_two_settled_hours_are_read() -> None:
    metrics = account(metered=10, bedrock=10)
    metrics.add("BedrockMeter", "MissingTokenCounts", WITHIN, 4, HAIKU_3)
    report = CoverageAuditor(metrics).audit_settled_hours(SETTLED)
    (model,) = report.later.models
    assert model.tokens == {Quantity.CACHE_READ: Comparison(70, 90)}
    assert (model.calls, model.uncounted_calls) == (Comparison(10, 10), 4)
    assert report.earlier.models == ()
    assert report.uncounted_calls == {HAIKU_3: 4}


def test_only_hours_after_the_start_of_metering_are_judged() -> None:
    """A new deployment does not report earlier calls as missing."""
    metrics = account(metered=0, bedrock=1_000)
    window = AuditWindow.at(QUIET)
    early = CoverageAuditor(metrics, metered_since=window.start + timedelta(seconds=1))
    assert not early.audit(QUIET).is_short
    assert CoverageAuditor(metrics, metered_since=window.start).audit(QUIET).is_short
    earlier, _ = AuditWindow.settled_at(SETTLED)
    for hour in (1.0, 2.0):
        metrics.add("AWS/Bedrock", "Invocations", SETTLED - timedelta(hours=hour), 1_000, HAIKU_3)
    settled = CoverageAuditor(metrics, metered_since=earlier.start + timedelta(seconds=1))
    assert settled.audit_settled_hours(SETTLED).later.models == ()
    assert (
        CoverageAuditor(metrics, metered_since=earlier.start)
        .audit_settled_hours(SETTLED)
        .later.models
    )


def test_an_hour_is_not_judged_before_it_has_settled() -> None:
    auditor = CoverageAuditor(account(metered=10, bedrock=10))
    just_before = SETTLED - timedelta(seconds=1)
    assert auditor.audit_settled_hours(just_before).later.models == ()


def test_two_spellings_of_a_metric_are_not_added_up() -> None:
    metrics = account(metered=10, bedrock=20)
    metrics.add("AWS/Bedrock", "CacheReadInputTokens", WITHIN, 88, f"us.{HAIKU_3}")
    (model,) = CoverageAuditor(metrics).audit(QUIET, with_tokens=True).models
    assert model.tokens == {Quantity.CACHE_READ: Comparison(70, 90)}


def test_bedrock_mantle_usage_is_reported_as_unlogged() -> None:
    metrics = account(metered=10, bedrock=10)
    assert CoverageAuditor(metrics).audit(FULL_HOUR).unlogged == {}
    metrics.add("AWS/BedrockMantle", "Inferences", WITHIN, 3)
    metrics.add("AWS/BedrockMantle", "TotalInputTokens", WITHIN, 900)
    metrics.add("AWS/BedrockMantle", "Inferences", WITHIN, 3, model="counted-twice")
    report = CoverageAuditor(metrics).audit(FULL_HOUR)
    assert report.unlogged == {Quantity.CALLS: 3, Quantity.INPUT: 900}
    assert report.calls == Comparison(10, 10)


def test_calls_through_a_profile_are_compared_with_its_model() -> None:
    """The first calls went by the profile's id, before the meter knew its model."""
    metrics = account(metered=10, bedrock=4)
    metrics.add("AWS/Bedrock", "Invocations", WITHIN, 9, "abc123")
    metrics.add("BedrockMeter", "Invocations", WITHIN, 3, "application-inference-profile/abc123")

    def name_model(name: str) -> str:
        return HAIKU_3 if name.endswith("abc123") else name

    (model,) = CoverageAuditor(metrics, name_model).audit(QUIET).models
    assert (model.model_id, model.calls) == (HAIKU_3, Comparison(13, 13))


PROFILES = 1_000


def account_of_many_profiles(*, hidden: int) -> InMemoryMetrics:
    """Calls of two hours, by the minute; Bedrock has so many more of one model."""
    metrics = InMemoryMetrics()
    for minute in range(0, 180, 5):
        at = NOON - timedelta(minutes=minute)
        for profile in range(PROFILES):
            metrics.add("AWS/Bedrock", "Invocations", at, 10, f"profile{profile:04}")
        metrics.add("BedrockMeter", "Invocations", at, 10 * PROFILES, HAIKU_3)
        metrics.add("AWS/Bedrock", "Invocations", at, hidden, f"us.{SONNET_4}")
        metrics.add("AWS/Bedrock", "Invocations", at, 10 * PROFILES + hidden)
        metrics.add("BedrockMeter", "Invocations", at, 10 * PROFILES)
    return metrics


def foundation_model(name: str) -> str:
    return HAIKU_3 if name.startswith("profile") else name


def test_missing_calls_among_a_thousand_profiles_are_found_within_an_hour() -> None:
    """They are less than half a percent of the account's."""
    metrics = account_of_many_profiles(hidden=30)
    auditor = CoverageAuditor(metrics, foundation_model)
    moments = [NOON - timedelta(minutes=5 * number) for number in range(12)]
    reports = [auditor.audit(moment) for moment in sorted(moments)]
    short = [report.is_short for report in reports]
    assert short.count(True) == 2
    first = short.index(True)
    assert short[first + 1]  # the alarm needs two consecutive audits
    assert [model.model_id for model in reports[first].short_models] == [SONNET_4]
    (total,) = reports[first - 1].models
    assert total.model_id == ALL_MODELS
    assert metrics.read["Invocations"] <= 2 * (PROFILES + 2)


def test_many_missing_calls_among_a_thousand_profiles_are_found_at_once() -> None:
    auditor = CoverageAuditor(account_of_many_profiles(hidden=60), foundation_model)
    moments = [NOON - timedelta(minutes=5 * number) for number in range(12)]
    assert all(auditor.audit(moment).is_short for moment in moments)


def test_settled_hours_of_too_many_profiles_are_judged_by_account_sums() -> None:
    metrics = account_of_many_profiles(hidden=0)
    for minute in range(0, 180, 5):
        at = NOON - timedelta(minutes=minute)
        metrics.add("AWS/Bedrock", "InputTokenCount", at, 20_000)
        metrics.add("BedrockMeter", "InputTokens", at, 10_000)
    auditor = CoverageAuditor(metrics, foundation_model)
    reports = [auditor.audit_settled_hours(NOON - timedelta(hours=hour)) for hour in range(-1, 4)]
    found = [report for report in reports if report.mismatches]
    assert {mismatch for report in found for mismatch in report.mismatches} == {
        Mismatch(ALL_MODELS, Quantity.INPUT, is_surplus=False)
    }
    assert "most audits compare only the totals of the account" in mismatch_notice(found[0]).text


def test_a_notification_names_models_even_if_there_are_many() -> None:
    auditor = CoverageAuditor(account_of_many_profiles(hidden=60), foundation_model)
    for number in range(12):
        report = auditor.audit(NOON - timedelta(minutes=5 * number), with_tokens=True)
        assert {model.model_id for model in report.models} == {HAIKU_3, SONNET_4}


FAKES = 20_000


def account_with_forged_series(*names: str) -> InMemoryMetrics:
    """Half of one model's calls are hidden, and others publish in the meter's namespace."""
    metrics = InMemoryMetrics()
    for name in names or ("Invocations", "InputTokens"):
        for number in range(FAKES):
            metrics.add("BedrockMeter", name, WITHIN, 1, f"fake-{number}")
    metrics.add("BedrockMeter", "Invocations", WITHIN, 50, HAIKU_3)
    metrics.add("BedrockMeter", "Invocations", WITHIN, 9, SONNET_4)
    metrics.add("BedrockMeter", "Invocations", WITHIN, 8, "application-inference-profile/new")
    metrics.add("BedrockMeter", "Invocations", WITHIN, 7, "__other__")
    for model, calls in ((f"us.{HAIKU_3}", 100), ("known", 9), ("new", 8), ("vendor.other", 7)):
        metrics.add("AWS/Bedrock", "Invocations", WITHIN, calls, model)
    return metrics


def named_profile(name: str) -> str:
    return SONNET_4 if name == "known" else name


def test_forged_series_in_the_meter_s_namespace_are_not_read_and_hide_nothing() -> None:
    metrics = account_with_forged_series()
    asked: list[str] = []

    def name_model(name: str) -> str:
        asked.append(name)
        return named_profile(name)

    report = CoverageAuditor(metrics, name_model).audit(QUIET)
    assert {model.model_id: model.calls for model in report.models} == {
        HAIKU_3: Comparison(50, 100),
        SONNET_4: Comparison(9, 9),
        "application-inference-profile/new": Comparison(8, 8),
        "__other__": Comparison(7, 7),
    }
    bedrock, own = 4, 5
    assert metrics.read["Invocations"] == bedrock + own
    assert len(asked) < 20  # each one is a read of the state table


@pytest.mark.parametrize("name", ["Invocations", "InputTokens", "MissingTokenCounts"])
def test_more_series_than_the_meter_can_publish_are_a_mismatch(name: str) -> None:
    auditor = CoverageAuditor(account_with_forged_series(name), named_profile, max_models=100)
    report = auditor.audit_settled_hours(SETTLED)
    assert (report.is_mismatch, report.exceeded_tolerance) == (True, 201)
    text = mismatch_notice(report).text
    assert "More than 201 models have metrics in the namespace BedrockMeter" in text


def test_the_limit_of_series_covers_two_months_and_the_overflow_bucket() -> None:
    metrics = InMemoryMetrics()
    for number in range(5):
        for namespace in ("BedrockMeter", "AWS/Bedrock"):
            metrics.add(namespace, "Invocations", WITHIN, 5, f"vendor.model-{number}")
    assert not CoverageAuditor(metrics, max_models=2).audit_settled_hours(SETTLED).is_mismatch
    metrics.add("BedrockMeter", "Invocations", WITHIN, 1, "vendor.model-5")
    report = CoverageAuditor(metrics, max_models=2).audit_settled_hours(SETTLED)
    assert report.exceeded_tolerance == 5
    assert not report.mismatches


HOURS = (NOON - timedelta(hours=2), NOON - timedelta(hours=1))
"""The two hours that have settled."""


def agreeing_metrics(calls: int = 100) -> InMemoryMetrics:
    """Metrics of one model in two hours, the same on both sides."""
    metrics = InMemoryMetrics()
    for hour in HOURS:
        for namespace, model in (("BedrockMeter", HAIKU_3), ("AWS/Bedrock", f"us.{HAIKU_3}")):
            for dimension in (model, None):
                metrics.add(namespace, "Invocations", hour, calls, dimension)
    return metrics


def counters(*calls: int, minutes: CellMinutes = 60, is_complete: bool = True) -> InMemoryCounters:
    """Counters of two identities that share the calls of each hour."""
    store = InMemoryCounters()
    state = begin_counting(PriceEdition("shipped"), "stack", NOON - timedelta(days=2), None)
    assert state is not None
    recounts = () if is_complete else state.recounts
    store.write_state(replace(state, recounts=recounts))
    span = CellSpan.HOUR if minutes == 60 else CellSpan.QUARTER
    for hour, count in zip(HOURS, calls, strict=True):
        cells = ((ANA, timedelta(0), 1), (BEN, timedelta(minutes=60 - minutes), count - 1))
        for identity, offset, part in cells:
            labels = LABELS._replace(identity_arn=identity, model_id=HAIKU_3)
            totals = UsageTotals(calls=part, input_tokens=100 * part)
            store.cells[1, CellKey(span, hour + offset, labels)] = totals
            day = CellKey(CellSpan.DAY, CellSpan.DAY.get_start(hour), labels)
            store.cells[1, day] = UsageTotals(calls=1_000)
    return store


@pytest.mark.parametrize("minutes", [15, 60])
def test_exact_counters_are_compared_without_reading_more_metrics(minutes: CellMinutes) -> None:
    alone, with_counters = agreeing_metrics(), agreeing_metrics()
    CoverageAuditor(alone).audit_settled_hours(SETTLED)
    reader = CountedUsageReader(counters(100, 100, minutes=minutes), minutes)
    report = CoverageAuditor(with_counters, counters=reader).audit_settled_hours(SETTLED)
    assert not report.is_mismatch
    assert report.later.counted is not None
    assert [model.calls for model in report.later.counted] == [Comparison(100, 100)]
    assert with_counters.read == alone.read


def test_counters_that_are_short_in_two_hours_are_named() -> None:
    reader = CountedUsageReader(counters(90, 80), 60)
    report = CoverageAuditor(agreeing_metrics(), counters=reader).audit_settled_hours(SETTLED)
    assert not report.mismatches
    missing = Mismatch(HAIKU_3, Quantity.CALLS, is_surplus=False)
    assert report.counter_mismatches == {missing: Comparison(80, 100)}
    assert report.is_mismatch


def test_counters_that_are_short_in_one_hour_are_no_mismatch() -> None:
    reader = CountedUsageReader(counters(90, 100), 60)
    assert not (
        CoverageAuditor(agreeing_metrics(), counters=reader)
        .audit_settled_hours(SETTLED)
        .is_mismatch
    )


def test_counters_are_not_judged_while_calls_of_the_ledger_are_being_counted() -> None:
    for store in (counters(1, 1, is_complete=False), InMemoryCounters()):
        auditor = CoverageAuditor(agreeing_metrics(), counters=CountedUsageReader(store, 60))
        report = auditor.audit_settled_hours(SETTLED)
        assert (report.is_mismatch, report.has_counters) == (False, False)


def test_tokens_of_calls_without_counts_are_not_missing_in_counters() -> None:
    metrics = agreeing_metrics()
    for hour in HOURS:
        metrics.add("BedrockMeter", "MissingTokenCounts", hour, 50, HAIKU_3)
        metrics.add("BedrockMeter", "InputTokens", hour, 10_000, HAIKU_3)
        metrics.add("AWS/Bedrock", "InputTokenCount", hour, 40_000, HAIKU_3)
    reader = CountedUsageReader(counters(100, 100), 60)
    report = CoverageAuditor(metrics, counters=reader).audit_settled_hours(SETTLED)
    assert Mismatch(HAIKU_3, Quantity.UNCOUNTED_CALLS, is_surplus=True) in report.mismatches
    assert report.counter_mismatches == {}


def test_with_too_many_models_the_sums_of_counters_are_compared() -> None:
    metrics = agreeing_metrics()
    for number in range(4 * MAX_MODELS_READ):  # with the model, this hour is not read by model
        metrics.add("AWS/Bedrock", "Invocations", HOURS[1], 0, f"profile{number:04}")
    auditor = CoverageAuditor(metrics, counters=CountedUsageReader(counters(50, 60), 60))
    assert auditor.audit_settled_hours(SETTLED).counter_mismatches == {
        Mismatch(ALL_MODELS, Quantity.CALLS, is_surplus=False): Comparison(60, 100)
    }
