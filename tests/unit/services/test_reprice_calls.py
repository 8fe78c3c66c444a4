"""Calls that had no price get their cost once, when one is told."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.attribution.ports import FoundTags
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.invocations.model import foundation_model_id
from lambdas.domain.metering.aggregation import StatisticSet
from lambdas.domain.metering.metric_catalog import Detail
from lambdas.domain.pricing import Cost, NegotiatedPrice, NegotiatedPrices, Pricing, TokenKind
from lambdas.services.reprice_calls import RepriceCalls, RepricedModel
from tests.attributing import attributed_calls
from tests.builders import ANA, HAIKU_3, NOON, PRICES, SONNET_4, usage_record, usage_records
from tests.fakes import InMemoryMetricSink, InMemoryTagSource, InMemoryUnpricedCalls

PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p24qm5pye2qr"
SONNET_USD = {TokenKind.INPUT: Decimal(3), TokenKind.OUTPUT: Decimal(15)}
WITH_SONNET = Pricing(
    PRICES, NegotiatedPrices([NegotiatedPrice(SONNET_4, date(2026, 1, 1), SONNET_USD)])
)


def calls(*records: UsageRecord) -> InMemoryUnpricedCalls:
    unpriced = InMemoryUnpricedCalls()
    unpriced.remember(records)
    return unpriced


def reprice(
    unpriced: InMemoryUnpricedCalls, sink: InMemoryMetricSink, pricing: Pricing = WITH_SONNET
) -> RepriceCalls:
    return RepriceCalls(
        sink, Detail.STANDARD, lambda it: it.identity_arn, pricing, unpriced, attributed_calls()
    )


def usd_in(sink: InMemoryMetricSink) -> Decimal:
    """The cost of the account in all that was sent."""
    return sum(
        (
            Decimal(point.values.sum)
            for points in sink.calls
            for point in points
            if point.dimensions == () and isinstance(point.values, StatisticSet)
        ),
        Decimal(0),
    )


def test_a_model_that_has_no_price_of_a_service_tier_waits_by_that() -> None:
    unpriced = calls(usage_record(model_id=SONNET_4, service_tier="flex"))
    assert reprice(unpriced, InMemoryMetricSink())(NOON).waiting == {f"{SONNET_4} (flex)": 1}


def test_cost_lands_in_the_minute_of_the_call_and_nothing_else_is_published() -> None:
    record = usage_record(model_id=SONNET_4, timestamp=NOON - timedelta(days=3, seconds=30))
    sink = InMemoryMetricSink()
    report = reprice(calls(record), sink)(NOON)
    (points,) = sink.calls
    assert {point.metric.name for point in points} == {"EstimatedCostUSD"}
    assert {point.minute for point in points} == {record.minute}
    assert {dict(point.dimensions).get("IdentityArn", ANA) for point in points} == {ANA}
    assert usd_in(sink) == Decimal("0.000105")
    assert report.by_model == {
        SONNET_4: RepricedModel(1, Decimal("0.000105"), ("negotiated, from 2026-01-01",))
    }


def test_a_second_run_publishes_nothing_more() -> None:
    unpriced, sink = calls(usage_record(model_id=SONNET_4)), InMemoryMetricSink()
    reprice(unpriced, sink)(NOON)
    assert reprice(unpriced, sink)(NOON).by_model == {}
    assert len(sink.calls) == 1


def test_calls_of_a_model_that_nobody_knows_are_counted_and_not_read() -> None:
    class Unread(InMemoryUnpricedCalls):
        def waiting(
            self, is_wanted: Callable[[str], bool] = lambda _: True
        ) -> Iterator[Sequence[UsageRecord]]:
            for records in super().waiting(is_wanted):
                assert [it.model_id for it in records] == [SONNET_4]
                yield records

    unpriced = Unread()
    for number, model_id in enumerate(("nobody.knows", SONNET_4, "nobody.knows")):
        unpriced.remember([usage_record(request_id=str(number), model_id=model_id)])
    report = reprice(unpriced, InMemoryMetricSink())(NOON)
    assert report.waiting == {"nobody.knows": 2}
    assert report.by_model[SONNET_4].calls == 1


def test_a_call_whose_model_a_profile_hides_gets_the_price_of_that_model() -> None:
    record = usage_record(invoked_model_id=PROFILE, model_id=foundation_model_id(PROFILE))
    source, sink = InMemoryTagSource(), InMemoryMetricSink()
    repricing = replace(reprice(calls(record), sink), attribute=attributed_calls(source))
    source.found[PROFILE] = FoundTags(model_id=SONNET_4)
    assert {name: it.calls for name, it in repricing(NOON).by_model.items()} == {SONNET_4: 1}
    assert usd_in(sink) == Decimal("0.000105")


def test_what_waits_behind_a_profile_is_named_by_the_model_that_needs_a_price() -> None:
    record = usage_record(invoked_model_id=PROFILE, model_id=foundation_model_id(PROFILE))
    source = InMemoryTagSource()
    source.found[PROFILE] = FoundTags(model_id="nobody.knows")
    repricing = reprice(calls(record), InMemoryMetricSink())
    report = replace(repricing, attribute=attributed_calls(source))(NOON)
    assert report.waiting == {"nobody.knows": 1}


def test_what_still_has_no_price_waits_and_is_named() -> None:
    unpriced = calls(usage_record(model_id="nobody.knows"), usage_record(model_id=HAIKU_3))
    unpriced.remember([usage_record(request_id="other", model_id="nobody.knows")])
    report = reprice(unpriced, InMemoryMetricSink())(NOON)
    assert report.waiting == {"nobody.knows": 1}
    assert {it.model_id for (it,) in unpriced.waiting()} == {"nobody.knows"}


def test_a_call_too_old_for_cloudwatch_waits_no_longer_and_is_told_of() -> None:
    unpriced = calls(usage_record(model_id=SONNET_4, timestamp=NOON - timedelta(days=15)))
    sink = InMemoryMetricSink()
    report = reprice(unpriced, sink)(NOON)
    assert (report.too_old, report.by_model, sink.calls) == (1, {}, [])
    assert list(unpriced.waiting()) == []


def test_what_cloudwatch_does_not_take_waits_for_the_next_run() -> None:
    records = [usage_record(request_id=it, model_id=SONNET_4) for it in ("1", "2")]
    unpriced, sink = calls(*records), InMemoryMetricSink()
    sink.taken_before_a_refusal = 1
    first = reprice(unpriced, sink)(NOON)
    assert (first.by_model[SONNET_4].calls, first.reason) == (1, "throttled")
    assert first.is_refused
    second = reprice(unpriced, sink)(NOON)
    assert (second.by_model[SONNET_4].calls, second.reason) == (1, None)
    assert not second.is_refused
    assert usd_in(sink) == 2 * Decimal("0.000105")


def test_two_runs_at_a_time_do_not_publish_twice() -> None:
    unpriced, sink = calls(usage_record(model_id=SONNET_4)), InMemoryMetricSink()
    assert unpriced.begin(NOON)
    report = reprice(unpriced, sink)(NOON)
    assert (report.reason, report.is_refused) == ("another run is at it", False)
    assert sink.calls == []
    unpriced.end()
    assert reprice(unpriced, sink)(NOON).reason is None


def test_a_run_that_fails_lets_the_next_one_begin() -> None:
    class Busy(InMemoryUnpricedCalls):
        def waiting(self, *_: object) -> Iterator[Sequence[UsageRecord]]:
            raise ConnectionError

    unpriced = Busy()
    with pytest.raises(ConnectionError):
        reprice(unpriced, InMemoryMetricSink())(NOON)
    assert unpriced.begin(NOON)


def test_a_run_without_time_says_so_and_leaves_the_rest() -> None:
    unpriced, sink = calls(usage_record(model_id=SONNET_4)), InMemoryMetricSink()
    report = reprice(unpriced, sink)(NOON, has_time=lambda: False)
    assert (report.reason, report.is_refused) == ("there is no time left", False)
    assert len(list(unpriced.waiting())) == 1


def test_a_run_without_time_reads_no_calls_that_wait_without_a_price_either() -> None:
    cached = usage_record(tokens=TokenCounts(1, 1, cache_read=1))
    unpriced, sink = calls(cached), InMemoryMetricSink()
    assert reprice(unpriced, sink)(NOON).waiting == {HAIKU_3: 1}
    report = reprice(unpriced, sink)(NOON, has_time=lambda: False)
    assert (report.reason, report.waiting) == ("there is no time left", {})


@given(st.lists(usage_records, unique_by=lambda it: it.key))
def test_repricing_adds_up_to_what_the_right_price_would_have_given(
    records: list[UsageRecord],
) -> None:
    sink = InMemoryMetricSink()
    report = reprice(calls(*records), sink)(NOON)
    costs = [WITH_SONNET.cost_of(it) for it in records]
    expected = sum((it.effective_usd for it in costs if isinstance(it, Cost)), Decimal(0))
    assert usd_in(sink) == expected
    assert sum((it.usd for it in report.by_model.values()), Decimal(0)) == expected
