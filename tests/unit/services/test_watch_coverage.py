"""Coverage is measured on schedule; after an alarm, a notice names models."""

from datetime import datetime, timedelta

import pytest

from lambdas.domain.metrics.catalog import (
    COVERAGE_RATIO,
    COVERAGE_SHORTFALL,
    FORGED_SERIES,
    MISSING_CALLS,
    USAGE_MISMATCH,
)
from lambdas.services.audit_coverage import CoverageAuditor
from lambdas.services.find_forged_series import ForgedSeriesFinder
from lambdas.services.watch_coverage import CoverageWatcher
from tests.builders import HAIKU_3, NOON
from tests.fakes import InMemoryMetrics, InMemoryNotifier

QUIET, FULL_HOUR = NOON, NOON + timedelta(minutes=15)
SETTLED = NOON + timedelta(hours=1)


def watcher(*, metered: int, notifier: InMemoryNotifier | None = None) -> CoverageWatcher:
    """Watch an account whose Bedrock has counted ten calls in the last hour."""
    metrics = InMemoryMetrics()
    at = NOON - timedelta(minutes=30)
    metrics.add("BedrockMeter", "Invocations", at, metered, HAIKU_3)
    metrics.add("AWS/Bedrock", "Invocations", at, 10, HAIKU_3)
    finder = ForgedSeriesFinder(metrics, "QuotaTokens")
    return CoverageWatcher(CoverageAuditor(metrics), finder, notifier or InMemoryNotifier())


def test_settled_hours_and_forged_series_are_checked_once_an_hour() -> None:
    every_time = {COVERAGE_SHORTFALL, COVERAGE_RATIO, MISSING_CALLS}
    assert watcher(metered=10).measure(QUIET).keys() == every_time
    hourly = watcher(metered=10).measure(FULL_HOUR)
    assert hourly.keys() == every_time | {USAGE_MISMATCH, FORGED_SERIES}


def test_missing_calls_are_counted_and_notify_only_after_the_alarm() -> None:
    notifier = InMemoryNotifier()
    assert watcher(metered=4, notifier=notifier).measure(QUIET)[MISSING_CALLS] == 6
    assert notifier.notices == []


@pytest.mark.parametrize(
    ("alarm", "moment", "expected"),
    [
        ("BedrockMeter-Health-Coverage", QUIET, HAIKU_3),
        ("BedrockMeter-Health-UsageMismatch", SETTLED, "the two hours from 2026-09-08 10:00"),
    ],
)
def test_the_notice_is_about_the_measure_of_the_alarm(
    alarm: str, moment: datetime, expected: str
) -> None:
    notifier = InMemoryNotifier()
    watcher(metered=4, notifier=notifier).explain(alarm, moment)
    (notice,) = notifier.notices
    assert expected in notice.text


def test_a_notice_that_is_repeated_has_an_event_with_the_same_id() -> None:
    notifier = InMemoryNotifier()
    for alarm, moment in (
        ("BedrockMeter-Health-Coverage", QUIET),
        ("BedrockMeter-Health-Coverage", QUIET),
        ("BedrockMeter-Health-UsageMismatch", SETTLED),
    ):
        watcher(metered=4, notifier=notifier).explain(alarm, moment)
    first, again, mismatch = (notice.events[0] for notice in notifier.notices)
    assert first == again
    assert first.id != mismatch.id
    kinds = [event.detail["kind"] for event in (first, mismatch)]
    assert kinds == ["coverage", "usage_mismatch"]
    assert (first.title, first.text) == (notifier.notices[0].subject, notifier.notices[0].text)
