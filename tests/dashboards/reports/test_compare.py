"""`make compare`, from the command line to the report."""

import json
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dashboards.reports import compare
from dashboards.reports.commands import meter_files
from dashboards.reports.local_meter import open_local_meter
from dashboards.reports.logs.log_files import find_log_files
from lambdas.domain.reports.comparison import OutlineCache
from tests.command_line import run_command
from tests.invocation_logs import as_lines, log, write

FIXTURES = Path(__file__).parents[2] / "fixtures"
SONNET = "anthropic.claude-sonnet-4-20250514-v1:0"
M = 1_000_000


@pytest.fixture
def run() -> Any:
    """Run the command with arguments; returns its exit code."""
    return partial(run_command, "compare")


@pytest.fixture
def report_on(run: Any, tmp_path: Path) -> Any:
    """Compare models on some paths; returns the JSON."""

    def report_on_paths(*logs: Path) -> Any:
        out = tmp_path / "comparison.json"
        assert run(*logs, "--out", out) == 0
        return json.loads(out.read_text())

    return report_on_paths


def called(request_id: str, second: int = 0, **changes: Any) -> dict[str, Any]:
    return log(request_id, timestamp=f"2026-09-08T12:10:{second:02d}Z", **changes)


def test_a_call_logged_twice_counts_once_with_its_newest_reading(
    report_on: Any, tmp_path: Path
) -> None:
    first = called("1", input={"inputTokenCount": 7}, output={"outputTokenCount": 0})
    corrected = called("1", input={"inputTokenCount": 4 * M}, output={"outputTokenCount": 0})
    report = report_on(write(tmp_path / "a.json", as_lines(first, first, corrected)))
    assert (report["read"], report["calls"], report["duplicates"]) == (3, 1, 2)
    (traffic,) = report["account"]["traffic"]
    assert traffic["tokens"] == {"input": 4 * M}
    assert Decimal(traffic["cost_usd"]) == 1


def test_files_can_be_read_in_any_order(report_on: Any, tmp_path: Path) -> None:
    throttled = called("1", 1, errorCode="ThrottlingException", input={}, output={})
    later, earlier = called("2", 2), called("0", 0)
    logs = write(tmp_path / "a.json", as_lines(later, throttled, earlier))
    waste = {waste["kind"]: waste["calls"] for waste in report_on(logs)["waste"]}
    assert waste == {"throttled_calls": 1, "retried_calls": 1}


def test_a_call_with_an_impossible_time_makes_the_period_no_longer(
    report_on: Any, tmp_path: Path
) -> None:
    calls = [called(str(number), number) for number in range(2)]
    days = report_on(write(tmp_path / "a.json", as_lines(*calls)))["days"]
    wrong = [log("8", timestamp="2199-01-01T00:00:00Z"), log("9", timestamp="2001-01-01T00:00:00Z")]
    report = report_on(write(tmp_path / "a.json", as_lines(*calls, *wrong)))
    assert (report["calls"], report["days"]) == (4, days)


def test_logged_content_is_analyzed_and_never_shown(
    report_on: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marker = "XyzzyMarker"
    body = {"max_tokens": 4000, "system": marker * 200, "messages": [{"content": marker}]}
    request = {"inputTokenCount": 1500, "inputBodyJson": body}
    calls = [called(str(n), n, modelId=SONNET, input=request) for n in range(3)]
    report = report_on(write(tmp_path / "a.json", as_lines(*calls)))
    waste = {waste["kind"]: waste for waste in report["waste"]}
    assert waste["repeated_prefixes"]["calls"] == 2
    assert waste["repeated_prefixes"]["tokens"] == 2 * 1500
    assert waste["oversize_max_tokens"]["tokens"] == 3 * 3995
    assert report["outlined_calls"] == 3
    printed = capsys.readouterr()
    assert marker not in json.dumps(report, default=str) + printed.out + printed.err


def test_bodies_beyond_the_limit_are_counted(
    report_on: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(compare, "OutlineCache", partial(OutlineCache, max_prefixes=3))
    request = {"inputTokenCount": 5, "inputBodyJson": {"messages": ["hello"]}}
    calls = [called(str(n), n, input=request) for n in range(3)]
    report = report_on(write(tmp_path / "a.json", as_lines(*calls)))
    assert (report["outlined_calls"], report["requests_left_out"]) == (1, 2)
    assert "2 requests did not fit in memory." in capsys.readouterr().out


def test_the_samples_cost_the_same_as_in_the_meter_report(report_on: Any) -> None:
    report = report_on(FIXTURES / "invocation-logs.ndjson")
    expected = json.loads((FIXTURES / "expected-samples.json").read_text())
    rejected = sum("rejected" in record for record in expected)
    assert (report["calls"], report["rejected"]) == (len(expected) - rejected, rejected)
    (traffic,) = report["account"]["traffic"]
    own = {model["model_id"] for model in traffic["models"] if model["is_in_use"]}
    assert own == {model["model_id"] for model in traffic["in_use"]}
    with open_local_meter() as meter:
        meter_files(meter, find_log_files([FIXTURES / "invocation-logs.ndjson"]))
    exact = sum(totals.priced_usd for _, totals in meter.summary.by_model())
    assert Decimal(traffic["guardrail_usd"]) == 29 * Decimal("0.0008")  # by hand, see test_meter.py
    assert Decimal(traffic["cost_usd"]) + Decimal(traffic["guardrail_usd"]) == round(exact, 6)
    guarded = {"anthropic.claude-sonnet-4-20250514-v1:0"}
    by_model = {
        name: None if figures.cost_usd is None else round(figures.cost_usd, 6)
        for name, figures in meter.summary.by_model()
    }
    assert {
        model["model_id"]
        for model in traffic["in_use"]
        if Decimal(model["cost_usd"]) != by_model[model["model_id"]]
    } == guarded


def test_tables_are_printed_and_an_earlier_report_is_not_read_as_a_log(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "a.json", as_lines(called("1")))
    out = tmp_path / "comparison.json"
    for _ in range(2):
        assert run(tmp_path, "--out", out) == 0
        assert json.loads(out.read_text())["read"] == 1
    printed = capsys.readouterr().out
    assert "What would be cheaper, in dollars for 30 days" in printed
    assert "What this comparison does not know" in printed
    assert "1 line read: 1 call counted" in printed


def test_the_json_can_be_written_to_standard_output(
    run: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    logs = write(tmp_path / "a.json", as_lines(called("1")))
    assert run(logs, "--out", "/dev/stdout") == 0
    assert json.loads(capfd.readouterr().out)["calls"] == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Missing argument 'LOGS...'. See"),
        (["logs.json", "--out", "logs.json"], "--out logs.json is one of the logs."),
        (["logs.json", "--out", "/dev/full"], "--out /dev/full: No space left on device."),
    ],
)
def test_errors_are_reported_in_one_line(
    run: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    complaint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "logs.json", as_lines(log()))
    assert run(*arguments) == 2
    assert capsys.readouterr().err.startswith(f"compare: {complaint}")
