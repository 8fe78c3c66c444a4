"""`make focus`, from the command line to the files that FinOps tools read."""

import gzip
import io
import json
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.command_line import run_command
from tests.focus_rules import TextRow, read_rows, violations
from tests.invocation_logs import as_lines, log, write

SAMPLES = Path(__file__).parents[2] / "fixtures" / "invocation-logs.ndjson"


@pytest.fixture
def run() -> Any:
    """Run the command with arguments; returns its exit code."""
    return partial(run_command, "focus")


def rows_in(csv: Path) -> list[TextRow]:
    return read_rows(io.StringIO(csv.read_text(encoding="utf-8"), newline=""))


def test_the_samples_are_exact_to_the_cent_and_conform_to_focus(run: Any, tmp_path: Path) -> None:
    assert run(SAMPLES, "--out", tmp_path / "focus.csv") == 0
    rows = rows_in(tmp_path / "focus.csv")
    assert not list(violations(rows))
    total = sum(Decimal(row["BilledCost"] or "NaN") for row in rows)
    assert total == Decimal("0.322275196")
    manifest = json.loads((tmp_path / "focus.csv.manifest.json").read_text())
    assert manifest["rows"] == len(rows) == 47
    assert Decimal(manifest["billed_cost_usd"]) == total
    assert (manifest["priced_invocations"], manifest["left_out_invocations"]) == (50, 6)


def test_all_formats_have_the_same_values(run: Any, tmp_path: Path) -> None:
    names = ("focus.csv", "focus.csv.gz", "focus.parquet")
    for name in names:
        assert run(SAMPLES, "--out", tmp_path / name) == 0
    csv = (tmp_path / "focus.csv").read_bytes()
    assert gzip.decompress((tmp_path / "focus.csv.gz").read_bytes()) == csv
    with duckdb.connect() as database:
        found = database.execute(
            "SELECT sum(BilledCost), count(*), min(SkuId) FROM read_parquet(?)",
            [str(tmp_path / "focus.parquet")],
        ).fetchone()
    rows = rows_in(tmp_path / "focus.csv")
    skus = [row["SkuId"] or "" for row in rows]
    assert found == (Decimal("0.322275196"), len(rows), min(skus))
    assert len(list(tmp_path.iterdir())) == 2 * len(names)


def test_the_same_logs_produce_the_same_bytes(run: Any, tmp_path: Path) -> None:
    written = []
    for name in ("a", "b"):
        out = tmp_path / name / "focus.csv.gz"
        out.parent.mkdir()
        assert run(SAMPLES, SAMPLES, "--out", out) == 0
        written.append(out.read_bytes())
    assert written[0] == written[1]


def test_the_newest_of_conflicting_readings_is_charged(run: Any, tmp_path: Path) -> None:
    logs = write(
        tmp_path / "logs.json",
        as_lines(log(), log(input={"inputTokenCount": 70}), log(input={"inputTokenCount": 100})),
    )
    assert run(logs, "--out", tmp_path / "focus.csv") == 0
    rows = rows_in(tmp_path / "focus.csv")
    assert {row["SkuMeter"]: row["ConsumedQuantity"] for row in rows} == {
        "Input Tokens": "100",
        "Output Tokens": "5",
    }


def test_calls_without_a_cost_are_printed_too(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(SAMPLES, "--out", tmp_path / "focus.csv") == 0
    printed = capsys.readouterr().out
    assert "65 lines read: 56 calls and 4 failed calls counted" in printed
    assert f"47 rows in {tmp_path / 'focus.csv'}: 0.322275196 USD, as an estimate" in printed
    assert "Not in this cost" in printed
    assert "  amazon.nova-canvas-v1:0: 2 calls, 0 tokens (billed_in_other_units)" in printed


def test_omitted_calls_are_added_up_over_months(run: Any, tmp_path: Path) -> None:
    calls = [
        log(str(month), modelId="a.b", timestamp=f"2026-{month:02}-01T00:00:00Z")
        for month in (1, 2, 3)
    ]
    logs = write(tmp_path / "logs.json", as_lines(*calls))
    assert run(logs, "--out", tmp_path / "focus.csv") == 0
    assert rows_in(tmp_path / "focus.csv") == []
    manifest = json.loads((tmp_path / "focus.csv.manifest.json").read_text())
    assert manifest["left_out"] == [
        {"model_id": "a.b", "reason": "no_price", "invocations": 3, "tokens": 45}
    ]


def test_invented_calls_stop_no_format(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endless = log("1", timestamp="9999-12-31T23:59:59Z")
    nameless = log("2", identity={"arn": "arn:aws:iam::111122223333:user/" + 'b\n",' * 150_000})
    logs = write(tmp_path / "logs.json", as_lines(endless, nameless))
    for name in ("focus.csv", "focus.parquet"):
        assert run(logs, "--out", tmp_path / name) == 0
        printed = capsys.readouterr().out
        assert "2 rows in" in printed
        assert "1 call, 15 tokens (no_period)" in printed


def test_an_earlier_manifest_in_a_folder_is_not_read_as_a_log(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "logs.json", as_lines(log()))
    for _ in range(2):
        assert run(tmp_path, "--out", tmp_path / "focus.csv") == 0
        assert "1 line read" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Missing argument 'LOGS...'. See"),
        (["logs.json"], "Missing option '--out'. See"),
        (["--out", "focus.csv"], "Missing argument 'LOGS...'. See"),
        (["logs.json", "--out", "focus.xlsx"], "--out focus.xlsx: name a file that ends in .csv"),
        (["nowhere.json", "--out", "a.csv"], "LOGS: nowhere.json: No such file or directory."),
        (["logs.csv", "--out", "logs.csv"], "--out logs.csv is one of the logs."),
        (
            ["logs.json", "a.csv.manifest.json", "--out", "a.csv"],
            "--out a.csv.manifest.json is one",
        ),
        (["logs.json", "--out", "nowhere/a.csv"], "--out nowhere/a.csv cannot be written."),
        (["logs.json", "--out", "folder.csv"], "--out folder.csv cannot be written."),
        (["logs.json", "--out", "full.csv"], "--out full.csv: No space left on device."),
    ],
)
def test_errors_are_reported_in_one_line_with_exit_code_2(
    run: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    complaint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "full.csv").symlink_to("/dev/full")
    for name in ("logs.json", "logs.csv", "a.csv.manifest.json"):
        write(tmp_path / name, as_lines(log()))
    assert run(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"focus: {complaint}")
    assert printed.err.count("\n") == 1
    assert (tmp_path / "logs.csv").read_bytes() == as_lines(log())


def test_prompts_and_completions_are_in_no_output(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marker = "XyzzyMarker"
    bodies = {"input": {"inputBodyJson": {"prompt": marker}, "inputTokenCount": 1}}
    bodies |= {"output": {"outputBodyJson": {"completion": marker, "usage": marker}}}
    logs = write(tmp_path / "logs.json", as_lines(log() | bodies, log("2") | bodies))
    for name in ("focus.csv", "focus.parquet"):
        assert run(logs, "--out", tmp_path / name) == 0
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path != logs)
    printed = capsys.readouterr()
    assert marker not in printed.out + printed.err
    assert marker.encode() not in written


def test_costs_at_assumed_prices_are_listed(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = log(region="xx-new-1", input={"inputTokenCount": 1_000_000}, output={})
    assert run(write(tmp_path / "a.json", as_lines(nowhere)), "--out", tmp_path / "focus.csv") == 0
    (row,) = rows_in(tmp_path / "focus.csv")
    assert row["x_PriceBasis"] == "assumed"
    manifest = json.loads((tmp_path / "focus.csv.manifest.json").read_text())
    assert manifest["assumed_cost_usd"] == row["BilledCost"]
    assert f"Of it, {row['BilledCost']} USD is at assumed prices" in capsys.readouterr().out
