"""The made-up company of `make demo` is the same every time."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from dashboards.demo.company import earlier_logs, invocation_logs, logs_until, read_time
from lambdas.domain.invocations import UsageRecord, read_invocation


def test_every_log_of_the_company_is_countable() -> None:
    records = [read_invocation(log) for log in invocation_logs()]
    assert len(records) == 4000
    assert all(isinstance(record, UsageRecord) for record in records)


def test_the_company_is_the_same_every_time() -> None:
    assert list(invocation_logs()) == list(invocation_logs())
    assert list(invocation_logs(seed=1)) != list(invocation_logs(seed=2))


def test_the_company_is_plausible() -> None:
    logs = list(invocation_logs())
    assert len({log["requestId"] for log in logs}) == len(logs)
    assert 0 < sum("errorCode" in log for log in logs) < len(logs) * 0.1
    models = Counter(log["modelId"] for log in logs)
    assert any("embed" in model for model in models)
    assert any("cacheReadInputTokenCount" in log["input"] for log in logs)


def test_call_sizes_match_the_trace() -> None:
    first = next(log for log in invocation_logs() if "errorCode" not in log)
    assert first["timestamp"] == "2026-11-12T18:17:03Z"
    assert sum(first["input"][field] for field in first["input"] if field.endswith("Count")) == 4808


def test_earlier_days_have_mostly_office_hours_and_end_before_the_demo() -> None:
    noon = datetime(2026, 9, 8, 12, tzinfo=UTC)
    logs = list(earlier_logs(noon, 13))
    times = [datetime.fromisoformat(log["timestamp"]) for log in logs]
    assert times == sorted(times)
    assert times[-1] < noon
    assert (noon - times[0]).days in {12, 13}
    busy = [time for time in times if time.weekday() < 5 and 7 <= time.hour < 18]
    assert len(busy) > len(times) / 2
    now = {log["requestId"] for log in invocation_logs()}
    assert not now & {log["requestId"] for log in logs}


def test_the_earlier_days_go_on_until_the_last_minutes() -> None:
    now = datetime(2026, 9, 8, 15, 24, 30, tzinfo=UTC)
    earlier, minutes = logs_until(now, 13)
    first, *_, last = minutes
    assert last == now.replace(second=0)
    assert first.hour == 15  # so that 14:00 is an hour of the earlier days
    hours = Counter(read_time(log).replace(minute=0, second=0) for log in earlier)
    office = [datetime(2026, 9, 8, hour, tzinfo=UTC) for hour in range(7, 15)]
    assert all(hours[hour] for hour in office)
    assert first - read_time(earlier[-1]) < timedelta(hours=1)


def test_the_last_call_is_made_now() -> None:
    now = datetime(2026, 9, 8, 15, 24, 30, tzinfo=UTC)
    minutes = logs_until(now, 13).minutes
    assert max(read_time(log) for logs in minutes.values() for log in logs) == now
