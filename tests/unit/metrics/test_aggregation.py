"""Data points add up to their calls."""

from datetime import timedelta
from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.attribution.ports import FoundTags
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.metrics import (
    DataPoint,
    DimensionNamer,
    Distribution,
    StatisticSet,
    aggregate,
)
from lambdas.domain.metrics.aggregation import MAX_DISTRIBUTION_SIZE
from lambdas.domain.metrics.catalog import USAGE_METRICS, Detail
from tests.builders import ANA, BEN, HAIKU_3, NOON, SONNET_4, metered, usage_record, usage_records
from tests.enriching import call_books
from tests.fakes import InMemoryTagSource


def aggregate_fully(records: list[UsageRecord]) -> list[DataPoint]:
    source = InMemoryTagSource()
    source.found["arn:aws:iam::111122223333:user/ben"] = FoundTags([("project", "search")])
    calls = call_books(source).enrich(records, NOON)
    return aggregate(map(DimensionNamer().meter, calls), Detail.FULL)


def find(points: list[DataPoint], name: str, **dimensions: str) -> list[DataPoint]:
    wanted = tuple(dimensions.items())
    return [point for point in points if point.metric.name == name and point.dimensions == wanted]


def sum_metric(point: DataPoint) -> Decimal:
    match point.values:
        case Distribution(values, counts):
            pairs = zip(values, counts, strict=True)
            return sum((Decimal(value) * count for value, count in pairs), Decimal(0))
        case StatisticSet():
            return Decimal(point.values.sum)


def test_calls_of_one_minute_become_one_data_point_per_metric_and_dimension_set() -> None:
    points = aggregate_fully(
        [
            usage_record(request_id="1", timestamp=NOON.replace(microsecond=1)),
            usage_record(request_id="2", timestamp=NOON.replace(second=59), model_id=SONNET_4),
        ]
    )
    (account,) = find(points, "InputTokens")
    assert (account.minute, account.values) == (NOON, Distribution((10,), (2,)))
    (identity,) = find(points, "InputTokens", IdentityArn=ANA)
    assert identity.values == StatisticSet(sample_count=2, sum=20, minimum=10, maximum=10)
    (both,) = find(points, "OutputTokens", IdentityArn=ANA, ModelId=HAIKU_3)
    assert both.values == StatisticSet(sample_count=1, sum=5, minimum=5, maximum=5)


def test_calls_are_counted_in_the_minute_of_the_call() -> None:
    late = usage_record(request_id="late", timestamp=NOON - timedelta(days=3))
    points = find(aggregate_fully([usage_record(), late]), "Invocations")
    assert [point.minute for point in points] == [NOON - timedelta(days=3), NOON]


def test_absent_counts_create_no_data_point() -> None:
    points = aggregate_fully([usage_record(tokens=TokenCounts(input=1))])
    assert not find(points, "OutputTokens")
    assert not find(points, "CacheReadTokens")


def test_values_beyond_the_cloudwatch_limit_use_more_data_points() -> None:
    records = [
        usage_record(request_id=str(number), tokens=TokenCounts(input=number))
        for number in range(MAX_DISTRIBUTION_SIZE + 1)
    ]
    points = find(aggregate_fully(records), "InputTokens")
    sizes = [len(point.values.values) for point in points if isinstance(point.values, Distribution)]
    assert sizes == [MAX_DISTRIBUTION_SIZE, 1]


def test_identities_can_be_combined_into_one() -> None:
    records = [usage_record(request_id="1"), usage_record(request_id="2", identity_arn=BEN)]
    calls = map(metered, records)
    rolled_up = [call._replace(values=call.values._replace(identity="__other__")) for call in calls]
    points = aggregate(rolled_up, Detail.STANDARD)
    (combined,) = find(points, "Invocations", IdentityArn="__other__")
    assert sum_metric(combined) == 2


def test_standard_detail_omits_metrics_of_full_detail() -> None:
    record = usage_record(tokens=TokenCounts(1, 2, 3, 4))
    points = aggregate([metered(record)], Detail.STANDARD)
    assert find(points, "CacheReadTokens")
    assert not find(points, "CacheReadTokens", IdentityArn=ANA)
    assert not [point for point in points if len(point.dimensions) > 1]


@given(st.lists(usage_records, unique_by=lambda record: record.key), st.randoms())
def test_data_points_do_not_depend_on_the_order_of_calls(
    records: list[UsageRecord], chance: Random
) -> None:
    shuffled = records.copy()
    chance.shuffle(shuffled)
    assert aggregate_fully(shuffled) == aggregate_fully(records)


@given(st.lists(usage_records, unique_by=lambda record: record.key))
def test_every_dimension_set_of_a_metric_has_the_same_sum(records: list[UsageRecord]) -> None:
    points = aggregate_fully(records)
    for metric in USAGE_METRICS:
        sums = {
            dimension_set: sum(
                sum_metric(point)
                for point in points
                if point.metric == metric
                and tuple(dimension for dimension, _ in point.dimensions)
                == dimension_set.dimension_names
            )
            for dimension_set in metric.detail_of
        }
        assert len(set(sums.values())) == 1


@given(st.lists(usage_records, unique_by=lambda record: record.key), st.integers(0, 20))
def test_data_points_of_parts_add_up_to_the_whole(records: list[UsageRecord], cut: int) -> None:
    def total(points: list[DataPoint], name: str) -> Decimal:
        return sum((sum_metric(point) for point in find(points, name)), Decimal(0))

    whole = aggregate_fully(records)
    parts = aggregate_fully(records[:cut]), aggregate_fully(records[cut:])
    for name in ("TotalTokens", "EstimatedCostUSD", "UnpricedInvocations"):
        assert sum(total(part, name) for part in parts) == total(whole, name)


def test_an_invalid_model_id_stops_no_metrics() -> None:
    calls = [usage_record(model_id="modèle\n" + "x" * 2000)]
    points = aggregate_fully(calls)
    models = {value for point in points for name, value in point.dimensions if name == "ModelId"}
    assert [value[:9] for value in models] == ["mod?le?xx"]


def test_a_profile_is_named_by_its_model_if_known_else_by_its_id() -> None:
    profile = "application-inference-profile/a1b2c3d4e5f6"
    arn = f"arn:aws:bedrock:us-east-1:111122223333:{profile}"
    named = usage_record(invoked_model_id=arn, model_id=SONNET_4)
    hidden = usage_record(request_id="2", invoked_model_id=arn, model_id=profile)
    points = aggregate_fully([named, hidden])
    models = {dict(point.dimensions).get("ModelId") for point in points}
    assert models == {None, profile, SONNET_4}


def test_money_has_no_percentiles_and_is_exact() -> None:
    calls = [
        usage_record(request_id=str(number), tokens=TokenCounts(input=number, output=0))
        for number in range(1, 4)
    ]
    (account,) = find(aggregate_fully(calls), "EstimatedCostUSD")
    assert account.values == StatisticSet(
        sample_count=3,
        sum=Decimal("0.0000015"),
        minimum=Decimal("0.00000025"),
        maximum=Decimal("0.00000075"),
    )


def test_a_call_without_a_price_is_counted_and_adds_no_cost() -> None:
    points = aggregate_fully([usage_record(model_id=SONNET_4)])
    assert not find(points, "EstimatedCostUSD")
    (unpriced,) = find(points, "UnpricedInvocations", ModelId=SONNET_4)
    assert unpriced.values == Distribution((1,), (1,))
