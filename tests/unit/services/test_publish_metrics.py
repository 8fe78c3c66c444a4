"""Every call is published once despite failures."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from lambdas.domain.attribution.ports import FoundTags
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.ledger.tampering import TamperedCall, Tampering
from lambdas.domain.metrics import (
    DimensionNamer,
    Distribution,
    MetricPublishing,
    aggregate,
)
from lambdas.domain.metrics.catalog import Detail
from lambdas.domain.metrics.publish_report import PublishReport
from lambdas.domain.pricing import PriceBook, Pricing
from lambdas.services.publish_metrics import MetricPublisher
from tests.builders import (
    HAIKU_3,
    NOON,
    PRICING,
    SONNET_4,
    disputed_call,
    metered,
    usage_record,
)
from tests.enriching import call_books
from tests.examples import percent_of_examples
from tests.fakes import (
    InMemoryMetricSink,
    InMemoryTagSource,
    InMemoryUnpricedCalls,
    find_waiting,
)

PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p24qm5pye2qr"


def publisher(
    sink: InMemoryMetricSink,
    unpriced: InMemoryUnpricedCalls | None = None,
    prices: Pricing = PRICING,
    source: InMemoryTagSource | None = None,
) -> MetricPublisher:
    notes = InMemoryUnpricedCalls() if unpriced is None else unpriced
    return MetricPublisher(
        call_books(source, prices=prices),
        DimensionNamer(),
        MetricPublishing(sink, Detail.FULL),
        notes,
    )


def call(number: int, minutes_ago: int = 0) -> UsageRecord:
    return usage_record(
        request_id=str(number),
        identity_arn=f"identity-{number}",
        timestamp=NOON - timedelta(minutes=minutes_ago),
        tokens=TokenCounts(input=number, output=1),
    )


def with_profile(record: UsageRecord) -> UsageRecord:
    return record._replace(
        invoked_model_id=PROFILE, model_id="application-inference-profile/p24qm5pye2qr"
    )


def new(*records: UsageRecord) -> list[LedgerChange | TamperedCall]:
    return [LedgerChange(record) for record in records]


def tokens_in(sink: InMemoryMetricSink) -> int:
    return sum(
        value * count
        for data_points in sink.calls
        for point in data_points
        if point.metric.name == "TotalTokens" and point.dimensions == ()
        for value, count in zip(point.values.values, point.values.counts, strict=True)  # type: ignore[union-attr]
    )


def test_a_batch_that_fits_is_one_request() -> None:
    sink = InMemoryMetricSink()
    records = [call(1), call(2)]
    assert publisher(sink).publish(new(*records), now=NOON) == PublishReport(2, oldest=NOON)
    (sent,) = sink.calls
    assert sent == aggregate(map(metered, records), Detail.FULL)


def test_calls_outside_cloudwatch_s_time_limits_stay_only_in_the_ledger() -> None:
    sink = InMemoryMetricSink()
    fortnight = 14 * 24 * 60
    records = [call(1, fortnight), call(2, fortnight - 1), call(3, -119), call(4, -120)]
    assert publisher(sink).publish(new(*records), now=NOON) == PublishReport(
        published=2, unpublished=2, oldest=records[1].timestamp
    )
    assert tokens_in(sink) == 3 + 4


def test_a_refused_chunk_is_identified_by_its_first_call() -> None:
    sink = InMemoryMetricSink()
    sink.taken_before_a_refusal = 0
    too_old = call(0, minutes_ago=10**6)
    report = publisher(sink).publish(new(too_old, call(1), call(2), too_old), now=NOON)
    assert report == PublishReport(unpublished=1, first_unsent=1, reason="throttled")


def test_foreign_and_unreadable_changes_are_counted_and_not_published() -> None:
    sink = InMemoryMetricSink()
    changed = LedgerChange(call(1), replaced=call(2)._replace(request_id="1"))
    repeated = LedgerChange(call(2), replaced=call(2))
    removed = TamperedCall(Tampering.REMOVED, call(4))
    unreadable = TamperedCall(Tampering.UNREADABLE, None)
    changes = [changed, removed, *new(call(3)), repeated, unreadable]
    report = publisher(sink).publish(changes, now=NOON)
    assert report == PublishReport(
        published=1,
        unpublished=1,
        tampered=(TamperedCall(Tampering.CHANGED, call(1)), removed, unreadable),
        oldest=NOON,
    )
    assert tokens_in(sink) == 4


def test_a_call_with_conflicting_models_counts_for_the_most_expensive() -> None:
    sink = InMemoryMetricSink()
    report = publisher(sink).publish(new(disputed_call()), now=NOON)
    assert (report.published, len(report.conflicting)) == (1, 1)
    (points,) = sink.calls
    models = {dict(point.dimensions).get("ModelId") for point in points}
    assert models == {None, HAIKU_3}


def test_calls_with_equal_keys_are_published_for_their_callers() -> None:
    sink = InMemoryMetricSink()
    ana, ben = (usage_record(identity_arn=name) for name in ("ana", "ben"))
    publisher(sink).publish(new(ana, ben), now=NOON)
    (points,) = sink.calls
    identities = {dict(point.dimensions).get("IdentityArn") for point in points}
    assert {"ana", "ben"} < identities


def test_no_chunk_is_started_without_time_left() -> None:
    sink = InMemoryMetricSink()
    answers = iter([True, False])
    records = [call(number, minutes_ago=number % 60) for number in range(300)]
    report = publisher(sink).publish(new(*records), NOON, has_time=lambda: next(answers))
    assert len(sink.calls) == 1
    assert report.first_unsent == report.published > 0
    assert report.reason == "there is no time left"


def test_chunks_sent_before_a_refused_chunk_are_not_sent_again() -> None:
    sink, undisturbed = InMemoryMetricSink(), InMemoryMetricSink()
    sink.taken_before_a_refusal = 1
    records = [call(number, minutes_ago=number % 60) for number in range(300)]
    assert publisher(undisturbed).publish(new(*records), now=NOON).published == 300
    report = publisher(sink).publish(new(*records), now=NOON)
    assert report.first_unsent is not None
    assert 0 < report.first_unsent == report.published < 300
    rest = new(*records[report.first_unsent :])
    assert publisher(sink).publish(rest, now=NOON).first_unsent is None
    assert tokens_in(sink) == tokens_in(undisturbed)


class Stream(RuleBasedStateMachine):
    """A stream that retries batches until accepted, over a sink that fails on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.sink = InMemoryMetricSink()
        self.publish = publisher(self.sink).publish
        self.waiting: list[UsageRecord] = []
        self.expected = 0
        self.number = 0

    @rule(size=st.integers(1, 120))
    def make_calls(self, size: int) -> None:
        for _ in range(size):
            self.number += 1
            self.waiting.append(call(self.number, minutes_ago=self.number % 60))

    @rule(size=st.integers(1, 200), taken=st.integers(0, 3))
    def a_batch_is_delivered(self, size: int, taken: int) -> None:
        batch = self.waiting[:size]
        self.sink.taken_before_a_refusal = taken
        report = self.publish(new(*batch), NOON)
        done = len(batch) if report.first_unsent is None else report.first_unsent
        assert done == report.published
        self.expected += sum(record.tokens.total or 0 for record in batch[:done])
        self.waiting = self.waiting[done:]

    def teardown(self) -> None:
        self.accepted_calls_are_published_once()

    def accepted_calls_are_published_once(self) -> None:
        assert tokens_in(self.sink) == self.expected


TestStream = Stream.TestCase
TestStream.settings = settings(max_examples=percent_of_examples(10), stateful_step_count=10)


def test_calls_without_a_price_are_noted_and_those_without_counts_are_not() -> None:
    unpriced = InMemoryUnpricedCalls()
    records = [
        call(1),
        call(2)._replace(model_id=SONNET_4),
        call(3)._replace(tokens=TokenCounts()),
        call(4)._replace(model_id=SONNET_4, error_code="ThrottlingException"),
    ]
    publisher(InMemoryMetricSink(), unpriced).publish(new(*records), now=NOON)
    assert set(unpriced.noted) == {records[1].key}


@pytest.mark.parametrize("model_id", [HAIKU_3, SONNET_4])
def test_a_call_through_a_profile_has_its_model_s_price_or_waits_for_it(
    model_id: str,
) -> None:
    source, unpriced, sink = InMemoryTagSource(), InMemoryUnpricedCalls(), InMemoryMetricSink()
    source.found[PROFILE] = FoundTags(model_id=model_id)
    publish = publisher(sink, unpriced, source=source).publish
    publish(new(with_profile(call(1))), now=NOON)
    names = {point.metric.name for points in sink.calls for point in points}
    is_priced = model_id == HAIKU_3
    assert ("EstimatedCostUSD" in names, "UnpricedInvocations" in names) == (
        is_priced,
        not is_priced,
    )
    assert len(unpriced.noted) == (not is_priced)


def test_a_call_through_a_profile_counts_for_its_model() -> None:
    source, sink = InMemoryTagSource(), InMemoryMetricSink()
    source.found[PROFILE] = FoundTags(model_id=SONNET_4)
    publish = publisher(sink, source=source).publish
    tokens = TokenCounts(input=1_000, output=100_000)
    direct = call(1)._replace(model_id=SONNET_4, invoked_model_id=SONNET_4, tokens=tokens)
    hidden = with_profile(call(2)._replace(tokens=tokens))
    publish(new(direct, hidden), now=NOON)
    points = [point for points in sink.calls for point in points]
    models = {dict(point.dimensions).get("ModelId") for point in points}
    assert models == {None, SONNET_4}
    (quota,) = (
        point for point in points if point.metric.name == "QuotaTokens" and point.dimensions == ()
    )
    assert quota.values == Distribution((501_000,), (2,))


def test_a_noted_call_gets_its_cost_only_from_the_note_on_retry() -> None:
    """Otherwise, a price set between two attempts would count the cost twice."""
    unpriced, sink = InMemoryUnpricedCalls(), InMemoryMetricSink()
    record = call(1)
    publisher(sink, unpriced, Pricing(PriceBook([]))).publish(new(record), now=NOON)
    unpriced.mark_priced([record])
    publisher(sink, unpriced).publish(new(record), now=NOON, is_retried=True)
    names = [point.metric.name for points in sink.calls for point in points]
    assert "EstimatedCostUSD" not in names
    assert names.count("UnpricedInvocations") == 4  # of account and model, twice
    assert find_waiting(unpriced) == set()


def test_a_profile_resolved_between_attempts_has_its_cost_once() -> None:
    """The same process may retry it within seconds at the same prices."""
    source, unpriced, sink = InMemoryTagSource(), InMemoryUnpricedCalls(), InMemoryMetricSink()
    source.found[PROFILE] = FoundTags(model_id=HAIKU_3)
    source.busy, sink.taken_before_a_refusal = {"bedrock"}, 0
    publish = publisher(sink, unpriced, source=source).publish
    batch = new(with_profile(call(1)))
    assert publish(batch, now=NOON).reason == "throttled"
    source.busy.clear()
    assert publish(batch, now=NOON + timedelta(minutes=1)).published == 1
    names = {point.metric.name for points in sink.calls for point in points}
    assert "EstimatedCostUSD" not in names
    assert [record.request_id for record in find_waiting(unpriced)] == ["1"]


def test_only_calls_through_profiles_read_notes_on_the_first_attempt() -> None:
    asked: list[UsageRecord] = []

    class Notes(InMemoryUnpricedCalls):
        def get_noted(self, records: Sequence[UsageRecord]) -> frozenset[tuple[str, str, str]]:
            asked.extend(records)
            return super().get_noted(records)

    records = [call(1), with_profile(call(2)), call(3)]
    publisher(InMemoryMetricSink(), Notes()).publish(new(*records), now=NOON)
    assert asked == records[1:2]


@pytest.mark.parametrize("is_retried", [False, True])
def test_nothing_is_sent_and_everything_retried_while_notes_fail(*, is_retried: bool) -> None:
    """Sent without a note, a call's cost would be lost; noted too late, its tokens would double."""

    class Busy(InMemoryUnpricedCalls):
        is_busy = True

        def write(self, records: Sequence[UsageRecord], now: datetime) -> None:
            if self.is_busy:
                raise ConnectionError
            super().write(records, now)

    unpriced, sink = Busy(), InMemoryMetricSink()
    publish = publisher(sink, unpriced).publish
    batch = new(call(1), call(2)._replace(model_id=SONNET_4), call(3))
    with pytest.raises(ConnectionError):
        publish(batch, NOON, is_retried=is_retried)
    assert sink.calls == []
    unpriced.is_busy = False
    assert publish(batch, NOON, is_retried=True).published == 3
    assert tokens_in(sink) == 2 + 3 + 4
    assert len(unpriced.noted) == 1


def test_calls_with_a_price_need_no_notes() -> None:
    class Gone(InMemoryUnpricedCalls):
        def write(self, records: Sequence[UsageRecord], _now: datetime) -> None:
            assert not records

    service = publisher(InMemoryMetricSink(), Gone())
    assert service.publish(new(call(1), call(2)), NOON).published == 2
