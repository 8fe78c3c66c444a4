"""Calls without a price get their cost once, when their price is set."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.attribution.ports import FoundTags
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.invocations.model import foundation_model_id
from lambdas.domain.ledger.readings import join_readings
from lambdas.domain.ledger.unpriced_calls import RepricedModel, WaitingGroup
from lambdas.domain.metrics import DimensionNamer, MetricPublishing
from lambdas.domain.metrics.catalog import Detail
from lambdas.domain.pricing import (
    CallCost,
    ContractedPrice,
    ContractedPrices,
    Cost,
    PriceBook,
    Pricing,
    Rates,
    TokenKind,
)
from lambdas.domain.pricing.call_pricing import price_call
from lambdas.domain.pricing.cost import WAITING_FOR_A_PRICE
from lambdas.services.reprice_calls import CallRepricer
from tests.builders import (
    ANA,
    HAIKU_3,
    NOON,
    PRICES,
    SONNET_4,
    compute_cost,
    listed_price,
    usage_record,
    usage_records,
)
from tests.enriching import current_books
from tests.fakes import (
    InMemoryMetricSink,
    InMemoryTagSource,
    InMemoryUnpricedCalls,
    find_waiting,
    usd_in,
)

PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p24qm5pye2qr"
SONNET_USD = {TokenKind.INPUT: Decimal(3), TokenKind.OUTPUT: Decimal(15)}
WITH_SONNET = Pricing(
    PRICES, ContractedPrices([ContractedPrice(SONNET_4, date(2026, 1, 1), SONNET_USD)])
)


def calls(*records: UsageRecord) -> InMemoryUnpricedCalls:
    unpriced = InMemoryUnpricedCalls()
    unpriced.write(records, NOON)
    return unpriced


def repricer(
    unpriced: InMemoryUnpricedCalls,
    sink: InMemoryMetricSink,
    pricing: Pricing = WITH_SONNET,
    source: InMemoryTagSource | None = None,
) -> CallRepricer:
    return CallRepricer(
        current_books(source, pricing=pricing),
        DimensionNamer(),
        MetricPublishing(sink, Detail.STANDARD),
        unpriced,
    )


def test_a_call_backdated_by_a_forged_reading_gets_its_cost_at_its_real_time() -> None:
    duplicate = usage_record(model_id=SONNET_4, timestamp=NOON - timedelta(days=20))
    (record,) = join_readings([usage_record(model_id=SONNET_4), duplicate]).values()
    sink = InMemoryMetricSink()
    assert repricer(calls(record), sink).reprice(NOON).too_old == 0
    assert usd_in(sink) == Decimal("0.000105")
    assert {point.minute for points in sink.calls for point in points} == {NOON}


def test_a_model_without_a_price_of_a_tier_waits_by_model_and_tier() -> None:
    unpriced = calls(usage_record(model_id=SONNET_4, service_tier="flex"))
    assert repricer(unpriced, InMemoryMetricSink()).reprice(NOON).waiting == {
        f"{SONNET_4} (flex)": NOON.date()
    }


def test_only_the_cost_is_published_in_the_minute_of_the_call() -> None:
    record = usage_record(model_id=SONNET_4, timestamp=NOON - timedelta(days=3, seconds=30))
    sink = InMemoryMetricSink()
    report = repricer(calls(record), sink).reprice(NOON)
    (points,) = sink.calls
    assert {point.metric.name for point in points} == {"EstimatedCostUSD"}
    assert {point.minute for point in points} == {record.minute}
    assert {dict(point.dimensions).get("IdentityArn", ANA) for point in points} == {ANA}
    assert usd_in(sink) == Decimal("0.000105")
    assert report.by_model == {
        SONNET_4: RepricedModel(1, Decimal("0.000105"), ("contracted, from 2026-01-01",))
    }


def test_a_call_repriced_at_an_assumed_price_is_counted_as_assumed() -> None:
    elsewhere = usage_record(region="eu-west-1")
    sink = InMemoryMetricSink()
    repricer(calls(elsewhere), sink, Pricing(PRICES)).reprice(NOON)
    names = {point.metric.name for points in sink.calls for point in points}
    assert names == {"EstimatedCostUSD", "AssumedPriceInvocations"}


def test_a_second_run_publishes_nothing_more() -> None:
    unpriced, sink = calls(usage_record(model_id=SONNET_4)), InMemoryMetricSink()
    repricer(unpriced, sink).reprice(NOON)
    assert repricer(unpriced, sink).reprice(NOON).by_model == {}
    assert len(sink.calls) == 1


def test_calls_of_a_model_without_a_price_are_not_read() -> None:
    scanned: list[str] = []

    class Notes(InMemoryUnpricedCalls):
        def scan_group(self, group: WaitingGroup) -> Iterator[Sequence[UsageRecord]]:
            scanned.append(group.sample.model_id)
            return super().scan_group(group)

    unpriced = Notes()
    for number, model_id in enumerate(("private", SONNET_4, "private")):
        at = NOON - timedelta(days=number)
        record = usage_record(request_id=str(number), model_id=model_id, timestamp=at)
        unpriced.write([record], NOON)
    report = repricer(unpriced, InMemoryMetricSink()).reprice(NOON)
    assert report.waiting == {"private": NOON.date() - timedelta(days=2)}
    assert report.by_model[SONNET_4].calls == 1
    assert scanned == [SONNET_4]


def test_a_group_without_waiting_calls_is_deleted_once_no_writer_needs_it() -> None:
    unpriced, sink = calls(usage_record(model_id=SONNET_4)), InMemoryMetricSink()
    run = repricer(unpriced, sink)
    for minutes, groups in ((0, 1), (60, 1), (120, 1), (121, 0)):
        run.reprice(NOON + timedelta(minutes=minutes))
        assert len(unpriced.get_groups()) == groups
    assert len(sink.calls) == 1


def test_a_group_with_a_waiting_call_is_kept() -> None:
    unpriced = calls(usage_record(model_id="private"))
    repricer(unpriced, InMemoryMetricSink()).reprice(NOON + timedelta(days=1))
    assert len(unpriced.get_groups()) == 1


def test_a_later_price_is_found_for_any_first_noted_day() -> None:
    begins = NOON.date() + timedelta(days=1)
    pricing = Pricing(PRICES, ContractedPrices([ContractedPrice(SONNET_4, begins, SONNET_USD)]))
    early = usage_record(request_id="early", model_id=SONNET_4)
    late = usage_record(request_id="late", model_id=SONNET_4, timestamp=NOON + timedelta(days=1))
    for records in ((early, late), (late, early)):
        unpriced = calls(*records)
        report = repricer(unpriced, InMemoryMetricSink(), pricing).reprice(NOON + timedelta(days=2))
        assert report.by_model[SONNET_4].calls == 1
        assert find_waiting(unpriced) == {early}


def test_a_call_through_a_profile_gets_the_price_of_its_model() -> None:
    record = usage_record(invoked_model_id=PROFILE, model_id=foundation_model_id(PROFILE))
    source, sink = InMemoryTagSource(), InMemoryMetricSink()
    repricing = repricer(calls(record), sink, source=source)
    source.found[PROFILE] = FoundTags(model_id=SONNET_4)
    assert {
        name: repriced.calls for name, repriced in repricing.reprice(NOON).by_model.items()
    } == {SONNET_4: 1}
    assert usd_in(sink) == Decimal("0.000105")


def test_a_call_waiting_behind_a_profile_is_named_by_the_model_to_be_priced() -> None:
    record = usage_record(invoked_model_id=PROFILE, model_id=foundation_model_id(PROFILE))
    source = InMemoryTagSource()
    source.found[PROFILE] = FoundTags(model_id="private")
    report = repricer(calls(record), InMemoryMetricSink(), source=source).reprice(NOON)
    assert report.waiting == {"private": NOON.date()}


def test_calls_still_without_a_price_wait_and_are_named() -> None:
    unpriced = calls(usage_record(model_id="private"), usage_record(model_id=HAIKU_3))
    unpriced.write([usage_record(request_id="other", model_id="private")], NOON)
    report = repricer(unpriced, InMemoryMetricSink()).reprice(NOON)
    assert report.waiting == {"private": NOON.date()}
    assert [record.model_id for record in find_waiting(unpriced)] == ["private"]


def test_a_call_too_old_for_cloudwatch_stops_waiting_and_is_reported() -> None:
    unpriced = calls(usage_record(model_id=SONNET_4, timestamp=NOON - timedelta(days=15)))
    sink = InMemoryMetricSink()
    report = repricer(unpriced, sink).reprice(NOON)
    assert (report.too_old, report.by_model, sink.calls) == (1, {}, [])
    assert find_waiting(unpriced) == set()


def test_costs_refused_by_cloudwatch_wait_for_the_next_run() -> None:
    records = [usage_record(request_id=request_id, model_id=SONNET_4) for request_id in ("1", "2")]
    unpriced, sink = calls(*records), InMemoryMetricSink()
    sink.taken_before_a_refusal = 1
    first = repricer(unpriced, sink).reprice(NOON)
    assert (first.by_model[SONNET_4].calls, first.reason) == (1, "throttled")
    assert first.is_refused
    second = repricer(unpriced, sink).reprice(NOON)
    assert (second.by_model[SONNET_4].calls, second.reason) == (1, None)
    assert not second.is_refused
    assert usd_in(sink) == 2 * Decimal("0.000105")


def test_concurrent_runs_do_not_publish_twice() -> None:
    unpriced, sink = calls(usage_record(model_id=SONNET_4)), InMemoryMetricSink()
    assert unpriced.acquire_lock(NOON)
    report = repricer(unpriced, sink).reprice(NOON)
    assert (report.reason, report.is_refused) == ("another run is in progress", False)
    assert sink.calls == []
    unpriced.release_lock()
    assert repricer(unpriced, sink).reprice(NOON).reason is None


def test_a_failed_run_lets_the_next_one_start() -> None:
    class Busy(InMemoryUnpricedCalls):
        def get_groups(self) -> Sequence[WaitingGroup]:
            raise ConnectionError

    unpriced = Busy()
    with pytest.raises(ConnectionError):
        repricer(unpriced, InMemoryMetricSink()).reprice(NOON)
    assert unpriced.acquire_lock(NOON)


def test_a_run_without_time_reports_it_and_leaves_the_other_calls() -> None:
    unpriced, sink = calls(usage_record(model_id=SONNET_4)), InMemoryMetricSink()
    report = repricer(unpriced, sink).reprice(NOON, has_time=lambda: False)
    assert (report.reason, report.is_refused) == ("there is no time left", False)
    assert len(find_waiting(unpriced)) == 1


def test_calls_of_a_group_still_without_a_price_wait_and_are_named() -> None:
    """A large call of a model whose price of large calls lacks a kind of tokens."""
    rates = (Rates(0, SONNET_USD), Rates(100, {TokenKind.OUTPUT: Decimal(15)}))
    pricing = Pricing(PriceBook([listed_price(SONNET_4, *rates)]))
    short = usage_record(request_id="short", model_id=SONNET_4)
    long = usage_record(request_id="long", model_id=SONNET_4, tokens=TokenCounts(1000, 5))
    unpriced = calls(long, short)
    report = repricer(unpriced, InMemoryMetricSink(), pricing).reprice(NOON)
    assert report.by_model[SONNET_4].calls == 1
    assert report.waiting == {SONNET_4: NOON.date()}
    assert find_waiting(unpriced) == {long}


@given(st.lists(usage_records, unique_by=lambda record: record.key))
def test_published_and_repriced_costs_add_up_to_the_right_cost(
    records: list[UsageRecord],
) -> None:
    outcomes = {record: compute_cost(record) for record in records}
    unpriced = calls(
        *(record for record, outcome in outcomes.items() if outcome in WAITING_FOR_A_PRICE)
    )
    sink = InMemoryMetricSink()
    report = repricer(unpriced, sink).reprice(NOON)
    assert usd_in(sink) == sum((model.usd for model in report.by_model.values()), Decimal(0))
    assert _usd(outcomes.values()) + usd_in(sink) == _usd(
        price_call(record, WITH_SONNET) for record in records
    )


def _usd(outcomes: Iterable[CallCost]) -> Decimal:
    return sum((cost.effective_usd for cost in outcomes if isinstance(cost, Cost)), Decimal(0))
