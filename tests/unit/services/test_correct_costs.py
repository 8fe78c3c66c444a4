"""Calls that were published at superseded prices get the difference once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.ledger.cost_corrections import CorrectionProgress, CorrectionReport
from lambdas.domain.metrics import DimensionNamer, MetricPublishing
from lambdas.domain.metrics.catalog import Detail
from lambdas.domain.pricing import Cost, Pricing, Routing, TokenKind
from lambdas.domain.pricing.call_pricing import price_call
from lambdas.domain.pricing.editions import Edition, PriceChange, SupersededEdition
from lambdas.domain.pricing.overlay import apply_edition
from lambdas.domain.pricing.superseding import MAX_LATENESS, PublishedBooks
from lambdas.services.correct_costs import CostCorrector
from tests.builders import ANA, HAIKU_3, NOON, PRICES, usage_record
from tests.enriching import current_books
from tests.fakes import (
    InMemoryCostCorrections,
    InMemoryMetricSink,
    InMemoryRecordedCalls,
    InMemoryUnpricedCalls,
    usd_in,
)

BAD, WORSE, CURRENT = (f"20260905T061500Z-0000000{number}" for number in range(3))
FIRST_DAY = date(2026, 9, 6)
START = datetime(2026, 9, 6, tzinfo=UTC)
LAST = NOON + timedelta(minutes=10)
"""The time at which the last function reloads its prices."""
LATER = LAST + MAX_LATENESS
LIST_USD = Decimal("0.25")  # of a million input tokens of the model


def change(usd: str, edition: str = BAD, first_day: date = FIRST_DAY) -> PriceChange:
    return PriceChange(
        model_id=HAIKU_3,
        routing=Routing.REGION,
        place="us-east-1",
        item=TokenKind.INPUT,
        usd=Decimal(usd),
        effective_from=first_day,
        edition=edition,
        offer="AmazonBedrock",
        read_on=first_day,
    )


def superseded(edition: str = BAD, at: datetime = NOON) -> SupersededEdition:
    return SupersededEdition(
        edition=edition, first_day=FIRST_DAY, superseded_at=at, reason="a wrong row"
    )


def edition(
    *changes: PriceChange, without: Sequence[SupersededEdition] = (superseded(),)
) -> Edition:
    return Edition(
        id=CURRENT,
        published_at=NOON,
        first_day=FIRST_DAY,
        changes=changes,
        superseded=tuple(without),
    )


def call(number: int, at: datetime = NOON - timedelta(hours=1)) -> UsageRecord:
    tokens = TokenCounts(10**6, 0)
    return usage_record(request_id=f"{number:03}", timestamp=at, tokens=tokens)


def corrector(sink: InMemoryMetricSink, *records: UsageRecord) -> CostCorrector:
    return CostCorrector(
        books=current_books(),
        namer=DimensionNamer(),
        publishing=MetricPublishing(sink, Detail.STANDARD),
        pricing=Pricing(PRICES),
        calls=InMemoryRecordedCalls(records),
        corrections=InMemoryCostCorrections(),
        lock=InMemoryUnpricedCalls(),
    )


def test_a_price_that_was_too_low_is_corrected_in_the_minute_of_the_call() -> None:
    sink, record = InMemoryMetricSink(), call(1, NOON - timedelta(days=1, seconds=30))
    report = corrector(sink, record).correct(edition(change("0.10")), LATER)
    (points,) = sink.calls
    assert {point.metric.name for point in points} == {"EstimatedCostUSD"}
    assert {point.minute for point in points} == {record.minute}
    assert {dict(point.dimensions).get("IdentityArn", ANA) for point in points} == {ANA}
    assert usd_in(sink) == LIST_USD - Decimal("0.10")
    assert report == CorrectionReport(
        (
            CorrectionProgress(
                BAD, revision=2, is_done=True, raised_calls=1, raised_usd=Decimal("0.15")
            ),
        ),
        published=1,
    )


def test_a_price_that_was_too_high_is_reported_and_lowers_no_metric() -> None:
    sink = InMemoryMetricSink()
    report = corrector(sink, call(1), call(2)).correct(edition(change("1.25")), LATER)
    (progress,) = report.corrections
    assert sink.calls == []
    assert (progress.lowered_calls, progress.lowered_usd) == (2, Decimal(-2))
    assert (progress.raised_calls, progress.is_done, report.reason) == (0, True, None)


def test_calls_outside_the_period_of_the_edition_keep_their_cost() -> None:
    second = timedelta(seconds=1)
    records = [call(place, at) for place, at in enumerate((START - second, START, LAST - second))]
    sink = InMemoryMetricSink()
    report = corrector(sink, *records, call(9, LAST)).correct(edition(change("0.10")), LATER)
    assert report.published == 2


def test_corrections_wait_until_no_call_is_published_at_superseded_prices() -> None:
    sink = InMemoryMetricSink()
    service = corrector(sink, call(1))
    early = service.correct(edition(change("0.10")), LATER - timedelta(seconds=1))
    assert early == CorrectionReport((CorrectionProgress(BAD),))
    assert service.correct(edition(change("0.10")), LATER).published == 1


def test_a_second_run_publishes_nothing_more_and_reports_the_same() -> None:
    sink = InMemoryMetricSink()
    service = corrector(sink, *map(call, range(20)))
    first = service.correct(edition(change("0.10")), LATER)
    sent = len(sink.calls)
    second = service.correct(edition(change("0.10")), LATER + timedelta(hours=1))
    assert (first.published, second.published) == (20, 0)
    assert second.corrections == first.corrections
    assert len(sink.calls) == sent


def test_a_call_previously_without_a_price_is_left_to_repricing() -> None:
    record = call(1)._replace(model_id="private", invoked_model_id="private")
    sink = InMemoryMetricSink()
    report = corrector(sink, record).correct(edition(change("0.10")), LATER)
    assert report.corrections == (CorrectionProgress(BAD, revision=1, is_done=True),)
    assert sink.calls == []


def test_a_call_that_no_longer_has_a_price_is_counted() -> None:
    only_superseded = change("0.10").model_copy(update={"model_id": "amazon.new-v1:0"})
    record = call(1)._replace(model_id="amazon.new-v1:0", invoked_model_id="amazon.new-v1:0")
    report = corrector(InMemoryMetricSink(), record).correct(edition(only_superseded), LATER)
    assert report.corrections[0].unpriced_calls == 1


def test_a_call_too_old_for_cloudwatch_is_counted_and_not_published() -> None:
    old = call(1, START)
    sink = InMemoryMetricSink()
    report = corrector(sink, old).correct(edition(change("0.10")), START + timedelta(days=14))
    assert report.corrections[0].too_old_calls == 1
    assert sink.calls == []


def test_a_decision_older_than_two_weeks_is_ignored() -> None:
    report = corrector(InMemoryMetricSink(), call(1)).correct(
        edition(change("0.10")), LAST + timedelta(days=14)
    )
    assert report == CorrectionReport()


def test_corrections_refused_by_cloudwatch_wait_for_the_next_run() -> None:
    sink = InMemoryMetricSink()
    service = corrector(sink, *map(call, range(20)))
    sink.taken_before_a_refusal = 1
    first = service.correct(edition(change("0.10")), LATER)
    assert (first.reason, first.is_refused) == ("throttled", True)
    assert 0 < first.published < 20
    second = service.correct(edition(change("0.10")), LATER)
    assert (first.published + second.published, second.reason) == (20, None)
    assert usd_in(sink) == 20 * Decimal("0.15")


def test_a_run_without_time_reports_it_and_the_next_one_continues() -> None:
    sink = InMemoryMetricSink()
    service = corrector(sink, *map(call, range(20)))
    runs = 0
    while True:
        runs += 1
        report = service.correct(edition(change("0.10")), LATER, time_for(3))
        if report.reason is None:
            break
        assert report.reason == "there is no time left"
    assert runs > 2
    assert usd_in(sink) == 20 * Decimal("0.15")


def time_for(steps: int) -> Callable[[], bool]:
    answers = iter([True] * steps)
    return lambda: next(answers, False)


def test_concurrent_runs_do_not_publish_twice() -> None:
    sink = InMemoryMetricSink()
    service = corrector(sink, call(1))
    assert service.lock.acquire_lock(NOON)
    assert service.correct(edition(change("0.10")), LATER).reason == "another run is in progress"
    assert sink.calls == []
    service.lock.release_lock()
    assert service.correct(edition(change("0.10")), LATER).published == 1


def test_a_run_stops_if_another_one_is_ahead() -> None:
    class Overtaken(InMemoryCostCorrections):
        def get_progress(self, edition: str) -> CorrectionProgress:
            return CorrectionProgress(edition)

    service = replace(
        corrector(InMemoryMetricSink(), *map(call, range(20))), corrections=Overtaken()
    )
    report = service.correct(edition(change("0.10")), LATER)
    assert (report.reason, report.is_refused) == ("another run is in progress", False)


def test_a_failed_run_lets_the_next_one_start() -> None:
    class Gone(InMemoryCostCorrections):
        def get_progress(self, edition: str) -> CorrectionProgress:
            raise ConnectionError(edition)

    service = replace(corrector(InMemoryMetricSink(), call(1)), corrections=Gone())
    with pytest.raises(ConnectionError):
        service.correct(edition(change("0.10")), LATER)
    assert service.lock.acquire_lock(LATER)


def test_two_decisions_correct_one_after_the_other() -> None:
    """The second bad price was the third of the right one, the first a tenth of that."""
    changes = (change("0.01"), change("0.10", WORSE, FIRST_DAY + timedelta(days=1)))
    decisions = (
        superseded(WORSE, NOON - timedelta(hours=3)),
        superseded(BAD, NOON - timedelta(minutes=5)),
    )
    sink = InMemoryMetricSink()
    # Published at 0.10; the first decision lowers it to 0.01, which no metric shows.
    report = corrector(sink, call(1, NOON - timedelta(hours=4))).correct(
        edition(*changes, without=decisions), LATER
    )
    assert [progress.lowered_usd for progress in report.corrections] == [Decimal("-0.09"), 0]
    assert usd_in(sink) == LIST_USD - Decimal("0.01")


moments = st.integers(-4000, 200).map(lambda minutes: NOON + timedelta(minutes=minutes))
delays = st.integers(0, 600).map(lambda minutes: timedelta(minutes=minutes))


@given(
    calls=st.lists(st.tuples(moments, delays), max_size=30),
    decided_at=st.lists(moments, min_size=1, max_size=2, unique=True),
    bad_usd=st.lists(st.sampled_from(["0.01", "0.10", "0.25", "1.00"]), min_size=2, max_size=2),
    steps=st.integers(2, 5),
)
def test_published_cost_and_corrections_add_up_to_the_right_cost_if_prices_rise(
    calls: list[tuple[datetime, timedelta]],
    decided_at: list[datetime],
    bad_usd: list[str],
    steps: int,
) -> None:
    names = (BAD, WORSE)[: len(decided_at)]
    changes = [change(usd, name) for usd, name in zip(bad_usd, names, strict=False)]
    decisions = [superseded(*pair) for pair in zip(names, sorted(decided_at), strict=True)]
    current = edition(*changes, without=decisions)
    records = {call(place, at): at + delay for place, (at, delay) in enumerate(calls)}
    end = max([*decided_at, *records.values()]) + timedelta(hours=2)

    books = PublishedBooks(PRICES, current)
    published = {
        record: usd(Pricing(books.get(record.timestamp, at)), [record])
        for record, at in records.items()
    }
    sink = InMemoryMetricSink()
    service = corrector(sink, *records)
    while service.correct(current, end, time_for(steps)).reason is not None:
        continue

    right = usd(Pricing(apply_edition(PRICES, current)), records)
    total = sum(published.values(), Decimal(0)) + usd_in(sink)
    assert total >= right
    assert total >= sum(published.values(), Decimal(0))
    if (
        len(names) == 1
        and Decimal(bad_usd[0]) <= LIST_USD
        and are_published_in_time(records, decisions)
    ):
        assert total == right


def usd(pricing: Pricing, records: Iterable[UsageRecord]) -> Decimal:
    costs = (price_call(record, pricing) for record in records)
    return sum((cost.effective_usd for cost in costs if isinstance(cost, Cost)), Decimal(0))


def are_published_in_time(
    records: dict[UsageRecord, datetime], decisions: Sequence[SupersededEdition]
) -> bool:
    """Say if no call from before a decision was published an hour after it or later."""
    return all(
        at < decision.superseded_at + timedelta(minutes=10) + MAX_LATENESS
        or record.timestamp >= decision.superseded_at + timedelta(minutes=10)
        for record, at in records.items()
        for decision in decisions
    )
