"""Commands never print or write a prompt or completion of a log file."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboards.reports import reconcile
from dashboards.viewer.dashboard_session import DashboardSession
from dashboards.viewer.pages import render_complete_page
from dashboards.viewer.sources import source_of_logs
from tests.bills import bill_line, write_csv_bill
from tests.command_line import run_command
from tests.invocation_logs import write
from tests.prompt_records import find_prompts, prompt_messages
from tests.saved_pages import read_views

CALLED_AT = datetime(2026, 9, 8, 12, tzinfo=UTC)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Every kind of record that may hold a prompt, one a line."""
    return write(tmp_path / "logs.ndjson", "\n".join(prompt_messages(CALLED_AT)) + "\n")


@pytest.mark.parametrize(
    ("name", "out"),
    [
        ("meter", "summary.json"),
        ("compare", "comparison.json"),
        ("focus", "focus.csv"),
        ("reconcile", "reconciliation.json"),
    ],
)
def test_commands_write_and_print_no_prompts(
    name: str,
    out: str,
    logs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(reconcile, "utc_now", lambda: datetime(2026, 9, 30, tzinfo=UTC))
    bill = write_csv_bill(tmp_path / "bill.csv", [bill_line()])
    before = ("--cur", bill) if name == "reconcile" else ()
    assert run_command(name, *before, "--out", tmp_path / out, "--", logs) == 0
    printed = capsys.readouterr()
    written = [path for path in tmp_path.iterdir() if path not in (logs, bill)]
    assert written
    assert len(printed.out) > 300
    texts = [printed.out, printed.err, *(path.read_text() for path in written)]
    assert find_prompts("\n".join(texts)) == set()


def test_the_page_contains_no_prompts(logs: Path) -> None:
    page = render_complete_page(DashboardSession.from_source(source_of_logs([logs])))
    views = json.dumps(read_views(page))
    assert "user/ana" in page
    assert "user/ana" in views
    assert find_prompts(page + views) == set()
