"""Simulates hours of calls on a simulated clock, up to the deployed coverage alarm.

Calls go through the rules as they are deployed, from ledger to metrics; the audit reads these and
Bedrock's own every five minutes, and the alarm is evaluated over what it publishes.
"""

from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from dashboards.cloudwatch import AlarmState, Statistic
from lambdas.domain.completeness import CoverageReport, coverage_notice
from lambdas.domain.completeness.audit_window import STEP
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.metrics import DimensionNamer, MetricPublishing
from lambdas.domain.metrics.catalog import Detail
from lambdas.services.audit_coverage import CoverageAuditor
from lambdas.services.publish_metrics import MetricPublisher
from tests.builders import HAIKU_3, NOON, SONNET_4, usage_record
from tests.enriching import call_books
from tests.fakes import InMemoryMetrics, InMemoryUnpricedCalls, InMemoryUsageLedger
from tests.infrastructure.test_alarm_behavior import state

HOUR = timedelta(hours=1)
INVOKED = {f"us.{HAIKU_3}": HAIKU_3, HAIKU_3: HAIKU_3, f"global.{SONNET_4}": SONNET_4}
PROMPT = timedelta(seconds=90)


@dataclass(frozen=True, order=True)
class Call:
    """A call that was made; `delay` until its log is delivered, `None` for never."""

    number: int
    at: datetime
    delay: timedelta | None = PROMPT
    is_forged: bool = False

    @property
    def invoked(self) -> str:
        return list(INVOKED)[self.number % len(INVOKED)]

    @property
    def record(self) -> UsageRecord:
        return usage_record(
            request_id=str(self.number),
            timestamp=self.at,
            invoked_model_id=self.invoked,
            model_id=INVOKED[self.invoked],
        )


def calls(count: int, over: timedelta = HOUR, start: datetime = NOON) -> list[Call]:
    """Calls that are spread evenly."""
    return [Call(number, start + over * number / count) for number in range(count)]


@dataclass(frozen=True)
class Moment:
    """The report and the state of the alarm at a time."""

    at: datetime
    report: CoverageReport
    alarm: AlarmState


def publisher(metrics: InMemoryMetrics) -> MetricPublisher:
    return MetricPublisher(
        call_books(),
        DimensionNamer(),
        MetricPublishing(metrics, Detail.STANDARD),
        InMemoryUnpricedCalls(),
    )


def simulate(made: Sequence[Call], until: datetime) -> Iterator[Moment]:
    """Audit every five minutes from noon on."""
    metrics = InMemoryMetrics()
    service = publisher(metrics)
    now = NOON

    def publish_new(changes: Iterable[LedgerChange]) -> None:
        service.publish(list(changes), now)

    ledger = InMemoryUsageLedger(publish_new)
    auditor = CoverageAuditor(metrics)
    shortfalls = [0] * 12
    by_minute = Counter((call.at.replace(second=0, microsecond=0), call.invoked) for call in made)
    for (minute, invoked), count in by_minute.items():
        metrics.add("AWS/Bedrock", "Invocations", minute, count, invoked)
    deliveries = sorted((call.at + call.delay, call) for call in made if call.delay is not None)
    while now < until:
        now += STEP
        arrived = bisect(deliveries, now, key=lambda delivery: delivery[0])
        ledger.write([call.record for _, call in deliveries[:arrived]])
        del deliveries[:arrived]
        report = auditor.audit(now)
        shortfalls.append(int(report.is_short))
        figures = {"BedrockMeter/Health CoverageShortfall": shortfalls[-12:]}
        alarm = state("Health-Coverage", figures, statistic=Statistic.MAXIMUM)
        yield Moment(now, report, alarm)


def settled(made: Sequence[Call], until: datetime) -> list[AlarmState]:
    """The state of the alarm on mismatches, a quarter past each hour."""
    states, found, metrics = [], [], publish_all(made)
    now = NOON + timedelta(minutes=15)
    while now <= until:
        found.append(int(bool(CoverageAuditor(metrics).audit_settled_hours(now).mismatches)))
        figures = {"BedrockMeter/Health UsageMismatch": [max(found[-2:])]}
        states.append(
            state("Health-UsageMismatch", figures, statistic=Statistic.MAXIMUM, seconds=7200)
        )
        now += HOUR
    return states


def publish_all(made: Sequence[Call]) -> InMemoryMetrics:
    """The meter's metrics of delivered calls, and Bedrock's metrics, which lack forged calls."""
    metrics = InMemoryMetrics()
    service = publisher(metrics)

    def publish_new(changes: Iterable[LedgerChange]) -> None:
        service.publish(list(changes), NOON + 5 * HOUR)

    InMemoryUsageLedger(publish_new).write([call.record for call in made if call.delay is not None])
    for call in made:
        if not call.is_forged:
            metrics.add("AWS/Bedrock", "Invocations", call.at, 1, call.invoked)
            for name, count in (("InputTokenCount", 10), ("OutputTokenCount", 5)):
                metrics.add("AWS/Bedrock", name, call.at, count, call.invoked)
    return metrics


def alarmed(moments: Iterable[Moment]) -> list[Moment]:
    return [moment for moment in moments if moment.alarm is AlarmState.ALARM]


def test_one_percent_of_20_000_calls_withheld_notifies_within_half_an_hour() -> None:
    withheld = [
        replace(call, delay=None) if call.number % 100 == 0 else call for call in calls(20_000)
    ]
    moments = list(simulate(withheld, NOON + HOUR + timedelta(minutes=15)))
    first, *_ = alarmed(moments)
    assert first.at - NOON <= timedelta(minutes=30)
    assert "are missing" in coverage_notice(first.report).text
    whole_hour = moments[-1].report
    assert whole_hour.calls.bedrock == 20_000
    assert whole_hour.calls.ratio == pytest.approx(0.99, abs=0.001)
    assert moments[-1].alarm is AlarmState.ALARM


def test_one_late_call_among_ten_an_hour_does_not_notify() -> None:
    late = [
        replace(call, delay=timedelta(hours=2)) if call.number == 4 else call
        for call in calls(30, over=3 * HOUR)
    ]
    moments = list(simulate(late, NOON + 4 * HOUR))
    assert alarmed(moments) == []
    assert {moment.report.calls.missing for moment in moments} == {0, 1}


def test_complete_delivery_does_not_notify() -> None:
    moments = list(simulate(calls(2_000), NOON + 2 * HOUR))
    assert alarmed(moments) == []
    assert {moment.report.calls.ratio for moment in moments} == {1, None}


def test_a_single_audit_with_missing_calls_does_not_notify() -> None:
    """They arrive a little later than an audit expects, and the next audit counts them."""
    slow = [replace(call, delay=timedelta(minutes=19)) for call in calls(600, over=STEP)]
    moments = list(simulate(slow, NOON + 2 * HOUR))
    assert [moment.report.is_short for moment in moments].count(True) == 1
    assert alarmed(moments) == []


def test_hidden_and_forged_calls_that_cancel_out_raise_an_alarm_after_two_hours() -> None:
    """500 an hour are hidden, and as many of another model are forged."""
    steady = calls(12_000, over=3 * HOUR)
    made = [
        replace(call, delay=None)
        if call.number % 6 == 0
        else replace(call, is_forged=True)
        if call.number % 6 == 2
        else call
        for call in steady
    ]
    # At 14:15 one of these hours has settled, at 15:15 two have.
    states = settled(made, NOON + 5 * HOUR)
    assert states[:4] == [AlarmState.OK, AlarmState.OK, AlarmState.OK, AlarmState.ALARM]
    assert settled(steady, NOON + 5 * HOUR) == [AlarmState.OK] * 5


def test_a_loss_in_steady_traffic_notifies_within_an_hour() -> None:
    """One percent: found once it is half a percent of the audited hour."""
    steady = calls(20_000, over=3 * HOUR, start=NOON - HOUR)
    lossy = [
        replace(call, delay=None) if call.at >= NOON + HOUR and call.number % 100 == 0 else call
        for call in steady
    ]
    first, *_ = alarmed(simulate(lossy, NOON + 2 * HOUR))
    assert first.at - (NOON + HOUR) <= HOUR
    assert first.report.short_models


def test_switching_logging_off_and_on_again_notifies_at_once() -> None:
    lost = [
        replace(call, delay=None) if NOON <= call.at < NOON + HOUR / 2 else call
        for call in calls(6_000, over=3 * HOUR, start=NOON - HOUR)
    ]
    moments = list(simulate(lost, NOON + 2 * HOUR))
    notified = alarmed(moments)
    assert notified[0].at == NOON + timedelta(minutes=25)
    assert notified[-1].at == NOON + HOUR / 2 + HOUR + timedelta(minutes=10)
    assert moments[-1].alarm is AlarmState.OK
