"""Every call is published once, whatever fails on the way."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.metering import DataPoint, aggregate
from lambdas.domain.metering.metric_catalog import Detail
from lambdas.services.publish_metrics import PublishMetrics, PublishReport
from tests.builders import NOON, usage_record
from tests.fakes import InMemoryMetricSink


def publisher(sink: InMemoryMetricSink) -> PublishMetrics:
    return PublishMetrics(sink, Detail.FULL, lambda record: record.identity_arn)


def call(number: int, minutes_ago: int = 0) -> UsageRecord:
    return usage_record(
        request_id=str(number),
        identity_arn=f"identity-{number}",
        timestamp=NOON - timedelta(minutes=minutes_ago),
        tokens=TokenCounts(input=number, output=1),
    )


def tokens_in(sink: InMemoryMetricSink) -> int:
    return sum(
        value * count
        for data_points in sink.calls
        for point in data_points
        if point.metric.name == "TotalTokens" and point.dimensions == ()
        for value, count in zip(point.values.values, point.values.counts, strict=True)  # type: ignore[union-attr]
    )


def test_a_batch_that_fits_is_one_call() -> None:
    sink = InMemoryMetricSink()
    records = [call(1), call(2)]
    assert publisher(sink)(records, now=NOON) == PublishReport(2, 0, None)
    (sent,) = sink.calls
    assert sent == aggregate(
        records, detail=Detail.FULL, identity_dimension=lambda it: it.identity_arn
    )


def test_calls_outside_of_what_cloudwatch_takes_are_left_to_the_ledger() -> None:
    sink = InMemoryMetricSink()
    fortnight = 14 * 24 * 60
    records = [call(1, fortnight), call(2, fortnight - 1), call(3, -119), call(4, -120)]
    assert publisher(sink)(records, now=NOON) == PublishReport(2, 2, None)
    assert tokens_in(sink) == 3 + 4


def test_a_refused_chunk_is_named_by_its_first_call() -> None:
    sink = InMemoryMetricSink()
    sink.refusals = 1
    too_old = call(0, minutes_ago=10**6)
    report = publisher(sink)([too_old, call(1), call(2)], now=NOON)
    assert report == PublishReport(published=0, outside_window=1, first_unsent=1)


def test_what_was_sent_before_a_refused_chunk_is_not_sent_again() -> None:
    class RefusesTheSecondCall(InMemoryMetricSink):
        def put(self, data_points: Sequence[DataPoint]) -> None:
            self.refusals = int(len(self.calls) == 1 and not self.has_refused)
            self.has_refused = self.has_refused or bool(self.refusals)
            super().put(data_points)

        has_refused = False

    sink, undisturbed = RefusesTheSecondCall(), InMemoryMetricSink()
    records = [call(number, minutes_ago=number % 60) for number in range(300)]
    assert publisher(undisturbed)(records, now=NOON).published == 300
    report = publisher(sink)(records, now=NOON)
    assert report.first_unsent is not None
    assert 0 < report.first_unsent == report.published < 300
    assert publisher(sink)(records[report.first_unsent :], now=NOON).first_unsent is None
    assert tokens_in(sink) == tokens_in(undisturbed)


class Stream(RuleBasedStateMachine):
    """A stream that delivers batches until they are taken, over a sink that fails at will."""

    def __init__(self) -> None:
        super().__init__()
        self.sink = InMemoryMetricSink()
        self.publish = publisher(self.sink)
        self.waiting: list[UsageRecord] = []
        self.expected = 0
        self.number = 0

    @rule(size=st.integers(1, 120))
    def calls_are_made(self, size: int) -> None:
        for _ in range(size):
            self.number += 1
            self.waiting.append(call(self.number, minutes_ago=self.number % 60))

    @rule(size=st.integers(1, 200), refusals=st.integers(0, 1))
    def a_batch_is_delivered(self, size: int, refusals: int) -> None:
        batch = self.waiting[:size]
        self.sink.refusals = refusals if batch else 0
        report = self.publish(batch, NOON)
        done = len(batch) if report.first_unsent is None else report.first_unsent
        assert done == report.published
        self.expected += sum(record.tokens.total or 0 for record in batch[:done])
        self.waiting = self.waiting[done:]

    def teardown(self) -> None:
        self.what_was_taken_is_published_once()

    def what_was_taken_is_published_once(self) -> None:
        assert tokens_in(self.sink) == self.expected


TestStream = Stream.TestCase
TestStream.settings = settings(deadline=None, max_examples=10, stateful_step_count=10)
