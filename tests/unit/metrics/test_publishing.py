"""Calls are sent in order, each once, up to the first chunk that fails."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.metrics import MeteredCall, MetricPublishing
from lambdas.domain.metrics.catalog import USAGE_METRICS, Detail, MetricDefinition
from lambdas.domain.metrics.chunks import cut_into_chunks
from lambdas.domain.metrics.publishing import NO_TIME, Published
from tests.builders import NOON, metered, usage_record
from tests.fakes import InMemoryMetricSink

CALLS = [
    metered(
        usage_record(
            request_id=str(number),
            identity_arn=f"identity-{number}",
            timestamp=NOON + timedelta(minutes=number),
        )
    )
    for number in range(150)
]
metric_lists = st.sampled_from([USAGE_METRICS, USAGE_METRICS[:1]])


@given(
    calls=st.integers(0, len(CALLS)).map(lambda count: CALLS[:count]),
    metrics=metric_lists,
    taken=st.none() | st.integers(0, 3),
    steps=st.none() | st.integers(0, 3),
)
def test_sent_metrics_match_published_calls_and_other_calls_have_a_reason(
    calls: list[MeteredCall],
    metrics: tuple[MetricDefinition, ...],
    taken: int | None,
    steps: int | None,
) -> None:
    sink, saved = InMemoryMetricSink(), list[int]()
    sink.taken_before_a_refusal = taken
    answers: Iterator[bool] = iter([True] * (len(calls) if steps is None else steps))
    published, stop = MetricPublishing(sink, Detail.FULL).publish(
        calls, lambda: next(answers, False), metrics=metrics, after_chunk=saved.append
    )
    chunks = list(cut_into_chunks(calls[:published], Detail.FULL, metrics))
    assert sink.calls == [chunk.data_points for chunk in chunks]
    ends = [sum(chunk.size for chunk in chunks[: place + 1]) for place in range(len(chunks))]
    assert saved == ends
    assert (stop is None) == (published == len(calls))
    if stop is not None:
        assert stop.is_refused == (stop != NO_TIME)


def test_publishing_no_calls_needs_no_time() -> None:
    sink = InMemoryMetricSink()
    publishing = MetricPublishing(sink, Detail.STANDARD)
    assert publishing.publish([], lambda: False) == Published(0, None)
    assert sink.calls == []


def test_an_error_after_a_chunk_leaves_the_next_ones_unsent() -> None:
    sink = InMemoryMetricSink()

    def fail(_published: int) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        MetricPublishing(sink, Detail.FULL).publish(CALLS, lambda: True, after_chunk=fail)
    assert len(sink.calls) == 1
