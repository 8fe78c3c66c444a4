"""The made-up company of `make demo` is the same every time."""

from collections import Counter

from dashboards.demo.company import invocation_logs
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


def test_sizes_are_those_of_the_trace() -> None:
    first = next(log for log in invocation_logs() if "errorCode" not in log)
    assert first["timestamp"] == "2026-11-12T18:17:03Z"
    assert sum(first["input"][it] for it in first["input"] if it.endswith("Count")) == 4808
