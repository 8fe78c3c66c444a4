"""Chunks keep the order of the stream and the limits of `PutMetricData`."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.metrics import DataPoint, Distribution, aggregate
from lambdas.domain.metrics.catalog import Detail
from lambdas.domain.metrics.chunks import (
    MAX_CALL_BYTES,
    MAX_CALL_DATA_POINTS,
    Chunk,
    cut_into_chunks,
)
from tests.builders import NOON, metered, usage_record, usage_records


def make_chunks(records: list[UsageRecord], detail: Detail = Detail.STANDARD) -> list[Chunk]:
    return list(cut_into_chunks(map(metered, records), detail))


def unrelated_calls(count: int) -> list[UsageRecord]:
    """Calls that share nothing but the account: the most data points for their number."""
    return [
        usage_record(
            request_id=str(number),
            identity_arn=f"identity-{number}",
            timestamp=NOON + timedelta(minutes=number),
        )
        for number in range(count)
    ]


def test_no_calls_make_no_chunk() -> None:
    assert make_chunks([]) == []


def test_calls_that_fit_make_one_chunk_of_their_sums() -> None:
    records = unrelated_calls(3)
    (chunk,) = make_chunks(records)
    assert chunk.size == 3
    assert chunk.data_points == aggregate(map(metered, records), Detail.STANDARD)


def test_many_different_identities_are_spread_over_the_fewest_chunks() -> None:
    records = unrelated_calls(500)
    chunks = make_chunks(records, Detail.FULL)
    assert all(len(chunk.data_points) <= MAX_CALL_DATA_POINTS for chunk in chunks)
    place = 0
    for chunk in chunks[:-1]:
        one_more = records[place : place + chunk.size + 1]
        assert len(make_chunks(one_more, Detail.FULL)) == 2
        place += chunk.size


def test_forty_identities_and_six_models_in_five_minutes_take_few_calls() -> None:
    records = [
        usage_record(
            request_id=str(number),
            identity_arn=f"identity-{number % 40}",
            model_id=f"model-{number % 6}",
            timestamp=NOON + timedelta(seconds=number * 0.3),
            tokens=TokenCounts(input=number, output=number * 7 % 911),
        )
        for number in range(1000)
    ]
    assert len(make_chunks(records)) <= 5


def test_a_call_with_the_longest_name_fits() -> None:
    assert len(make_chunks([usage_record(identity_arn="x" * 1024)], Detail.FULL)) == 1


@given(st.lists(usage_records, max_size=20), st.sampled_from(Detail))
def test_every_call_is_in_exactly_one_chunk_in_order(
    records: list[UsageRecord], detail: Detail
) -> None:
    place = 0
    for chunk in make_chunks(records, detail):
        assert chunk.size > 0
        part = records[place : place + chunk.size]
        assert chunk.data_points == aggregate(map(metered, part), detail)
        place += chunk.size
    assert place == len(records)


def test_many_different_values_are_spread_over_the_fewest_chunks() -> None:
    """A distribution of more than 150 values is another data point, and each value has its size."""
    records = [
        usage_record(request_id=str(number), tokens=TokenCounts(number, 2 * number))
        for number in range(3000)
    ]
    chunks = make_chunks(records)
    assert len(chunks) > 1
    place = 0
    for chunk in chunks:
        assert estimate_size(chunk.data_points) <= MAX_CALL_BYTES
        one_more = records[place : place + chunk.size + 1]
        place += chunk.size
        if place < len(records):
            assert estimate_size(make_points(one_more)) > MAX_CALL_BYTES


def make_points(records: list[UsageRecord]) -> Sequence[DataPoint]:
    return aggregate(map(metered, records), Detail.STANDARD)


def estimate_size(points: Sequence[DataPoint]) -> int:
    """A high estimate: 400 bytes a point, 3 a letter of its dimensions, 100 a value."""
    return sum(
        400
        + 3 * sum(len(name) + len(value) for name, value in point.dimensions)
        + 100 * (len(point.values.values) if isinstance(point.values, Distribution) else 4)
        for point in points
    )
