"""The catalog is valid for CloudWatch, and bounds the cost of each further identity."""

from collections import Counter
from decimal import Decimal
from operator import attrgetter

import pytest

from lambdas.domain.attribution import UNATTRIBUTED, Attribution, AttributionSource
from lambdas.domain.invocations import TokenCounts, UsageDoubt
from lambdas.domain.metrics.catalog import (
    BUDGET_METRICS,
    CREDIT_METRICS,
    GATEWAY_CALL_METRICS,
    HEALTH_METRICS,
    IDENTITY_ARN,
    LIMIT_METRICS,
    MODEL_ID,
    PROJECT,
    UNLOGGED_METRICS,
    USAGE_METRICS,
    Detail,
    DimensionSet,
    Metric,
)
from lambdas.domain.pricing import Cost, PriceBasis, Unpriced
from tests.builders import SONNET_4, enriched, usage_record

ALL_METRICS: list[Metric] = [
    *USAGE_METRICS,
    *UNLOGGED_METRICS,
    *BUDGET_METRICS,
    *CREDIT_METRICS,
    *GATEWAY_CALL_METRICS,
    *HEALTH_METRICS,
    *LIMIT_METRICS,
]
BY_NAME = {metric.name: metric for metric in USAGE_METRICS}


def test_each_metric_has_one_definition() -> None:
    names = Counter(metric.name for metric in ALL_METRICS)
    assert names.most_common(1)[0][1] == 1


@pytest.mark.parametrize("metric", ALL_METRICS, ids=attrgetter("name"))
def test_names_follow_cloudwatch_s_style(metric: Metric) -> None:
    assert metric.name.isidentifier()
    assert metric.name[0].isupper()
    assert metric.description.endswith(".")


def test_every_metric_covers_the_account_and_model_metrics_cover_each_model() -> None:
    of_no_model = {"UnattributedTokens", "ForgedAttributions", "DisputedAttributions"}
    for metric in USAGE_METRICS:
        assert metric.detail_of[DimensionSet.ACCOUNT] is Detail.STANDARD
        assert (DimensionSet.MODEL in metric.detail_of) == (metric.name not in of_no_model)


def test_a_project_costs_four_metrics_a_month() -> None:
    by_project = [
        metric.name for metric in USAGE_METRICS if DimensionSet.PROJECT in metric.detail_of
    ]
    assert by_project == ["Invocations", "TotalTokens", "QuotaTokens", "EstimatedCostUSD"]


def test_at_standard_detail_an_identity_costs_seven_metrics_a_month() -> None:
    standard = [
        metric.name
        for metric in USAGE_METRICS
        for dimension_set, detail in metric.detail_of.items()
        if dimension_set.is_per_identity and detail is Detail.STANDARD
    ]
    assert sorted(standard) == [
        "EstimatedCostUSD",
        "InputTokens",
        "InvocationErrors",
        "Invocations",
        "OutputTokens",
        "QuotaTokens",
        "TotalTokens",
    ]


def test_dimension_sets_use_cloudwatch_s_spelling() -> None:
    assert [dimension_set.dimension_names for dimension_set in DimensionSet] == [
        (),
        (MODEL_ID,),
        (IDENTITY_ARN,),
        (IDENTITY_ARN, MODEL_ID),
        (PROJECT,),
    ]


def test_every_metric_reads_its_value_of_a_call() -> None:
    record = usage_record(
        model_id=SONNET_4,
        tokens=TokenCounts(input=1, output=20, cache_read=300, cache_write=4000),
        latency_ms=7,
    )
    unattributed = Attribution(
        UNATTRIBUTED,
        UNATTRIBUTED,
        UNATTRIBUTED,
        AttributionSource.UNATTRIBUTED,
        is_forged=True,
        is_disputed=True,
    )
    cost = Cost(Decimal(2), Decimal("1.5"), price=None, basis=PriceBasis.ASSUMED)
    call = enriched(record)._replace(attribution=unattributed)
    values = {name: metric.get_value(call, cost) for name, metric in BY_NAME.items()}
    assert values == {
        "Invocations": 1,
        "InvocationErrors": None,
        "InputTokens": 1,
        "OutputTokens": 20,
        "CacheReadTokens": 300,
        "CacheWriteTokens": 4000,
        "TotalTokens": 4321,
        "QuotaTokens": 4101,
        "FailedTokens": None,
        "MissingTokenCounts": None,
        "AmbiguousUsage": None,
        "UnverifiedUsage": None,
        "InvocationLatency": 7,
        "EstimatedCostUSD": Decimal("1.5"),
        "UnpricedInvocations": None,
        "AssumedPriceInvocations": 1,
        "UnattributedTokens": 4321,
        "ForgedAttributions": 1,
        "DisputedAttributions": 1,
    }


@pytest.mark.parametrize(
    ("doubt", "name"),
    [(UsageDoubt.AMBIGUOUS, "AmbiguousUsage"), (UsageDoubt.UNVERIFIED, "UnverifiedUsage")],
)
def test_doubtful_usage_of_successful_calls_is_counted(doubt: UsageDoubt, name: str) -> None:
    names = ("AmbiguousUsage", "UnverifiedUsage")
    record = usage_record(usage_doubt=doubt)
    call = enriched(record)
    values = {metric: BY_NAME[metric].get_value(call, call.cost) for metric in names}
    assert values == dict.fromkeys(names) | {name: 1}
    failed = enriched(record._replace(error_code="ThrottlingException"))
    assert BY_NAME[name].get_value(failed, failed.cost) is None


@pytest.mark.parametrize(
    "basis", [None, *(basis for basis in PriceBasis if basis is not PriceBasis.ASSUMED)]
)
def test_a_price_of_the_called_region_is_not_counted_as_assumed(
    basis: PriceBasis | None,
) -> None:
    cost = Cost(Decimal(2), Decimal(2), price=None, basis=basis)
    assert BY_NAME["AssumedPriceInvocations"].get_value(enriched(usage_record()), cost) is None


def test_a_failed_call_is_an_error_and_its_tokens_are_failed_tokens() -> None:
    failed = enriched(usage_record(error_code="ThrottlingException"))
    values = {name: metric.get_value(failed, failed.cost) for name, metric in BY_NAME.items()}
    assert {name: value for name, value in values.items() if value is not None} == {
        "InvocationErrors": 1,
        "FailedTokens": 15,
    }


def test_a_missing_value_is_not_published_as_zero() -> None:
    unreported = usage_record(tokens=TokenCounts())
    call = enriched(unreported)
    assert call.cost is Unpriced.NO_COUNTS
    values = {name: metric.get_value(call, call.cost) for name, metric in BY_NAME.items()}
    assert {name: value for name, value in values.items() if value is not None} == {
        "Invocations": 1,
        "MissingTokenCounts": 1,
        "UnpricedInvocations": 1,
    }
