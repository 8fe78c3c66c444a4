"""Names that attack a terminal, a spreadsheet or a page stay text in what every command shows."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboards.reports import reconcile
from dashboards.viewer.dashboard_session import DashboardSession
from dashboards.viewer.pages import render_complete_page
from dashboards.viewer.sources import source_of_logs
from tests.bills import bill_line, write_csv_bill
from tests.command_line import run_command
from tests.hostile_names import HOSTILE_NAMES, ROLE, hostile_logs
from tests.invocation_logs import as_lines, write
from tests.saved_pages import read_views

# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
Run = Callable[..., str]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Log calls with every name in every place."""
    return write(tmp_path / "logs.json", as_lines(*hostile_logs()))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; returns its output."""

    def run_and_read(*arguments: Path | str) -> str:
        assert run_command(*arguments) == 0
        printed = capsys.readouterr()
        return printed.out + printed.err

    return run_and_read


def check_terminal(printed: str) -> None:
    """Check that lines steer no terminal, forge no line and keep the names' own markup as text."""
    lines = printed.split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    assert [line for line in lines if line.lstrip().startswith("FORGED LINE")] == []
    assert printed.count("x" * 150) < 20
    assert "[bold red]" in printed
    assert ":bomb:" in printed


def test_meter_prints_names_as_text_and_writes_them_in_full(
    run: Run, logs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "summary.json"
    check_terminal(run("meter", logs, "--out", out))
    summary = json.loads(out.read_text())
    identities = {row["identity_arn"] for row in summary["by_identity"]}
    assert identities >= {name for name in HOSTILE_NAMES.values() if len(name) < 1000}
    assert summary["records"]["counted"] == len(hostile_logs())


def test_focus_has_no_formulas_and_a_row_for_every_name(
    run: Run, logs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "focus.csv"
    printed = run("focus", logs, "--out", out)
    assert [line for line in printed.split("\n") if not line.isprintable()] == []
    with out.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    cells = [cell for row in rows for cell in row.values()]
    assert [cell for cell in cells if cell.startswith(FORMULA_STARTS)] == []
    assert all(None not in row for row in rows)  # no name ends a cell
    identities = {row["x_IdentityArn"].removeprefix("'") for row in rows}
    for name in HOSTILE_NAMES.values():
        assert len(name) > 1000 or {name, f"{ROLE}/{name}"} <= identities
    assert len(identities) == 2 * len(HOSTILE_NAMES)


def test_comparison_prints_names_as_text(run: Run, logs: Path, tmp_path: Path) -> None:
    out = tmp_path / "comparison.json"
    check_terminal(run("compare", logs, "--out", out))
    text = json.dumps(json.loads(out.read_text()), ensure_ascii=False)
    assert json.dumps(f"vendor.{HOSTILE_NAMES['attribute']}", ensure_ascii=False) in text


def test_reconciliation_prints_names_as_text(
    run: Run, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        bill_line(line_item_iam_principal=name, line_item_usage_type=f"USE1-{name}-tokens")
        for name in HOSTILE_NAMES.values()
        if len(name) < 1000
    ]
    lines += [bill_line(line_item_iam_principal=name) for name in HOSTILE_NAMES.values()]
    bill = write_csv_bill(tmp_path / "bill.csv", lines)
    out = tmp_path / "reconciliation.json"
    monkeypatch.setattr(reconcile, "utc_now", lambda: datetime(2026, 9, 30, tzinfo=UTC))
    check_terminal(run("reconcile", "--cur", bill, "--out", out, "--", logs))
    assert json.loads(out.read_text())["lines"]


def test_the_page_keeps_names_inside_its_data(logs: Path) -> None:
    page = render_complete_page(DashboardSession.from_source(source_of_logs([logs])))
    assert "window.hacked" in page
    assert "window.hacked" in json.dumps(read_views(page))
    assert "<script>window.hacked" not in page
    assert "<img src=x" not in page
    assert "</script><!--" not in page
    assert page.count("</script>") == page.count("<script")
