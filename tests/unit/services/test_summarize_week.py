"""The summary of a week: which calls are in it, and that it is sent once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.metrics import RoleRollUp
from lambdas.domain.reports.files import ReportUnfinishedError
from lambdas.domain.unlogged import UnloggedUsageReader
from lambdas.services.summarize_week import WeekSummarizer
from tests.builders import usage_record
from tests.enriching import current_books
from tests.fakes import InMemoryNotifier, InMemoryRecordedCalls, InMemorySummaryDeliveries
from tests.unlogged import (
    InMemoryBatchJobs,
    InMemoryCountedBatchJobs,
    InMemoryMantleMetrics,
    batch_job,
)

MONDAY = datetime(2026, 11, 30, 5, tzinfo=UTC)
WEEK = "2026-W48"
PLACE = "111122223333 us-east-1"
DOLLAR = TokenCounts(input=0, output=800_000)


def call(*, days_ago: int, request_id: str = "request-1") -> UsageRecord:
    """A call for a dollar, at noon so many days before Monday."""
    timestamp = MONDAY.replace(hour=12) - timedelta(days=days_ago)
    return usage_record(request_id=request_id, timestamp=timestamp, tokens=DOLLAR)


class Summaries:
    """A summarizer over calls, and what it sends."""

    def __init__(self, *records: UsageRecord, unreadable_items: int = 0) -> None:
        self.notifier = InMemoryNotifier()
        self.deliveries = InMemorySummaryDeliveries()
        self.summarizer = WeekSummarizer(
            calls=InMemoryRecordedCalls(records, unreadable_items=unreadable_items),
            books=current_books(),
            roll_up=RoleRollUp(),
            deliveries=self.deliveries,
            notifier=self.notifier,
            retention=timedelta(days=90),
            dashboard_url="https://console.example.com/usage",
            place=PLACE,
        )

    @property
    def subjects(self) -> list[str]:
        return [notice.subject for notice in self.notifier.notices]


def test_the_calls_of_the_last_week_are_summarized_and_sent() -> None:
    summaries = Summaries(
        call(days_ago=1),
        call(days_ago=7, request_id="monday"),
        call(days_ago=8, request_id="the week before"),
        call(days_ago=0, request_id="this week"),
    )
    summary = summaries.summarizer.summarize(MONDAY)
    assert summary is not None
    assert (summary.week.invocations, summary.before.invocations) == (2, 1)
    assert summaries.subjects == [f"Bedrock Meter: {PLACE}, $2.00, 23 to 29 Nov 2026"]
    assert "https://console.example.com/usage" in summaries.notifier.notices[0].text


def test_a_week_without_calls_is_summarized_too() -> None:
    summaries = Summaries()
    summaries.summarizer.summarize(MONDAY)
    assert summaries.subjects == [f"Bedrock Meter: {PLACE}, no calls, 23 to 29 Nov 2026"]


def test_a_summary_is_sent_once() -> None:
    summaries = Summaries(call(days_ago=1))
    for days in range(7):
        summaries.summarizer.summarize(MONDAY + timedelta(days=days))
    assert len(summaries.subjects) == 1
    summaries.summarizer.summarize(MONDAY + timedelta(days=7))
    assert summaries.subjects[1:] == [f"Bedrock Meter: {PLACE}, no calls, 30 Nov to 6 Dec 2026"]


def test_a_missed_monday_is_caught_up_with_the_same_summary() -> None:
    on_time, late = Summaries(call(days_ago=1)), Summaries(call(days_ago=1))
    on_time.summarizer.summarize(MONDAY)
    late.summarizer.summarize(MONDAY + timedelta(days=1))
    assert on_time.notifier.notices == late.notifier.notices


def test_a_summary_that_could_not_be_sent_is_sent_by_the_next_run() -> None:
    summaries = Summaries(call(days_ago=1))
    summaries.notifier.refusals = 1
    with pytest.raises(ConnectionError):
        summaries.summarizer.summarize(MONDAY)
    assert summaries.deliveries.sent == {}
    assert summaries.summarizer.summarize(MONDAY + timedelta(minutes=1)) is not None
    assert len(summaries.subjects) == 1


def test_two_runs_at_a_time_send_one_summary() -> None:
    summaries = Summaries(call(days_ago=1))
    assert summaries.deliveries.begin(WEEK, MONDAY)  # the other run
    assert summaries.summarizer.summarize(MONDAY) is None
    assert summaries.subjects == []


def test_a_run_that_was_cut_off_is_made_up_for() -> None:
    summaries = Summaries(call(days_ago=1))
    assert summaries.deliveries.begin(WEEK, MONDAY)
    summaries.summarizer.summarize(MONDAY + timedelta(days=1))
    assert len(summaries.subjects) == 1


def test_without_time_for_all_calls_nothing_is_sent_of_a_part() -> None:
    summaries = Summaries(call(days_ago=1))
    with pytest.raises(ReportUnfinishedError):
        summaries.summarizer.summarize(MONDAY, lambda: False)
    assert summaries.subjects == []
    assert summaries.summarizer.summarize(MONDAY) is not None


def test_unreadable_items_are_named() -> None:
    summaries = Summaries(unreadable_items=3)
    summaries.summarizer.summarize(MONDAY)
    assert "3 items of the ledger" in summaries.notifier.notices[0].text


def test_days_that_the_ledger_no_longer_keeps_are_named() -> None:
    """Of 20 days, the first one that is whole is the 11th of November."""
    summaries = Summaries()
    replace(summaries.summarizer, retention=timedelta(days=20)).summarize(MONDAY)
    assert "calls from 11 November 2026 on" in summaries.notifier.notices[0].text


def test_an_old_ledger_without_calls_is_a_history_to_judge_by() -> None:
    summaries = Summaries(call(days_ago=1))
    summaries.summarizer.summarize(MONDAY)
    assert "Unusual days: none." in summaries.notifier.notices[0].text
    young = Summaries(call(days_ago=1))
    calls = InMemoryRecordedCalls([call(days_ago=1)], created_at=MONDAY - timedelta(days=2))
    replace(young.summarizer, calls=calls).summarize(MONDAY)
    assert "not evaluated before 12 December 2026" in young.notifier.notices[0].text


def test_batch_jobs_of_the_week_are_named_and_no_others() -> None:
    summaries = Summaries()
    ended = [MONDAY - timedelta(days=days) for days in (0, 1, 7, 8)]
    jobs = InMemoryBatchJobs(batch_job(str(at.day), ended_at=at) for at in ended)
    unlogged = UnloggedUsageReader(InMemoryMantleMetrics(), jobs, InMemoryCountedBatchJobs())
    replace(summaries.summarizer, unlogged=unlogged).summarize(MONDAY)
    assert "2 batch jobs, unpriced." in summaries.notifier.notices[0].text
