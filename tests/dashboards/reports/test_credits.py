"""`make meter BUDGETS=...` draws the grants of the file down by anyone's own logs."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import run_command
from tests.dashboards.reports.test_budgets import ANA, BEN, UNPRICED, call
from tests.invocation_logs import as_lines, write

MILLION = 1_000_005
"""The tokens of a call that costs $0.25000625."""


def grant(name: str, **changes: Any) -> dict[str, Any]:
    """A grant of $1 for the account, but for the changes."""
    return {"id": name, "usd": 1, "effective_from": "2026-09-08T00:00:00Z"} | changes


@pytest.fixture
def files(tmp_path: Path) -> Any:
    """Write calls and grants; returns the arguments of the command."""

    def make(calls: list[Any], *grants: dict[str, Any]) -> list[Any]:
        logs = write(tmp_path / "logs.json", as_lines(*calls))
        content = {"managed_by": "tests", "budgets": [], "grants": grants}
        path = write(tmp_path / "budgets.json", json.dumps(content))
        return ["--budgets", path, logs]

    return make


@pytest.fixture
def meter(files: Any, capsys: pytest.CaptureFixture[str]) -> Any:
    """Meter calls with grants; returns what is printed, with single spaces."""

    def run(calls: list[Any], *grants: dict[str, Any]) -> str:
        assert run_command("meter", *files(calls, *grants)) == 0
        return "\n".join(" ".join(line.split()) for line in capsys.readouterr().out.splitlines())

    return run


@pytest.fixture
def summarize(files: Any, tmp_path: Path) -> Any:
    """Meter calls with grants; returns the credits of the JSON."""

    def run(calls: list[Any], *grants: dict[str, Any]) -> Any:
        out = tmp_path / "out.json"
        assert run_command("meter", "--out", out, *files(calls, *grants)) == 0
        return json.loads(out.read_text(encoding="utf-8")).get("credits")

    return run


def test_usage_draws_a_grant_down_until_it_is_exhausted(meter: Any) -> None:
    calls = [call(hour, f"2026-09-08T{hour:02}:30:00Z", MILLION) for hour in range(5)]
    printed = meter(calls, grant("september"))
    assert (
        "Credits of the account at 2026-09-08 05:00 UTC: $1.00 granted, $1.00 burned, $0 left,"
        " $0.2500 overage"
    ) in printed
    assert "september $1.00 $0 2026-09-08 00:00 UTC -" in printed
    assert "Exhausted in the hour of 2026-09-08 03:00 UTC." in printed


def test_usage_before_a_grant_and_after_its_end_is_not_paid(meter: Any) -> None:
    times = ["2026-09-07T23:59:59Z", "2026-09-08T00:00:00Z", "2026-09-08T02:00:00Z"]
    calls = [call(number, time, MILLION) for number, time in enumerate(times)]
    printed = meter(calls, grant("two-hours", expires_at="2026-09-08T02:00:00Z"))
    assert "$1.00 granted, $0.2500 burned, $0 left, $0.7500 expired, $0.2500 overage" in printed
    assert "two-hours $1.00 $0 2026-09-08 00:00 UTC 2026-09-08 02:00 UTC" in printed
    assert "Exhausted in the hour of 2026-09-08 02:00 UTC." in printed


def test_the_days_that_the_rest_lasts_are_shown(meter: Any) -> None:
    printed = meter([call(1, "2026-09-08T12:30:00Z", MILLION)], grant("september"))
    assert "The rest lasts 3.0 days, at $0.2500 a day in the last 7 days." in printed


def test_a_grant_that_begins_after_the_logs_is_named(meter: Any) -> None:
    later = grant("october", effective_from="2026-10-01T00:00:00Z")
    printed = meter([call(1, "2026-09-08T12:30:00Z", MILLION)], grant("september"), later)
    assert "Grant october of $1.00 begins at 2026-10-01 00:00 UTC, after the logs." in printed
    assert "Credits of the account at 2026-09-08 13:00 UTC: $1.00 granted" in printed


def test_calls_without_a_price_are_named_and_draw_nothing_down(meter: Any) -> None:
    printed = meter([call(1, "2026-09-08T12:30:00Z", 900, modelId=UNPRICED)], grant("september"))
    assert "$1.00 granted, $0 burned, $1.00 left" in printed
    assert "1 call without a known price drew nothing down" in printed


def test_the_json_has_each_scope_and_exact_amounts(summarize: Any) -> None:
    calls = [
        *(call(hour, f"2026-09-08T{hour:02}:30:00Z", MILLION) for hour in range(3)),
        call(9, "2026-09-08T01:10:00Z", MILLION, BEN),
    ]
    anas, account = summarize(
        calls,
        grant("all", usd="0.3", priority=60),
        grant("anas", usd="0.5", scope={"identity": ANA}, effective_from="2026-09-08T01:00:00Z"),
    )
    assert anas == {
        "scope": {"identity": [ANA]},
        "at": "2026-09-08T03:00:00+00:00",
        "granted_usd": "0.5",
        "burned_usd": "0.5",
        "balance_usd": "0",
        "expired_usd": "0",
        "overage_usd": "0",
        "exhausted_in": ["2026-09-08T02:00:00+00:00"],
        "last_day_usd": "0.5",
        "last_week_usd_per_day": "0.5",
        "days_left": None,
        "unpriced_calls": 0,
        "grants": [
            {
                "id": "anas",
                "amount_usd": "0.5",
                "balance_usd": "0",
                "priority": 50,
                "effective_from": "2026-09-08T01:00:00+00:00",
                "expires_at": None,
            }
        ],
    }
    assert account["scope"] == {}
    assert account["exhausted_in"] == ["2026-09-08T01:00:00+00:00"]
    booked = sum(
        Decimal(scope[part]) for scope in (account, anas) for part in ("burned_usd", "overage_usd")
    )
    assert booked == 4 * Decimal("0.25000625")


def test_a_file_without_grants_has_no_credits(summarize: Any) -> None:
    assert summarize([call(1, "2026-09-08T12:30:00Z", MILLION)]) is None
