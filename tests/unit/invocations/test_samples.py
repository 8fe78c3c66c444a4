"""Every sample log against counts that were read by hand: see `fixtures`."""

import json
from typing import Any

import pytest

from lambdas.domain.invocations import RejectionReason, UsageRecord, read_message
from tests.unit.invocations.records import fixture_lines

LOGS = fixture_lines("invocation-logs.ndjson")
EXPECTED: list[dict[str, Any]] = json.loads("".join(fixture_lines("expected-samples.json")))


def test_every_sample_has_expected_counts() -> None:
    assert [expected["line"] for expected in EXPECTED] == list(range(1, 66))
    assert len(LOGS) == 65


@pytest.mark.parametrize(
    ("log", "expected"),
    list(zip(LOGS, EXPECTED, strict=True)),
    ids=[f"line_{expected['line']}" for expected in EXPECTED],
)
def test_a_sample_is_counted_exactly(log: str, expected: dict[str, Any]) -> None:
    reading = read_message(log)
    if "rejected" in expected:
        assert reading is RejectionReason(expected["rejected"])
        return
    assert isinstance(reading, UsageRecord)
    assert {
        "line": expected["line"],
        "identity_arn": reading.identity_arn,
        "model_id": reading.model_id,
        "input": reading.tokens.input,
        "output": reading.tokens.output,
        "cache_read": reading.tokens.cache_read,
        "cache_write": reading.tokens.cache_write,
        "error_code": reading.error_code,
        "request_metadata": dict(reading.request_metadata),
    } == {"request_metadata": {}} | expected


def test_the_bytes_of_a_sample_are_read_like_its_text() -> None:
    assert [read_message(log.encode()) for log in LOGS] == [read_message(log) for log in LOGS]
