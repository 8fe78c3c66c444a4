"""`make reconcile`, from the command line to the tables and the JSON."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dashboards.reports import reconcile
from tests.bills import (
    ANA,
    bill_line,
    marketplace_line,
    without,
    write_csv_bill,
    write_parquet_bill,
)
from tests.command_line import run_command
from tests.invocation_logs import as_lines, log, write

M = 1_000_000
NOW = datetime(2026, 9, 30, tzinfo=UTC)
MICRO = "amazon.nova-micro-v1:0"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the command with arguments at a fixed time; returns its exit code."""
    monkeypatch.setattr(reconcile, "utc_now", lambda: NOW)
    return partial(run_command, "reconcile")


@pytest.fixture
def report(run: Any, tmp_path: Path) -> Any:
    """Compare bills with logs; returns the JSON."""

    def report_on(cur: Path, *logs: Path) -> Any:
        out = tmp_path / "reconciliation.json"
        assert run("--cur", cur, "--out", out, "--", *logs) == 0
        return json.loads(out.read_text())

    return report_on


def called(request_id: str, **changes: Any) -> dict[str, Any]:
    """A call of Nova Micro with 4,000 input tokens."""
    counts = {"input": {"inputTokenCount": 4000}, "output": {"outputTokenCount": 0}}
    return log(request_id, **{"modelId": MICRO, **counts, **changes})


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Ana's calls from the 7th to the 9th; `bill_line` bills those of the 8th."""
    days = [f"2026-09-0{day}T12:00:00Z" for day in (7, 8, 9)]
    calls = [called(day, timestamp=day) for day in days]
    return write(tmp_path / "logs.json", as_lines(*calls))


def classes(found: Any) -> list[tuple[str, str | None, int]]:
    return [(each["class"], each["reason"], each["lines"]) for each in found["classes"]]


def days(*lines: dict[str, Any]) -> list[dict[str, Any]]:
    """Lines of the 7th to the 9th."""
    return [
        line
        | {"line_item_usage_start_date": f"2026-09-0{day}T00:00:00.000Z"}
        | {"line_item_usage_end_date": f"2026-09-{day + 1:02d}T00:00:00.000Z"}
        for line in lines
        for day in (7, 8, 9)
    ]


@pytest.mark.parametrize("name", ["bill.csv", "bill.csv.gz", "bill.snappy.parquet", "odd [*'].csv"])
def test_bill_and_logs_agree_in_every_format(
    report: Any, logs: Path, tmp_path: Path, name: str
) -> None:
    write_bill = write_parquet_bill if name.endswith("parquet") else write_csv_bill
    bill = write_bill(tmp_path / "data" / "BILLING_PERIOD=2026-09" / name, days(bill_line()))

    found = report(bill, logs)

    assert classes(found) == [("agrees", None, 3)]
    assert found["total"] == {
        "billed_usd": "0.00042",
        "bill_list_usd": "0.00042",
        "discount_usd": "0",
        "logs_list_usd": "0.00042",
        "logs_effective_usd": "0.00042",
    }
    assert found["lines"][0] == {
        "day": "2026-09-07",
        "account_id": "111122223333",
        "region": "us-east-1",
        "identity_arn": ANA,
        "model_id": "amazon.nova-micro",
        "measure": "input",
        "routing": "region",
        "service_tier": None,
        "class": "agrees",
        "reason": None,
        "is_provisional": True,
        "logs": dict.fromkeys(("unpriced", "assumed"), "0")
        | {"quantity": "4000", "list_usd": "0.00014", "effective_usd": "0.00014"},
        "bill": dict.fromkeys(("unpriced", "assumed"), "0")
        | {"quantity": "4000", "list_usd": "0.00014", "effective_usd": "0.00014"},
    }


def test_marketplace_lines_without_a_list_cost_take_rate_times_amount(
    report: Any, tmp_path: Path
) -> None:
    call = log("1", input={"inputTokenCount": 80 * M}, output={"outputTokenCount": 0})
    logs = write(tmp_path / "logs.json", as_lines(call))
    lines = [
        marketplace_line(
            line_item_usage_amount="80",
            line_item_unblended_cost="20",
            line_item_net_unblended_cost="18",
        )
    ]

    found = report(write_parquet_bill(tmp_path / "bill.parquet", lines), logs)

    (line,) = found["lines"]
    assert line["model_id"] == "anthropic.claude-3-haiku-20240307"
    assert (line["class"], line["reason"]) == ("differs", "discount")
    assert (line["bill"]["list_usd"], line["bill"]["effective_usd"]) == ("20", "18")
    assert (line["logs"]["list_usd"], line["logs"]["quantity"]) == ("20", "80000000")


def test_one_line_and_one_call_are_named_in_the_singular(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = write(tmp_path / "logs.json", as_lines(called("a", timestamp="2026-09-08T12:00:00Z")))

    assert run("--cur", write_csv_bill(tmp_path / "bill.csv", [bill_line()]), "--", logs) == 0

    assert "1 line of the bill against 1 call, days before" in capsys.readouterr().out


def test_the_table_adds_up_to_the_whole_bill(
    run: Any, logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        *days(bill_line()),
        bill_line(
            line_item_usage_type="USE1-NovaMicro-output-tokens", line_item_net_unblended_cost="7"
        ),
        bill_line(line_item_usage_type="USE1-Mystery-Units", line_item_net_unblended_cost="0.11"),
        bill_line(line_item_line_item_type="Tax", line_item_net_unblended_cost="0.5"),
        bill_line(line_item_line_item_type="Credit", line_item_net_unblended_cost="-0.25"),
        bill_line(
            line_item_usage_type="USE1-BoxUsage:t3.micro",
            line_item_product_code="AmazonEC2",
            product_product_family="Compute Instance",
            product_servicecode="AmazonEC2",
            product={},
            line_item_net_unblended_cost="3",
        ),
    ]
    bill = write_csv_bill(tmp_path / "bill.csv", lines)

    assert run("--cur", bill, "--", logs) == 0

    printed = capsys.readouterr().out
    numbers = r"(-?[\d,]+\.\d{6})(?: +-?[\d,.]+){3} *"
    rows = re.findall(rf"^(\S.*?) {{2,}}.* {numbers}$", printed, re.MULTILINE)
    *parts, (total, usd) = [(label, Decimal(usd)) for label, usd in rows if label[:4] != "2026"]
    assert len(parts) == 5
    assert total == "Total"
    assert sum(usd for _, usd in parts) == usd == Decimal("10.36042")
    assert "USE1-Mystery-Units" in printed
    assert "delivery failure" in printed


@pytest.mark.parametrize(
    ("width", "left_out"),
    [
        (80, ["Logs, effective"]),
        (60, ["Logs, effective", "Bill, list price"]),
        (100, []),
        (200, []),
    ],
)
def test_a_narrow_terminal_breaks_no_words_or_numbers(
    run: Any,
    logs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    width: int,
    left_out: list[str],
) -> None:
    monkeypatch.setattr(reconcile, "open_console", lambda: Console(width=width))
    lines = [
        bill_line(line_item_usage_type="USE1-NovaMicro-output-tokens"),
        bill_line(line_item_usage_type="USE1-Mystery-Units", line_item_net_unblended_cost="123.25"),
    ]

    assert run("--cur", write_csv_bill(tmp_path / "bill.csv", lines), "--", logs) == 0

    printed = capsys.readouterr().out
    table = printed.partition("Where each dollar")[2].partition("  Discounts")[0]
    words = set(table.split())
    assert {"Compared", "Only", "bill", "delivery", "unknown", "123.250140"} <= words
    assert max(map(len, table.splitlines())) <= width
    headings = ["Bill, list price", "Logs, list price", "Logs, effective"]
    first_lines = "\n".join(table.splitlines()[:3])
    assert [name for name in headings if name not in first_lines] == left_out[::-1]
    assert ("a wider terminal shows" in table) == bool(left_out)


@pytest.mark.parametrize("name", ["bill.csv", "bill.parquet"])
def test_other_services_are_listed_with_their_dollars(
    report: Any, logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    def other(product_code: str, net: str, **changes: Any) -> dict[str, Any]:
        return bill_line(
            line_item_product_code=product_code,
            line_item_net_unblended_cost=net,
            product_product_family="Compute Instance",
            product_servicecode=product_code,
            **changes,
        )

    lines = [
        bill_line(),
        other("AmazonEC2", "3", pricing_public_on_demand_cost="4"),
        other("AmazonEC2", "1", pricing_public_on_demand_cost="0", line_item_unblended_cost="2"),
        other("AmazonEC2", "0.5", line_item_line_item_type="Tax"),
        other("AmazonCloudWatch", "9", pricing_public_on_demand_cost="9"),
    ]
    write_bill = write_parquet_bill if name.endswith("parquet") else write_csv_bill

    found = report(write_bill(tmp_path / name, lines), logs)

    assert {
        (each["subject"], each["list_usd"], each["effective_usd"]) for each in found["apart"]
    } == {("AmazonEC2", "6", "4.5"), ("AmazonCloudWatch", "9", "9")}
    assert found["bill_lines"] == 5
    table = capsys.readouterr().out.partition("Other services on the bill (USD)")[2]
    assert re.findall(r"^(Amazon\w+) +([\d.]+)$", table, re.MULTILINE) == [
        ("AmazonCloudWatch", "9.000000"),
        ("AmazonEC2", "4.500000"),
    ]


def test_an_unnamed_unit_is_derived_from_the_list_price(
    report: Any, logs: Path, tmp_path: Path
) -> None:
    million = {"line_item_usage_amount": "0.004", "pricing_unit": ""}

    found = report(write_csv_bill(tmp_path / "bill.csv", days(bill_line(**million))), logs)

    assert classes(found) == [("agrees", None, 3)]


def test_usage_without_a_price_is_never_shown_as_free(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = write(tmp_path / "logs.json", as_lines(called("1", modelId="acme.quark-v1:0")))
    bill = write_csv_bill(tmp_path / "bill.csv", [bill_line()])

    assert run("--cur", bill, "--", logs) == 0

    printed = capsys.readouterr().out
    assert "4,000 tokens or units in the logs have no known price" in printed
    assert re.search(r"^2026-09-08 .*acme\.quark .* unpriced +0\.000000", printed, re.MULTILINE)


def test_product_keys_fill_missing_columns(report: Any, logs: Path, tmp_path: Path) -> None:
    keys = {"region": "us-east-1", "pricing_unit": "1K tokens"}
    lines = [
        line | {"product": line["product"] | keys, "line_item_usage_type": "ZZQ9-x-input-tokens"}
        for line in days(bill_line())
    ]
    lines = without(lines, "product_region_code", "pricing_unit")

    assert classes(report(write_csv_bill(tmp_path / "bill.csv", lines), logs)) == [
        ("agrees", None, 3)
    ]


def test_columns_for_single_product_keys_are_read(report: Any, logs: Path, tmp_path: Path) -> None:
    lines = [
        line | {"product_model": "Nova Micro", "product_feature": "On-demand Inference"}
        for line in without(days(bill_line()), "product")
    ]

    assert classes(report(write_csv_bill(tmp_path / "bill.csv", lines), logs)) == [
        ("agrees", None, 3)
    ]


def test_a_bill_without_callers_is_compared_without_them(
    report: Any, logs: Path, tmp_path: Path
) -> None:
    lines = without(days(bill_line()), "line_item_iam_principal", "line_item_resource_id")

    found = report(write_csv_bill(tmp_path / "bill.csv", lines), logs)

    assert classes(found) == [("agrees", None, 3)]
    assert not found["has_identities"]
    assert "INCLUDE_IAM_PRINCIPAL_DATA" in found["notes"][0]
    assert "INCLUDE_RESOURCES" in found["notes"][1]


def test_the_bill_names_the_model_behind_an_application_profile(
    report: Any, tmp_path: Path
) -> None:
    profile = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123"
    logs = write(tmp_path / "logs.json", as_lines(called("1", modelId=profile)))
    bill = write_csv_bill(tmp_path / "bill.csv", [bill_line(line_item_resource_id=profile)])

    found = report(bill, logs)

    assert classes(found) == [("agrees", None, 1)]
    assert found["lines"][0]["model_id"] == "amazon.nova-micro"


def test_only_the_last_run_of_an_export_counts(
    report: Any, logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    month = tmp_path / "cur" / "data" / "BILLING_PERIOD=2026-09"
    for run_id in ("20260928T000000Z-a", "20260929T000000Z-b"):
        write_csv_bill(month / run_id / "bill-00001.csv.gz", days(bill_line()))
    (tmp_path / "cur" / "metadata").mkdir()

    found = report(tmp_path / "cur", logs)

    assert classes(found) == [("agrees", None, 3)]
    assert (found["bill_files"], found["bill_files_left_out"]) == (1, 1)
    assert "1 file of earlier runs of the export left out." in capsys.readouterr().out


def test_the_same_file_named_twice_counts_once(run: Any, logs: Path, tmp_path: Path) -> None:
    bill = write_csv_bill(tmp_path / "bill.csv", days(bill_line()))
    out = tmp_path / "out.json"

    assert run("--cur", bill, bill, "--out", out, "--", logs) == 0

    assert classes(json.loads(out.read_text())) == [("agrees", None, 3)]


def test_standard_output_has_only_the_json(
    run: Any, logs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bill = write_csv_bill(tmp_path / "bill.csv", days(bill_line()))

    assert run("--cur", bill, "--out", "/dev/stdout", "--", logs) == 0

    assert json.loads(capfd.readouterr().out)["bill_lines"] == 3


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (without([bill_line()], "line_item_usage_amount"), "lacks line_item_usage_amount"),
        (without([bill_line()], "product"), "lacks product"),
        ([{"lineItem/UsageType": "USE1-NovaMicro-input-tokens"}], "legacy Cost and Usage Report"),
        ([bill_line(line_item_currency_code="CNY")], "the bill is in CNY"),
        (
            [bill_line(line_item_usage_end_date="2026-10-01T00:00:00.000Z")],
            "TIME_GRANULARITY DAILY or HOURLY",
        ),
    ],
)
def test_a_bill_that_cannot_be_compared_is_refused(
    run: Any,
    logs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    lines: list[dict[str, Any]],
    complaint: str,
) -> None:
    bill = write_csv_bill(tmp_path / "bill.csv", lines)

    assert run("--cur", bill, "--", logs) == 2

    printed = capsys.readouterr().err
    assert complaint in printed
    assert ".." not in printed


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "nowhere: No such file or directory."),
        ("bill.txt", "bill.txt: name a file that ends in .csv, .csv.gz or .parquet."),
    ],
)
def test_a_path_without_a_bill_is_refused_like_a_path_without_logs(
    run: Any,
    logs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    message: str,
) -> None:
    (tmp_path / "bill.txt").touch()

    assert run("--cur", tmp_path / name, "--", logs) == 2

    assert capsys.readouterr().err.endswith(f"{message}\n")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bill.parquet", b"PAR1 not parquet"),
        ("bill.csv", b""),
        ("bill.csv", b"a,a\n1,2\n"),
        ("bill.csv.gz", b"\x1f\x8b\x08\x00broken"),
        ("bill.csv", b"\xff\xfe\x00"),
        ("bill.txt", b"line_item_usage_type\n"),
    ],
)
def test_damaged_files_are_refused_in_one_line(
    run: Any,
    logs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes,
) -> None:
    (tmp_path / name).write_bytes(content)

    assert run("--cur", tmp_path / name, "--", logs) == 2

    assert capsys.readouterr().err.count("\n") == 1


def test_a_broken_line_is_not_quoted(
    run: Any, logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bill = write_csv_bill(tmp_path / "bill.csv", [bill_line()])
    bill.write_bytes(bill.read_bytes() + b'"XyzzyMarker,\n')

    assert run("--cur", bill, "--", logs) == 2

    printed = capsys.readouterr()
    assert "XyzzyMarker" not in printed.out + printed.err


def test_skipped_log_files_are_counted(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "logs", tmp_path / "out.json"
    write(folder / "a.json", as_lines(called("1")))
    write(folder / "notes.txt", "not a log")
    bill = write_csv_bill(tmp_path / "bill.csv", [bill_line()])

    assert run("--cur", bill, "--out", out, "--", folder) == 0

    files = json.loads(out.read_text())["files"]
    assert (files["read"], files["skipped"][0]["reason"]) == (1, "not_a_log")
    assert "1 file read. 1 file was not:" in capsys.readouterr().out


def test_nothing_to_compare_is_an_error(
    run: Any, logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bill = write_csv_bill(tmp_path / "bill.csv", [bill_line()])
    noise = write(tmp_path / "noise.json", b"{}\n")

    assert run() == 2
    assert run("--cur", bill, "--", noise) == 2
    assert run("--cur", tmp_path / "none", "--", logs) == 2
    assert run("--cur", tmp_path / "noise.json", "--", logs) == 2
    assert run("--cur", bill, "--out", bill, "--", logs) == 2
    assert run("--cur", bill, "--out", tmp_path / "none" / "out.json", "--", logs) == 2
    (tmp_path / "empty").mkdir()
    assert run("--cur", tmp_path / "empty", "--", logs) == 2
    header = write_csv_bill(tmp_path / "header.csv", [bill_line()])
    header.write_text(header.read_text().partition("\n")[0] + "\n")
    assert run("--cur", header, "--", logs) == 2

    assert "none of this looks like an invocation log" in capsys.readouterr().err


def test_a_map_column_with_invalid_json_is_skipped(report: Any, logs: Path, tmp_path: Path) -> None:
    bill = write_csv_bill(tmp_path / "bill.csv", days(bill_line()))
    text = bill.read_text().replace('{""model"": ""Nova Micro""', '{""model"": ')
    bill.write_text(text)

    assert classes(report(bill, logs)) == [("agrees", None, 3)]
