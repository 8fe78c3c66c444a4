"""The report covers the last whole week, completely or not at all."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from lambdas.adapters.report_layouts.comparison_files import ComparisonFiles
from lambdas.domain.attribution import AttributionRules, TrustedPrincipal
from lambdas.domain.attribution.ports import FoundTags
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.reports.comparison import OutlineCache, TrafficObserver, WeeklyComparison
from lambdas.domain.reports.comparison.waste import WasteKind
from lambdas.domain.reports.files import ReportUnfinishedError
from lambdas.services import compare_models
from lambdas.services.compare_models import ModelComparer
from tests.builders import enriched, usage_record
from tests.enriching import current_books
from tests.fakes import (
    InMemoryInvocationLogs,
    InMemoryRecordedCalls,
    InMemoryReportFiles,
    InMemoryTagSource,
)
from tests.invocation_logs import log
from tests.unit.reports.comparison.prices import CHEAP, DEAR, PRICING

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PREFIX = "x" * 4000
TOKENS = TokenCounts(1000, 100)


def call(request_id: str, at: datetime, **changes: Any) -> UsageRecord:
    changes = {"model_id": DEAR, "invoked_model_id": DEAR, "tokens": TOKENS} | changes
    return usage_record(request_id=request_id, timestamp=at, **changes)


def message(record: UsageRecord, body: object) -> str:
    return json.dumps(
        log(
            record.request_id,
            timestamp=record.timestamp.isoformat(),
            modelId=record.invoked_model_id,
            input={"inputTokenCount": 1000, "inputBodyJson": body},
        )
    )


def comparing(*calls: UsageRecord, **changes: Any) -> tuple[ModelComparer, InMemoryReportFiles]:
    """A comparer of models on these calls, and the files of its report."""
    files = InMemoryReportFiles()
    reporter = ModelComparer(
        calls=InMemoryRecordedCalls(calls),
        books=current_books(pricing=PRICING),
        logs=None,
        reports=ComparisonFiles(files),
    )
    return replace(reporter, **changes), files


def read_json(files: InMemoryReportFiles, week: str = "2026-W47") -> Any:
    return json.loads(files.kept[f"comparison/week={week}/bedrock-meter.json"])


def text(files: InMemoryReportFiles, week: str = "2026-W47") -> str:
    return files.kept[f"comparison/week={week}/bedrock-meter.txt"].decode()


def lost(written: WeeklyComparison) -> set[WasteKind]:
    return {key.waste for key, _ in written.report.waste}


@pytest.mark.parametrize("now", [NOW, NOW - timedelta(hours=4.5), NOW + timedelta(days=6)])
def test_the_report_covers_the_previous_week(now: datetime) -> None:
    reporter, files = comparing(
        call("before", MONDAY - SECOND),
        call("first", MONDAY),
        call("last", MONDAY + timedelta(days=7) - SECOND),
        call("after", MONDAY + timedelta(days=7)),
    )
    assert reporter.report(now).week == "2026-W47"
    assert list(files.kept) == [
        f"comparison/week=2026-W47/bedrock-meter.{suffix}" for suffix in ("txt", "json")
    ]
    report = read_json(files)
    assert (report["start"], report["end"], report["calls"]) == (
        "2026-11-16T00:00:00+00:00",
        "2026-11-23T00:00:00+00:00",
        2,
    )
    assert "2 calls, failed ones included, 2026-11-16 00:00:00 to 2026-11-23 00:00:00 UTC" in text(
        files
    )


@pytest.mark.parametrize(
    ("monday", "week"), [("2026-01-05", "2026-W01"), ("2027-01-04", "2026-W53")]
)
def test_a_week_around_new_year_belongs_to_the_year_of_its_thursday(monday: str, week: str) -> None:
    reporter, files = comparing()
    assert reporter.report(datetime.fromisoformat(f"{monday}T04:30:00Z")).week == week
    assert read_json(files, week)["calls"] == 0


def test_each_project_has_the_cost_of_its_calls_on_other_models() -> None:
    source = InMemoryTagSource()
    role = "arn:aws:iam::111122223333:role/"
    source.found = {f"{role}{name}": FoundTags([("project", name)]) for name in ("search", "chat")}
    arn = "arn:aws:sts::111122223333:assumed-role/{}/session"
    reporter, files = comparing(
        call("1", MONDAY, identity_arn=arn.format("search")),
        call("2", MONDAY, identity_arn=arn.format("chat")),
        call("3", MONDAY, identity_arn=arn.format("chat")),
        books=current_books(source, pricing=PRICING),
    )
    reporter.report(NOW)
    costs = {
        project["project"]: {
            model["model_id"]: Decimal(model["uncached_usd"])
            for model in project["traffic"][0]["models"]
        }
        for project in read_json(files)["projects"]
    }
    one_call = {DEAR: Decimal("0.0045"), CHEAP: Decimal("0.0015")}
    for project, calls in (("search", 1), ("chat", 2)):
        assert {model: costs[project][model] for model in one_call} == {
            model: calls * usd for model, usd in one_call.items()
        }
    assert "Text: 3 calls for $0.0135, $0.0579 in 30 days" in text(files)


def test_calls_are_processed_in_order_of_time_for_any_ledger_order() -> None:
    throttled = call("1", MONDAY, error_code="ThrottlingException")
    again = call("2", MONDAY + 30 * SECOND)
    for calls in ((throttled, again), (again, throttled)):
        reporter, _ = comparing(*calls)
        assert WasteKind.RETRIED_CALLS in lost(reporter.report(NOW))


def test_calls_of_the_same_second_have_a_stable_order() -> None:
    throttled = call("1", MONDAY, error_code="ThrottlingException")
    again = call("2", MONDAY)
    for calls in ((throttled, again), (again, throttled)):
        reporter, _ = comparing(*calls)
        assert WasteKind.RETRIED_CALLS in lost(reporter.report(NOW))


def test_request_metadata_is_dropped_after_attribution() -> None:
    said = (("project", "search"), ("note", "x" * 256))
    caller = "arn:aws:sts::111122223333:assumed-role/gateway/session"
    trusted = TrustedPrincipal(
        effective_from=MONDAY, account_id="111122223333", principal="role/gateway"
    )
    made = call("1", MONDAY, identity_arn=caller, request_metadata=said)
    reporter, _ = comparing(
        made,
        books=current_books(rules=AttributionRules(trusted_principals=(trusted,)), pricing=PRICING),
    )
    assert [project.project for project in reporter.report(NOW).report.projects] == ["search"]
    kept = TrafficObserver(PRICING).read(enriched(made))
    assert caller in repr(kept)
    assert "x" * 256 not in repr(kept)


def test_logged_requests_are_analyzed() -> None:
    calls = [call(str(number), MONDAY + number * SECOND) for number in range(2)]
    body = {"system": PREFIX, "messages": [{"role": "user"}], "max_tokens": 5000}
    logs = InMemoryInvocationLogs({record.timestamp: message(record, body) for record in calls})
    reporter, files = comparing(*calls, logs=logs)
    written = reporter.report(NOW)
    assert lost(written) == {WasteKind.REPEATED_PREFIXES, WasteKind.OVERSIZE_MAX_TOKENS}
    assert written.requests_unread is None
    report = read_json(files)
    assert (report["outlined_calls"], report["requests_left_out"]) == (2, 0)
    assert report["requests_unread"] is None
    assert PREFIX not in text(files)
    assert PREFIX not in json.dumps(report)


def test_late_logged_requests_are_read_and_those_of_the_next_week_are_not_cached() -> None:
    late, next_week = MONDAY + timedelta(days=7) - SECOND, MONDAY + timedelta(days=7)
    last, first = call("1", late), call("2", next_week)
    logs = InMemoryInvocationLogs(
        {
            next_week: message(first, {"max_tokens": 1}),
            next_week + SECOND: message(last, {"max_tokens": 1}),
        }
    )
    reporter, files = comparing(
        last, first, logs=logs, outlines=partial(OutlineCache, max_prefixes=2)
    )
    reporter.report(NOW)
    assert (read_json(files)["calls"], read_json(files)["outlined_calls"]) == (1, 1)
    assert read_json(files)["requests_left_out"] == 0


def test_requests_beyond_the_cache_limit_are_counted() -> None:
    calls = [call(str(number), MONDAY + number * SECOND) for number in range(3)]
    logs = InMemoryInvocationLogs(
        {record.timestamp: message(record, {"max_tokens": 1}) for record in calls}
    )
    reporter, files = comparing(*calls, logs=logs, outlines=partial(OutlineCache, max_prefixes=4))
    reporter.report(NOW)
    assert (read_json(files)["outlined_calls"], read_json(files)["requests_left_out"]) == (2, 1)
    assert "1 request did not fit in memory." in text(files)


def test_a_message_that_is_not_a_log_stops_nothing() -> None:
    first = call("1", MONDAY)
    body = {"max_tokens": 5000}
    logs = InMemoryInvocationLogs(
        {
            MONDAY: "{ poison",
            MONDAY + SECOND: "[" * 10_000,
            MONDAY + 2 * SECOND: message(first, body),
        }
    )
    reporter, files = comparing(first, logs=logs)
    reporter.report(NOW)
    assert read_json(files)["outlined_calls"] == 1


def test_incomplete_requests_are_reported_with_the_reason_and_calls_still_compared() -> None:
    logs = InMemoryInvocationLogs({})
    logs.unavailable_because = "logs:FilterLogEvents failed: AccessDeniedException"
    reporter, files = comparing(call("1", MONDAY), logs=logs)
    assert reporter.report(NOW).requests_unread == logs.unavailable_because
    assert read_json(files)["calls"] == 1
    assert read_json(files)["requests_unread"] == logs.unavailable_because
    assert f"Not all requests were looked at: {logs.unavailable_because}." in text(files)


def test_requests_are_skipped_if_there_is_no_time_for_all() -> None:
    calls = [call(str(number), MONDAY + number * SECOND) for number in range(9)]
    logs = InMemoryInvocationLogs(
        {record.timestamp: message(record, {"max_tokens": 1}) for record in calls}
    )
    reporter, files = comparing(*calls, logs=logs)
    pages = 1 + len(calls)
    written = reporter.report(NOW, has_time_for_requests=in_time(pages - 1))
    assert written.requests_unread == "there was no time for all"
    assert read_json(files)["calls"] == 9
    assert read_json(files)["outlined_calls"] == 8
    assert reporter.report(NOW, has_time_for_requests=in_time(pages)).requests_unread is None
    assert read_json(files)["outlined_calls"] == 9


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_nothing_is_written_if_there_is_no_time_for_all_calls(steps: int) -> None:
    calls = [call(str(number), MONDAY) for number in range(2 * InMemoryRecordedCalls.BATCH)]
    reporter, files = comparing(*calls)
    with pytest.raises(ReportUnfinishedError, match="no time"):
        reporter.report(NOW, has_time=in_time(steps))
    assert files.kept == {}
    reporter.report(NOW, has_time=in_time(3))
    assert files.kept


def test_unreadable_items_are_counted_in_the_report() -> None:
    reporter, files = comparing(call("1", MONDAY))
    reporter.report(NOW)
    assert read_json(files)["unreadable_items"] == 0
    assert "could not be read" not in text(files)
    damaged = InMemoryRecordedCalls([call("1", MONDAY)], unreadable_items=2)
    replace(reporter, calls=damaged).report(NOW)
    assert (read_json(files)["calls"], read_json(files)["unreadable_items"]) == (1, 2)
    assert "2 items of the ledger could not be read." in text(files)


def test_more_calls_than_fit_into_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_models, "MAX_CALLS", 2)
    reporter, files = comparing(*(call(str(number), MONDAY) for number in range(2)))
    reporter.report(NOW)
    files.kept.clear()
    reporter, files = comparing(*(call(str(number), MONDAY) for number in range(3)))
    with pytest.raises(ReportUnfinishedError, match="make compare"):
        reporter.report(NOW)
    assert files.kept == {}


def in_time(steps: int) -> Callable[[], bool]:
    """A number of steps within the time limit."""
    left = iter([True] * steps)
    return lambda: next(left, False)
