"""`make meter` and the deployed meter count hostile records alike."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lambdas.domain.invocations import RejectionReason, UsageRecord, read_message
from lambdas.domain.ledger.readings import join_readings
from tests.command_line import run_command
from tests.invocation_logs import write
from tests.poison_records import poison_messages

SEVERAL_VALUES = ("a list", "two objects")
"""Names that a file can contain and a log event cannot."""
CALLED_AT = datetime(2026, 9, 8, 12, tzinfo=UTC)


def test_each_record_of_a_file_is_counted_or_rejected_with_its_reason(
    tmp_path: Path,
) -> None:
    poison = poison_messages(CALLED_AT)
    messages = [message for name, message in poison.items() if name not in SEVERAL_VALUES]
    readings = [read_message(message) for message in messages]
    calls = join_readings(reading for reading in readings if isinstance(reading, UsageRecord))
    reasons = Counter(reading for reading in readings if isinstance(reading, RejectionReason))
    lines = "".join(f"{message}\n" for message in messages)
    logs = write(tmp_path / "logs.ndjson", lines.encode("utf-8", "surrogatepass"))
    out = tmp_path / "summary.json"

    assert run_command("meter", logs, "--out", out) == 0

    summary = json.loads(out.read_text())
    assert summary["records"]["counted"] == len(calls)
    assert Counter(record["code"] for record in summary["rejected"]) == reasons
    tokens = sum(row["total_tokens"] for row in summary["by_model"])
    failed = sum(row["failed_tokens"] for row in summary["by_model"])
    assert tokens + failed == sum(call.tokens.total or 0 for call in calls.values())


@pytest.mark.parametrize(("name", "out"), [("focus", "focus.csv"), ("compare", "comparison.json")])
def test_hostile_records_stop_no_command(name: str, out: str, tmp_path: Path) -> None:
    lines = "".join(f"{message}\n" for message in poison_messages(CALLED_AT).values())
    logs = write(tmp_path / "logs.ndjson", lines.encode("utf-8", "surrogatepass"))
    assert run_command(name, logs, "--out", tmp_path / out) == 0
    assert (tmp_path / out).stat().st_size > 1000
