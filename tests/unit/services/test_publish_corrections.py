"""Corrections add their increase to metrics: no second call, and no lower value."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.ledger.readings import join_readings
from lambdas.domain.metrics import DimensionNamer, Distribution, MetricPublishing
from lambdas.domain.metrics.catalog import Detail
from lambdas.domain.pricing import Cost
from lambdas.services.publish_metrics import MetricPublisher
from tests.builders import (
    ANA,
    BEN,
    HAIKU_3,
    NOON,
    SONNET_4,
    compute_cost,
    enriched,
    readings,
    usage_record,
)
from tests.enriching import call_books
from tests.fakes import (
    InMemoryMetricSink,
    InMemoryUnpricedCalls,
    InMemoryUsageLedger,
    find_waiting,
    usd_in,
)

NOW = NOON + timedelta(minutes=30)
CACHED = TokenCounts(10, 5, cache_read=7)
"""Counts with one kind that has no price."""


class Meter:
    """A ledger and the metrics made from its stream; CloudWatch refuses some batches."""

    def __init__(self) -> None:
        self.sink = InMemoryMetricSink()
        self.unpriced = InMemoryUnpricedCalls()
        self.ledger = InMemoryUsageLedger(self.publish)
        self.refusals = 0
        self.tampered = 0
        self._publisher = MetricPublisher(
            call_books(), DimensionNamer(), MetricPublishing(self.sink, Detail.FULL), self.unpriced
        )

    def publish(self, changes: Sequence[LedgerChange]) -> None:
        left, is_retried = list(changes), False
        while left:
            self.sink.taken_before_a_refusal = 0 if self.refusals else None
            self.refusals -= bool(self.refusals)
            report = self._publisher.publish(left, NOW, is_retried=is_retried)
            self.tampered += len(report.tampered)
            left = [] if report.first_unsent is None else left[report.first_unsent :]
            is_retried = True

    def read(self, *batches: UsageRecord) -> None:
        for record in batches:
            self.ledger.write([record])

    @property
    def call(self) -> UsageRecord:
        (record,) = self.ledger.records.values()
        return record

    def total(self, metric: str, *dimensions: str) -> Decimal:
        """The sum of a metric over all series with just these dimensions."""
        return sum(self.by_series(metric, *dimensions).values(), Decimal(0))

    def by_series(self, metric: str, *dimensions: str) -> dict[tuple[str, ...], Decimal]:
        """The sums of a metric with just these dimensions, by their values."""
        sums: dict[tuple[str, ...], Decimal] = {}
        for point in (point for points in self.sink.calls for point in points):
            names = tuple(name for name, _ in point.dimensions)
            if (point.metric.name, names) == (metric, dimensions):
                values = tuple(value for _, value in point.dimensions)
                sums[values] = sums.get(values, Decimal(0)) + (
                    sum(
                        Decimal(value) * count
                        for value, count in zip(
                            point.values.values, point.values.counts, strict=True
                        )
                    )
                    if isinstance(point.values, Distribution)
                    else Decimal(point.values.sum)
                )
        return sums


def expected_tokens(record: UsageRecord) -> dict[str, int | None]:
    tokens = record.tokens
    return {
        "InputTokens": tokens.input,
        "OutputTokens": tokens.output,
        "CacheReadTokens": tokens.cache_read,
        "CacheWriteTokens": tokens.cache_write,
        "TotalTokens": tokens.total,
    }


@given(st.lists(readings, min_size=1, max_size=8), st.integers(0, 3))
def test_metrics_show_the_joined_call_after_any_readings(
    made: list[UsageRecord], refusals: int
) -> None:
    meter = Meter()
    meter.refusals = refusals
    meter.read(*made)
    call = meter.call
    assert meter.tampered == 0
    assert meter.total("Invocations") == (not call.is_failed)
    if call.is_failed:
        assert meter.total("FailedTokens") == (call.tokens.total or 0)
    else:
        for metric, count in expected_tokens(call).items():
            assert meter.total(metric) == (count or 0), metric
    cost = compute_cost(call)
    waiting = [compute_cost(record) for record in find_waiting(meter.unpriced)]
    later = sum(
        (priced.effective_usd for priced in waiting if isinstance(priced, Cost)), Decimal(0)
    )
    expected = cost.effective_usd if isinstance(cost, Cost) else 0
    assert usd_in(meter.sink) + later == expected


@given(st.lists(readings, min_size=1, max_size=8))
def test_models_identities_and_projects_always_add_up_to_the_account(
    made: list[UsageRecord],
) -> None:
    meter = Meter()
    meter.read(*made)
    for metric in ("Invocations", "TotalTokens", "QuotaTokens", "EstimatedCostUSD"):
        account = meter.total(metric)
        for dimension in ("ModelId", "IdentityArn", "Project"):
            assert meter.total(metric, dimension) == account, (metric, dimension)


@given(st.lists(readings, min_size=1, max_size=6))
def test_repeated_readings_add_nothing(made: list[UsageRecord]) -> None:
    meter = Meter()
    meter.read(*made)
    sent = len([points for points in meter.sink.calls if points])
    meter.read(*made)
    assert len(meter.sink.calls) == sent


def test_a_failed_call_corrected_to_success_counts_as_a_new_call() -> None:
    meter = Meter()
    meter.read(usage_record(error_code="ThrottlingException"), usage_record())
    for metric, total in (("InvocationErrors", 1), ("FailedTokens", 15)):
        assert meter.total(metric) == total
    for metric, total in (("Invocations", 1), ("TotalTokens", 15)):
        assert meter.total(metric) == total
    assert usd_in(meter.sink) == Decimal("0.00000875")


def test_a_correction_is_added_to_the_dearer_model_and_conflicting_callers() -> None:
    meter = Meter()
    unpriced = usage_record(model_id="a-model", invoked_model_id="a-model", tokens=TokenCounts())
    meter.read(unpriced, usage_record(tokens=TokenCounts(1, 1)), usage_record(identity_arn=BEN))
    assert meter.by_series("Invocations", "ModelId") == {("a-model",): 1}
    assert meter.by_series("TotalTokens", "ModelId") == {(HAIKU_3,): 15}
    assert meter.by_series("TotalTokens", "IdentityArn") == {(ANA,): 2, ("conflicting",): 13}


def test_a_call_waiting_for_its_cost_is_shown_under_the_model_to_be_priced() -> None:
    meter = Meter()
    unpriced = usage_record(model_id="a-model", invoked_model_id="a-model")
    meter.read(unpriced, usage_record(tokens=TokenCounts(20, 5)))
    assert meter.by_series("TotalTokens", "ModelId") == {("a-model",): 15, (HAIKU_3,): 10}
    assert enriched(meter.call).model_id == HAIKU_3
    assert find_waiting(meter.unpriced) == {meter.call}
    assert usd_in(meter.sink) == 0


def test_the_latency_of_a_further_reading_is_not_a_second_measurement() -> None:
    meter = Meter()
    meter.read(*(usage_record(latency_ms=latency) for latency in (None, 300, 500)))
    assert meter.total("InvocationLatency") == 300


def test_a_call_first_seen_too_long_ago_is_shown_if_a_reading_is_recent() -> None:
    """Otherwise a forged duplicate from three weeks ago would keep a call out of the metrics."""
    meter = Meter()
    duplicate = usage_record(timestamp=NOON - timedelta(days=20), tokens=TokenCounts(0, 0))
    meter.read(duplicate, usage_record())
    assert meter.total("Invocations") == 1
    assert meter.total("TotalTokens") == 15
    (point, *_) = meter.sink.calls[0]
    assert point.minute == NOON


@pytest.mark.parametrize("model_id", [HAIKU_3, SONNET_4])
def test_the_note_of_a_waiting_call_moves_to_the_group_of_its_correction(model_id: str) -> None:
    meter = Meter()
    first = usage_record(model_id=SONNET_4, tokens=TokenCounts(1, 1))
    meter.read(first, usage_record(model_id=model_id))
    assert find_waiting(meter.unpriced) == {meter.call}
    assert usd_in(meter.sink) == 0
    assert meter.total("UnpricedInvocations") == 1


def test_a_call_priced_from_its_note_is_corrected_by_the_difference() -> None:
    meter = Meter()
    first = usage_record(tokens=TokenCounts(1, 1))
    meter.read(first)
    paid = usd_in(meter.sink)
    meter.unpriced.write([first], NOON)
    meter.unpriced.mark_priced([first])
    meter.read(usage_record())
    assert usd_in(meter.sink) == Decimal("0.00000875") > paid
    assert find_waiting(meter.unpriced) == set()


def test_a_correction_that_the_note_paid_for_is_not_published_again() -> None:
    """The ledger had it when the note was paid; the stream brings it afterwards."""
    meter = Meter()
    first = usage_record(tokens=TokenCounts(1, 1))
    meter.read(first)
    paid = usd_in(meter.sink)
    meter.unpriced.write([first], NOON)
    meter.unpriced.mark_priced([first], {first.key: Decimal("0.00000875")})
    meter.read(usage_record())
    assert usd_in(meter.sink) == paid
    meter.read(usage_record(tokens=TokenCounts(10, 15)))
    assert usd_in(meter.sink) - paid == Decimal("0.0000125")


def test_a_cost_published_from_the_note_is_not_published_again() -> None:
    """The note was written, CloudWatch refused, and the price became known between two attempts."""
    meter = Meter()
    failed = usage_record(error_code="ThrottlingException")
    meter.read(failed)
    meter.unpriced.write([usage_record()], NOON)
    meter.unpriced.mark_priced([usage_record()])
    meter.read(usage_record())
    assert meter.total("Invocations") == 1
    assert usd_in(meter.sink) == 0


def test_kinds_without_a_price_are_noted_once_per_batch_of_readings() -> None:
    meter = Meter()
    joined = join_readings([usage_record(tokens=CACHED), usage_record(identity_arn=BEN)])
    (call,) = joined.values()
    first = usage_record(tokens=CACHED)
    meter.publish([LedgerChange(first), LedgerChange(call, first)])
    assert set(meter.unpriced.noted) == {first.key}
    assert meter.total("Invocations") == 1


@pytest.mark.parametrize(
    "after",
    [
        usage_record(tokens=TokenCounts(10, 4)),
        usage_record(tokens=TokenCounts(10)),
        usage_record(error_code="ThrottlingException"),
        usage_record(model_id="a-cheaper-model"),
        usage_record(identity_arn=BEN),
        usage_record(timestamp=NOON + timedelta(minutes=1)),
        usage_record(tokens=TokenCounts(1000, 4)),
    ],
    ids=["count", "no count", "error", "model", "caller", "time", "one more, one less"],
)
def test_a_change_without_a_reading_changes_no_metric(after: UsageRecord) -> None:
    meter = Meter()
    meter.read(usage_record())
    before = len(meter.sink.calls)
    meter.publish([LedgerChange(after, usage_record())])
    assert len(meter.sink.calls) == before
    assert meter.tampered == 1
