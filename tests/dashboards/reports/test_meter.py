"""`make meter`, from the command line to the summary that other programs rely on."""

import gzip
import io
import json
import os
import re
import subprocess
from collections import Counter, defaultdict
from decimal import Decimal
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cdk.config import Config
from dashboards.command_line.commands.meter import FIELDS
from dashboards.reports import meter, temporary_store
from dashboards.reports.commands import meter_files
from dashboards.reports.local_meter import open_local_meter
from dashboards.reports.logs.log_files import find_log_files
from dashboards.reports.usage_json import summary_json
from dashboards.reports.usage_notes import REJECTION_MEANINGS
from dashboards.reports.usage_report import Grouping, print_report
from lambdas.domain.invocations import RejectionReason
from lambdas.domain.invocations.short_names import shorten_identity
from lambdas.domain.pricing import UNPRICED_MEANINGS, Unpriced
from lambdas.domain.usage import GroupField
from tests.builders import NOON
from tests.command_line import BEDROCK_METER, run_command
from tests.invocation_logs import as_lines, log, write

FIXTURES = Path(__file__).parents[2] / "fixtures"
ANA = "arn:aws:iam::111122223333:user/ana"
BEN = "arn:aws:iam::111122223333:user/ben"
SONNET_4 = "anthropic.claude-sonnet-4-20250514-v1:0"


@pytest.fixture
def run() -> Any:
    """Run the command with arguments; returns its exit code."""
    return partial(run_command, "meter")


@pytest.fixture
def summarize(run: Any, tmp_path: Path) -> Any:
    """Meter some paths; returns the summary."""

    def summarize_paths(*logs: Path) -> Any:
        out = tmp_path / "out" / "summary.json"
        out.parent.mkdir(exist_ok=True)
        assert run(*logs, "--out", out) == 0
        assert list(out.parent.iterdir()) == [out]
        return json.loads(out.read_text())

    return summarize_paths


def test_the_summary_keeps_its_contract(summarize: Any, tmp_path: Path) -> None:
    logs = write(
        tmp_path / "logs.json",
        b"Permissions are correctly set for Amazon Bedrock logs.\n"
        + as_lines(
            log("1", input={"inputTokenCount": 3, "cacheReadInputTokenCount": 7}),
            log("1", input={"inputTokenCount": 3, "cacheReadInputTokenCount": 7}),
            log("2", errorCode="ModelStreamErrorException"),
            log("3", identity={}, modelId="us.anthropic.claude-sonnet-4-6", input={}, output={}),
        )
        + b"\n\n{ not json\n",
    )
    figures = {
        "invocations": 1,
        "invocation_errors": 1,
        "input_tokens": 3,
        "cache_read_tokens": 7,
        "cache_write_tokens": 0,
        "output_tokens": 5,
        "total_tokens": 15,
        "quota_tokens": 8,
        "failed_tokens": 15,
        "records_missing_counts": 0,
        "records_missing_output": 0,
        "ambiguous_invocations": 0,
        "unverified_invocations": 0,
        "cost_usd": None,
        "unpriced_invocations": 1,  # there is no price of cache reads of this model
        "assumed_price_invocations": 0,
        "assumed_cost_usd": "0",
    }
    unknown = dict.fromkeys(figures, 0) | {
        "invocations": 1,
        "records_missing_counts": 1,
        "cost_usd": None,
        "unpriced_invocations": 1,
        "assumed_cost_usd": "0",
    }
    assert summarize(logs) == {
        "version": 1,
        "records": {
            "read": 6,
            "counted": 3,
            "duplicates": 1,
            "conflicting_duplicates": 0,
            "ignored": 1,
            "rejected": 1,
        },
        "files": {"read": 1, "skipped": []},
        "unpriced": {"no_counts": 1, "no_price_of_a_kind": 1},
        "coverage": {
            "start": "2026-09-08T12:10:33+00:00",
            "end": "2026-09-08T12:10:33+00:00",
            "account_ids": ["111122223333"],
            "regions": ["us-east-1"],
        },
        "by_identity": [
            {"identity_arn": ANA} | figures,
            {"identity_arn": "unknown"} | unknown,
        ],
        "by_model": [
            {"model_id": "anthropic.claude-3-haiku-20240307-v1:0"} | figures,
            {"model_id": "anthropic.claude-sonnet-4-6"} | unknown,
        ],
        "rejected": [{"source": str(logs), "line": 6, "code": "not_json"}],
    }


CASES = FIXTURES / "cases"


def get_totals(summary: Any) -> tuple[int, ...]:
    """Calls, input tokens and output tokens."""
    columns = ("invocations", "input_tokens", "output_tokens")
    return tuple(sum(row[column] for row in summary["by_model"]) for column in columns)


MIXED = CASES / "10-files-skipped-silently" / "mixed"


@pytest.mark.parametrize("compression", ["as it is", "compressed once more by Firehose"])
def test_a_folder_of_firehose_objects_with_default_names_is_read(
    summarize: Any, tmp_path: Path, compression: str
) -> None:
    folder = tmp_path / "2026" / "11" / "20" / "10"
    folder.mkdir(parents=True)
    for source in MIXED.glob("bedrock-logs-*"):
        content = source.read_bytes()
        is_twice = compression != "as it is"
        (folder / source.name).write_bytes(gzip.compress(content) if is_twice else content)
    summary = summarize(tmp_path / "2026")
    assert get_totals(summary) == (4, 400, 40)
    assert summary["records"]["ignored"] == 2  # a control message in each object
    assert summary["records"]["duplicates"] == 4  # both objects hold the same calls
    assert summary["files"] == {"read": 2, "skipped": []}


def test_a_named_firehose_object_is_read(summarize: Any) -> None:
    summary = summarize(MIXED / "bedrock-logs-1-2026-11-20-10-00-00-0a1b2c3d")
    assert get_totals(summary) == (4, 400, 40)
    assert summary["records"]["ignored"] == 1


def test_firehose_objects_are_read_beside_other_logs(summarize: Any) -> None:
    summary = summarize(MIXED)
    assert summary["files"]["read"] == 3
    assert summary["records"]["counted"] == 4 + 2


@pytest.mark.parametrize("part", ["", "export", "export/0123-task", "input.ndjson"])
def test_an_export_of_a_log_group_is_read(summarize: Any, part: str) -> None:
    case = CASES / "10b-create-export-task"
    if part == "":
        part = "export/0123-task/aws-bedrock-modelinvocations/000000.gz"
    summary = summarize(case / part)
    assert get_totals(summary) == (3, 300, 30)
    assert summary["records"]["ignored"] == 1
    assert summary["records"]["rejected"] == 0


def test_files_that_were_not_read_are_counted_by_reason(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = tmp_path / "logs"
    write(logs / "a.json", as_lines(log()))
    write(logs / "notes.txt", "not a log")
    write(logs / "settings.json", '{"model": "none"}')
    write(logs / "nothing.log.gz", "")
    write(logs / "data" / "request-1_input.json.gz", '{"messages": []}')
    write(logs / "export" / "aws-logs-write-test", "Permission Check Successful")
    os.mkfifo(logs / "pipe.json")
    (logs / "loop").symlink_to(logs)
    (logs / "nowhere.json").symlink_to(tmp_path / "gone.json")
    (logs / "round.json").symlink_to(logs / "round.json")
    out = tmp_path / "summary.json"
    assert run(logs, "--out", out) == 0
    files = json.loads(out.read_text())["files"]
    assert files["read"] == 1
    assert {group["reason"]: group["files"] for group in files["skipped"]} == {
        "not_a_log": 2,
        "empty": 1,
        "body": 1,
        "permission_check": 1,
        "link": 3,
        "not_a_file": 1,
    }
    printed = capsys.readouterr().out
    assert "1 file read. 9 files were not:" in printed
    assert f"  not an invocation log: 2 ({logs}/notes.txt, {logs}/settings.json)" in printed


def test_many_skipped_files_are_counted_and_a_few_are_named(
    summarize: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = tmp_path / "logs"
    write(logs / "a.json", as_lines(log()))
    for number in range(9):
        write(logs / "data" / f"{number}_input.json", "{}")
    ((group),) = summarize(logs)["files"]["skipped"]
    assert (group["reason"], group["files"], len(group["examples"])) == ("body", 9, 5)
    assert "4_input.json, ...)" in capsys.readouterr().out


@pytest.mark.parametrize("is_named", [False, True], ids=["in a folder", "named"])
def test_a_damaged_file_fails_the_command_and_loses_no_other_file(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], is_named: bool
) -> None:
    logs = tmp_path / "logs"
    named = [logs / name for name in ("a.json", "b.json.gz", "c.json")] if is_named else [logs]
    write(logs / "a.json", as_lines(log("1")))
    whole = gzip.compress(as_lines(*[log(f"cut-{n}", text="x" * n) for n in range(3000)]))
    (logs / "b.json.gz").write_bytes(whole[:-20])
    write(logs / "c.json", as_lines(log("2")))
    out = tmp_path / "summary.json"
    assert run(*named, "--out", out) == 3
    printed = capsys.readouterr()
    assert "meter: 1 of the files and folders could not be read to the end" in printed.err
    assert "b.json.gz: the gzip data is damaged or cut off" in printed.err
    assert "Identity" in printed.out
    assert "2 files read. 1 file was not:" in printed.out
    summary = json.loads(out.read_text())
    assert summary["records"]["counted"] > 2900
    assert summary["files"]["read"] == 2
    assert summary["files"]["skipped"][0]["reason"] == "unreadable"


def test_names_of_skipped_files_are_printed_without_control_characters(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = tmp_path / "logs"
    write(logs / "a.json", as_lines(log()))
    for name in (b"evil\x1b]0;owned\x07.txt", b"two\nlines.txt", b"bytes\xff\xfe.txt"):
        Path(os.fsdecode(bytes(logs) + b"/" + name)).write_bytes(b"no log")
    assert run(logs, "--out", tmp_path / "summary.json") == 0
    printed = capsys.readouterr().out
    assert not {"\x1b", "\x07"} & set(printed)
    assert "two\nlines" not in printed
    assert json.loads((tmp_path / "summary.json").read_text())["files"]["skipped"][0]["files"] == 3


def test_the_order_of_conflicting_readings_changes_nothing(summarize: Any, tmp_path: Path) -> None:
    other: dict[str, Any] = {
        "identity": {"arn": BEN},
        "modelId": SONNET_4,
        "errorCode": "ThrottlingException",
    }
    lines = [
        log(),
        log(input={"inputTokenCount": 70}),
        log(input={"inputTokenCount": 100}, timestamp="2026-09-09T00:00:00Z"),
        log() | other,
    ]
    summaries = [
        summarize(
            write(tmp_path / "a.json", as_lines(*order[:2], order[1])),
            write(tmp_path / "b.json", as_lines(*order[2:])),
        )
        for order in permutations(lines)
    ]
    assert all(summary == summaries[0] for summary in summaries)
    assert summaries[0]["records"]["duplicates"] == 4
    assert summaries[0]["records"]["conflicting_duplicates"] == 3
    ((caller,), (model,)) = (summaries[0][part] for part in ("by_identity", "by_model"))
    assert (caller["identity_arn"], caller["total_tokens"]) == ("conflicting", 105)
    assert (model["model_id"], model["invocations"]) == (SONNET_4, 1)


def test_conflicting_duplicates_are_explained(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = write(tmp_path / "a.json", as_lines(log(), log(identity={"arn": BEN})))
    assert run(logs) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "1 conflicting duplicate: the larger of each count is used" in printed


def test_every_record_read_is_accounted_for(summarize: Any) -> None:
    records = summarize(FIXTURES / "invocation-logs.ndjson", FIXTURES / "invocation-logs.ndjson")[
        "records"
    ]
    assert records["read"] == 130
    assert records["duplicates"] == records["counted"] == 60
    assert records["read"] == sum(
        records[part] for part in ("counted", "duplicates", "ignored", "rejected")
    )


# Lines of the samples, read off by hand.
CUT_OFF_STREAMS = {41}
TOTALS_THAT_FIT_NOTHING = {33, 34}


@pytest.mark.parametrize(
    ("part", "key"), [("by_identity", "identity_arn"), ("by_model", "model_id")]
)
def test_the_samples_match_totals_counted_by_hand(summarize: Any, part: str, key: str) -> None:
    expected: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for record in json.loads((FIXTURES / "expected-samples.json").read_text()):
        if "rejected" in record:
            continue
        counts = {name: record[name] for name in ("input", "output", "cache_read", "cache_write")}
        known = [count for count in counts.values() if count is not None]
        if record["error_code"]:
            expected[record[key]] += Counter(invocation_errors=1, failed_tokens=sum(known))
            continue
        expected[record[key]] += Counter(
            invocations=1,
            total_tokens=sum(known),
            records_missing_counts=int(counts["input"] is counts["output"] is None),
            records_missing_output=int(record["line"] in CUT_OFF_STREAMS),
            ambiguous_invocations=int(record["line"] in TOTALS_THAT_FIT_NOTHING),
            **{f"{name}_tokens": count or 0 for name, count in counts.items()},
        )
    figures = {row.pop(key): row for row in summarize(FIXTURES / "invocation-logs.ndjson")[part]}
    assert figures.keys() == expected.keys()
    others = {"quota_tokens", "cost_usd", "unpriced_invocations"}
    others |= {"assumed_price_invocations", "assumed_cost_usd"}
    for name, row in figures.items():
        assert (
            Counter({column: row[column] or 0 for column in row if column not in others})
            == expected[name]
        )


# US dollars for a million tokens: input, output, cache reads, cache writes, as AWS lists them.
USD_OF_SAMPLES = {
    "us.anthropic.claude-sonnet-4-20250514-v1:0": "3 15 0.3 3.75",
    "anthropic.claude-sonnet-4-20250514-v1:0": "3 15 0.3 3.75",
    "anthropic.claude-3-haiku-20240307-v1:0": "0.25 1.25",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0": "3.3 16.5 0.33 4.125",
    "anthropic.claude-v2": "8 24",
    "global.anthropic.claude-opus-4-6-v1": "5 25 0.5 6.25",
    "us.anthropic.claude-opus-4-6-v1": "5.5 27.5 0.55 6.875",
    "amazon.nova-pro-v1:0": "0.8 3.2 0.2",
    "apac.amazon.nova-micro-v1:0": "0.042 0.168 0.0105",
    "global.anthropic.claude-haiku-4-5-20251001-v1:0": "1 5 0.1 1.25",
    "meta.llama3-1-405b-instruct-v1:0": "2.4 2.4",
    "amazon.nova-lite-v1:0": "0.06 0.24 0.015",
    "amazon.titan-text-express-v1": "0.2 0.6",
    "anthropic.claude-3-5-sonnet-20240620-v1:0": "3 15 0.3 3.75",
    "cohere.command-r-plus-v1:0": "3 15",
}


# US dollars for a text unit of a guardrail, as AWS lists them; word filters are free.
USD_OF_GUARDRAILS = {
    "topicPolicyUnits": Decimal("0.00015"),
    "contentPolicyUnits": Decimal("0.00015"),
    "sensitiveInformationPolicyUnits": Decimal("0.0001"),
}


def guardrail_usd(part: Any) -> Decimal:
    """The cost of the units that the assessments of a guardrail report, wherever they stand."""
    if isinstance(part, list):
        return sum(map(guardrail_usd, part), Decimal(0))
    if not isinstance(part, dict):
        return Decimal(0)
    own = (usd * part.get(unit, 0) for unit, usd in USD_OF_GUARDRAILS.items())
    return sum(own, guardrail_usd(list(part.values())))


@pytest.mark.parametrize(
    ("part", "key"), [("by_identity", "identity_arn"), ("by_model", "model_id")]
)
def test_the_samples_match_costs_calculated_by_hand(
    run: Any, tmp_path: Path, part: str, key: str
) -> None:
    lines = (FIXTURES / "invocation-logs.ndjson").read_text().splitlines()
    costs: defaultdict[str, list[Decimal | None]] = defaultdict(list)
    for record in json.loads((FIXTURES / "expected-samples.json").read_text()):
        if "rejected" in record or record["error_code"]:
            continue
        logged = json.loads(lines[record["line"] - 1])
        invoked = logged["modelId"].rpartition("/")[2]
        usd = [Decimal(price) for price in USD_OF_SAMPLES.get(invoked, "").split()]
        counts = [record[field] or 0 for field in ("input", "output", "cache_read", "cache_write")]
        has_tokens = record["input"] is not None or record["output"] is not None
        costs[record[key]].append(
            sum((price * count for price, count in zip(usd, counts, strict=False)), Decimal(0))
            / 10**6
            + guardrail_usd(logged["output"])
            if usd and has_tokens
            else None
        )
    out = tmp_path / "summary.json"
    assert run(FIXTURES / "invocation-logs.ndjson", "--out", out) == 0
    rows = json.loads(out.read_text())[part]
    for row in rows:
        known = [amount for amount in costs[row[key]] if amount is not None]
        assert row["unpriced_invocations"] == costs[row[key]].count(None)
        cost = None if row["cost_usd"] is None else Decimal(row["cost_usd"])
        assert cost == (sum(known, Decimal(0)) if known else None)
    assert sum(row["unpriced_invocations"] for row in rows) == 6


def test_calls_cost_the_contracted_price(tmp_path: Path) -> None:
    record = log(input={"inputTokenCount": 1_000_000}, output={"outputTokenCount": 0})
    logs = write(tmp_path / "logs.json", as_lines(record))
    half = [{"model": "anthropic.*", "effective_from": "2026-01-01", "discount_percent": 50}]
    pricing = Config.from_context({"contracted_prices": half}).pricing
    with open_local_meter(pricing=pricing) as local:
        meter_files(local, find_log_files([logs]))
        ((_, figures),) = local.summary.by_model()
    assert figures.cost_usd == Decimal("0.125")


@pytest.mark.parametrize("content", ['{"events": []}', '{"results": [], "status": "Complete"}'])
def test_a_search_without_results_gives_an_empty_summary(
    summarize: Any, tmp_path: Path, content: str
) -> None:
    summary = summarize(write(tmp_path / "empty.json", content))
    assert summary["records"]["read"] == 0
    assert summary["by_identity"] == summary["rejected"] == []
    assert summary["coverage"] is None


@pytest.mark.parametrize("command", ["meter", "focus", "compare"])
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\x07\x00\x9a\n" * 9, "none of this looks like an invocation log of Amazon Bedrock."),
        (b"", "the files are empty."),
        (gzip.compress(b" \n"), "the files are empty."),
    ],
    ids=["noise", "empty", "empty and compressed"],
)
def test_no_log_at_all_is_an_error_that_names_the_formats_and_writes_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    content: bytes,
    complaint: str,
) -> None:
    logs = tmp_path / "random.bin"
    out = tmp_path / ("out.csv" if command == "focus" else "out.json")
    logs.write_bytes(content)
    assert run_command(command, logs, "--out", out) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"{command}: {complaint}")
    assert "Expected: JSON lines" in printed.err
    assert not out.exists()


def test_tables_show_totals_and_reasons(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(FIXTURES / "invocation-logs.ndjson") == 0
    printed = capsys.readouterr().out
    assert "111122667777 user/dario" in printed
    assert "130,447" in printed
    assert (
        "65 lines read: 56 calls and 4 failed calls counted, 0 duplicates, 0 ignored, 5 rejected."
        in printed
    )
    table = (FIXTURES.parents[1] / "README.md").read_text().split("```")[3].strip("\n")
    assert table in "\n".join(line.rstrip() for line in printed.splitlines())
    assert "Rejected: 3 bad_timestamp (without a readable timestamp), 2 no_request_id" in printed
    assert "invocation-logs.ndjson, line 43: no_request_id" in printed


CUT_OFF: dict[str, Any] = {
    "operation": "ConverseStream",
    "input": {"inputTokenCount": 3},
    "output": {},
}


def test_an_unknown_output_is_not_shown_as_zero(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = write(tmp_path / "logs.json", as_lines(log("1", **CUT_OFF), log("2", **CUT_OFF)))
    assert run(logs) == 0
    shown = capsys.readouterr().out
    assert "No output" in shown
    (row,) = [line.split() for line in shown.splitlines() if line.startswith("anthropic.")]
    # calls, cost, total, input, output, no output
    assert row[1:7] == ["2", "<$0.0001", "6", "6", "-", "2"]
    assert "2 calls without an output count" in shown


def test_the_column_for_missing_outputs_is_shown_only_if_needed(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(write(tmp_path / "logs.json", as_lines(log("1")))) == 0
    assert "No output" not in capsys.readouterr().out


def test_a_model_named_by_a_stream_behind_a_profile_has_an_assumed_price(summarize: Any) -> None:
    summary = summarize(CASES / "12-app-profile-1h-writes-in-stream" / "input.ndjson")
    (row,) = summary["by_model"]
    assert row["model_id"] == "anthropic.claude-opus-4-8"
    assert (row["invocations"], row["unpriced_invocations"]) == (2, 0)
    assert row["assumed_price_invocations"] == 1
    listed_usd = Decimal(row["cost_usd"]) - Decimal(row["assumed_cost_usd"])
    assert listed_usd == pytest.approx(Decimal("0.210015"), abs=Decimal("0.000002"))


def test_doubtful_usage_is_counted_and_explained(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = {"inputTokens": 3, "outputTokens": 5, "totalTokens": 99}
    ambiguous = log("1", output={"outputBodyJson": {"usage": usage}})
    request = {"inputTokenCount": 9, "cacheReadInputTokenCount": 7}
    unverified = log("2", modelId="openai.gpt-5.6-luna", operation="ConverseStream", input=request)
    logs, out = write(tmp_path / "logs.json", as_lines(ambiguous, unverified)), tmp_path / "o.json"
    assert run(logs, "--out", out) == 0
    shown = capsys.readouterr().out
    assert "1 call with ambiguous usage" in shown
    assert "1 call with unverified usage" in shown
    rows = {row["model_id"]: row for row in json.loads(out.read_text())["by_model"]}
    assert rows["openai.gpt-5.6-luna"]["unverified_invocations"] == 1
    assert rows["openai.gpt-5.6-luna"]["input_tokens"] == 2
    assert sum(row["ambiguous_invocations"] for row in rows.values()) == 1


def test_costs_with_different_meanings_look_different(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    used: dict[str, dict[str, Any]] = {
        "priced": {"input": {"inputTokenCount": 4_000_000}},
        "tiny": {"input": {"inputTokenCount": 1}},
        "free": {"input": {"inputTokenCount": 0}},
        "assumed": {"input": {"inputTokenCount": 4_000_000}, "region": "xx-new-1"},
        "unknown": {"modelId": "a.b"},
        "failed": {"errorCode": "ThrottlingException"},
    }
    logs = [
        log(name) | {"output": {"outputTokenCount": 0}, "identity": {"arn": name}} | changes
        for name, changes in used.items()
    ]
    out = tmp_path / "summary.json"
    assert run(write(tmp_path / "logs.json", as_lines(*logs)), "--out", out) == 0
    printed = capsys.readouterr().out
    cells = {
        line.split()[0]: line.split()[2] for line in printed.splitlines() if len(line.split()) > 2
    }
    rows = {row["identity_arn"]: row for row in json.loads(out.read_text())["by_identity"]}
    assumed = Decimal(rows["assumed"]["cost_usd"])
    assert assumed >= 1
    assert {name: cells[name] for name in used} == {
        "priced": "$1.00",
        "tiny": "<$0.01",
        "free": "$0",
        "assumed": f"~${assumed:.2f}",
        "unknown": "unpriced",
        "failed": "-",
    }
    assert rows["assumed"]["assumed_price_invocations"] == 1
    assert Decimal(rows["assumed"]["assumed_cost_usd"]) == assumed
    legend = printed.partition("unpriced  the cost is not known")[0].splitlines()[-3:]
    assert [line.split()[0] for line in legend] == ["$0", "<$0.01", "~"]
    assert "  1 no_price: no price is known for the model (a.b: 1)" in printed
    assert f"1 call at an assumed price, ~${assumed:.2f}: their Region has no listed" in printed
    assert "(anthropic.claude-3-haiku-20240307-v1:0 in xx-new-1: 1)" in printed


def test_a_profile_without_a_price_is_explained_and_a_contracted_price_applies_to_it(
    run: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    profile = "application-inference-profile/ab12cd34ef56"
    arn = f"arn:aws:bedrock:us-east-1:111122223333:{profile}"
    logs = write(tmp_path / "logs.json", as_lines(log(modelId=arn)))
    assert run(logs) == 0
    printed = capsys.readouterr().out
    assert f"no price is known for the model ({profile}: 1)" in printed
    assert "A deployment asks Bedrock for it, and then has its price." in printed
    assert "contracted_prices in cdk.json" in printed
    rates = {"input": 1_000_000, "output": 0}
    price = {"model": profile, "effective_from": "2026-01-01", "usd_per_million": rates}
    config = Config.from_context({"contracted_prices": [price]})
    monkeypatch.setattr(meter, "read_config", lambda: config)
    assert run(logs) == 0
    priced = capsys.readouterr().out
    assert "$10.00" in priced
    assert "contracted_prices" not in priced


def test_the_period_accounts_and_regions_are_shown(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = [
        log("1", timestamp="2026-09-08T12:10:33Z"),
        log("2", timestamp="2026-09-08T12:10:33.500Z", region="eu-west-1"),
        log("3", timestamp="2026-08-31T23:00:00-02:00", accountId="444455556666"),
    ]
    assert run(write(tmp_path / "logs.json", as_lines(*logs))) == 0
    shown = (
        "2026-09-01 01:00:00 to 2026-09-08 12:10:33 UTC (8 calendar days),"
        " 2 accounts (111122223333, 444455556666), 2 Regions (eu-west-1, us-east-1)"
    )
    assert " ".join(capsys.readouterr().out.split()).startswith(shown)


@pytest.mark.parametrize(
    ("timestamp", "warning"),
    [
        ("2199-01-01T00:00:00Z", "dated in the future, such as 2199-01-01 00:00:00 UTC"),
        ("2001-01-01T00:00:00Z", "dated before Bedrock existed, such as 2001-01-01 00:00:00 UTC"),
    ],
)
def test_calls_with_an_impossible_time_are_counted_and_named(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], timestamp: str, warning: str
) -> None:
    logs = [log("1"), log("2", timestamp=timestamp)]
    assert run(write(tmp_path / "logs.json", as_lines(*logs))) == 0
    printed = capsys.readouterr().out
    assert "2 calls counted" in printed
    assert f"There are calls {warning}: a clock was wrong." in printed


def test_failed_calls_are_named_beside_the_counted_ones(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = [log("1"), log("2", errorCode="ThrottlingException")]
    assert run(write(tmp_path / "logs.json", as_lines(*logs))) == 0
    printed = capsys.readouterr().out
    assert "1 call and 1 failed call counted, 0 duplicates" in printed
    (row,) = (line.split() for line in printed.splitlines() if line.startswith("anthropic."))
    assert row[1:4] == ["1", "<$0.0001", "1"]  # calls, cost, failed


def test_every_reason_is_explained() -> None:
    assert set(UNPRICED_MEANINGS) == set(Unpriced)
    assert set(REJECTION_MEANINGS) == set(RejectionReason)


def test_a_log_of_only_rejected_records_gets_a_hint(
    run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(FIXTURES / "response-bodies.ndjson") == 2
    printed = capsys.readouterr()
    assert "none of this looks like an invocation log" in printed.err
    assert "Rejected: 57 " in printed.err
    assert "aws logs filter-log-events" in printed.err


@pytest.mark.parametrize("width", [50, 80, 100, 120, 200])
def test_a_narrow_terminal_truncates_no_number_and_no_name(width: int) -> None:
    with open_local_meter() as local, io.StringIO() as text:
        meter_files(local, find_log_files([FIXTURES / "invocation-logs.ndjson"]))
        print_report(local, Console(file=text, width=width), now=NOON)
        printed = text.getvalue()
    lines = printed.splitlines()
    assert "\N{HORIZONTAL ELLIPSIS}" not in printed
    assert max(map(len, lines[:20])) <= width
    (dario,) = [line for line in lines if line.startswith("111122667777 user/dario")]
    assert "130,447" in dario.split()


def test_without_a_terminal_tables_have_120_columns_and_the_cost_first(
    run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(FIXTURES / "invocation-logs.ndjson") == 0
    tables = capsys.readouterr().out.partition("\nIdentity ")[2].partition("65 lines read")[0]
    assert max(map(len, tables.splitlines())) <= 120
    (models,) = (line for line in tables.splitlines() if line.startswith("Model "))
    assert models.split()[1:3] == ["Calls", "Cost"]
    (left_out, _) = re.findall(r"a wider terminal or --out shows (.*)\)", tables)
    shown = ["Cache read", "Cache write", "No output", "Quota tokens", "Failed tokens", "No counts"]
    assert left_out.split(", ") == shown


def test_years_are_shown_with_four_digits(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = write(tmp_path / "logs.json", as_lines(log(timestamp="0001-01-01T00:00:00Z")))
    assert run(logs) == 0
    assert "0001-01-01 00:00:00 to 0001-01-01 00:00:00 UTC" in capsys.readouterr().out


def test_names_are_printed_without_control_characters(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "[red]\x1b]0;owned\x07\u202e" + "x" * 1000
    logs = write(tmp_path / "logs.json", as_lines(log(identity={"arn": hostile})))
    assert run(logs) == 0
    printed = capsys.readouterr().out
    assert "[red]" in printed
    assert not {"\x1b", "\x07", "\u202e"} & set(printed)


def test_long_names_push_no_columns_off_the_screen(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = log("1", identity={"arn": "x" * 100_000}, modelId="y" * 100_000)
    assert run(write(tmp_path / "logs.json", as_lines(long, log("2", identity={"arn": ANA})))) == 0
    printed = capsys.readouterr().out
    assert "user/ana" in printed
    assert "..." in printed
    assert printed.count("x") + printed.count("y") < 1000


def test_a_name_that_repeats_a_sign_in_role_takes_no_extra_time() -> None:
    role = "role/AWSReservedSSO_"
    arn = f"arn:aws:sts::111122223333:federated-user/{role * 50_000}"
    assert shorten_identity(arn).endswith(role)
    signed_in = f"assumed-role/{role.partition('/')[2]}Dev_0123456789abcdef/ana"
    assert shorten_identity(f"arn:aws:sts::111122223333:{signed_in}") == "111122223333 SSO Dev/ana"


def test_only_the_largest_of_many_identities_are_shown(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = [log(str(number), identity={"arn": f"identity-{number:03}"}) for number in range(40)]
    assert run(write(tmp_path / "logs.json", as_lines(*logs))) == 0
    printed = capsys.readouterr().out
    assert "identity-024" in printed
    assert "identity-025" not in printed
    (rest,) = [line for line in printed.splitlines() if line.startswith("15 more")]
    assert rest.split() == ["15", "more", "15", "$0.0001", "225", "150", "75", "225"]


def test_the_most_costly_come_first_and_unpriced_calls_last(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many, few = {"inputTokenCount": 9_000}, {"inputTokenCount": 4_000}
    logs = [
        log("1", identity={"arn": "cheap"}, input=many),
        log("2", identity={"arn": "dear"}, input=few, modelId=SONNET_4),
        log("3", identity={"arn": "unknown-price"}, input=many, modelId="a.b"),
    ]
    assert run(write(tmp_path / "logs.json", as_lines(*logs))) == 0
    lines = capsys.readouterr().out.partition("Identity ")[2].splitlines()[1:5]
    assert [line.split()[0] for line in lines] == ["dear", "cheap", "unknown-price", "All"]


BY_DAY = [
    log("1", timestamp="2026-01-31T23:59:59Z", region="eu-west-1"),
    log("2", timestamp="2026-02-01T00:00:00Z"),
    log("3", timestamp="2026-02-28T01:00:00Z", accountId="444455556666", identity={"arn": BEN}),
    log("4", timestamp="2026-02-28T01:00:00Z", modelId=SONNET_4),
]


@pytest.mark.parametrize(
    ("fields", "rows"),
    [
        (["month"], [["2026-01 (from 01-31)", "1"], ["2026-02", "3"]]),
        (["day"], [["2026-01-31", "1"], ["2026-02-01", "1"], ["2026-02-28", "2"]]),
        (["account"], [["111122223333", "3"], ["444455556666", "1"]]),
        (["region"], [["us-east-1", "3"], ["eu-west-1", "1"]]),
        (["project"], [["search", "3"], ["unattributed", "1"]]),
        (
            ["month", "project"],
            [
                ["2026-01 (from 01-31)", "search", "1"],
                ["2026-02", "search", "2"],
                ["2026-02", "unattributed", "1"],
            ],
        ),
    ],
)
def test_usage_is_grouped_by_fields_on_request(
    run: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fields: list[str],
    rows: list[list[str]],
) -> None:
    pattern = {
        "account_id": "111122223333",
        "principal": "user/ana",
        "effective_from": "2026-01-01T00:00:00Z",
        "project": "search",
    }
    config = Config.from_context({"attribution": {"patterns": [pattern]}})
    monkeypatch.setattr(meter, "read_config", lambda: config)
    logs, out = write(tmp_path / "logs.json", as_lines(*BY_DAY)), tmp_path / "summary.json"
    options = [part for field in fields for part in ("--by", field)]
    assert run(logs, *options, "--out", out) == 0
    heading = " ".join(field.capitalize() for field in fields)
    printed = capsys.readouterr().out.splitlines()
    (start,) = [
        place for place, line in enumerate(printed) if " ".join(line.split()).startswith(heading)
    ]
    cells = [re.split(r"  +", line.strip()) for line in printed[start + 1 :][: len(rows)]]
    shown = [line[: len(fields) + 1] for line in cells]
    assert shown == rows
    assert not any(line.startswith("Identity") for line in printed)
    groups = json.loads(out.read_text())["groups"]
    keys = ["account_id" if field == "account" else field for field in fields]
    written = [[*(group[key] for key in keys), str(group["invocations"])] for group in groups]
    assert sorted(written) == sorted([row[0].partition(" (")[0], *row[1:]] for row in rows)


def test_every_field_can_be_asked_for() -> None:
    assert tuple(GroupField) == FIELDS


def test_rows_past_the_first_are_one_in_each_period(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = [
        log(f"{month}-{number}", timestamp=f"2026-0{month}-01T00:00:00Z", identity={"arn": f"{n}"})
        for month in (1, 2)
        for number, n in enumerate(["a", "a", "b", "c"])
    ]
    path = write(tmp_path / "logs.json", as_lines(*logs))
    assert run(path, "--by", "month", "--by", "identity", "--top", "1") == 0
    table = capsys.readouterr().out.partition("Month ")[2].splitlines()[1:8]
    part = "2026-02 (to 02-01)"
    assert [re.split(r"  +", line.strip())[:5] for line in table] == [
        ["2026-01", "a", "2", "<$0.0001", "30"],
        ["2026-01", "2 more", "2", "<$0.0001", "30"],
        ["2026-01", "all", "4", "<$0.0001", "60"],
        [part, "a", "2", "<$0.0001", "30"],
        [part, "2 more", "2", "<$0.0001", "30"],
        [part, "all", "4", "<$0.0001", "60"],
        ["All", "8", "<$0.0001", "120", "80"],
    ]


@pytest.mark.parametrize(
    ("top", "shown"), [("3", ["a", "b", "c", "d", "All"]), ("2", ["a", "b", "2 more", "All"])]
)
def test_a_single_row_past_the_first_ones_is_named(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], top: str, shown: list[str]
) -> None:
    logs = [log(name, identity={"arn": name}) for name in "abcd"]
    assert run(write(tmp_path / "logs.json", as_lines(*logs)), "--top", top) == 0
    table = capsys.readouterr().out.partition("Identity ")[2].splitlines()[1 : len(shown) + 1]
    assert [re.split(r"  +", line)[0] for line in table] == shown


@pytest.mark.parametrize("width", [80, 200])
def test_two_users_with_one_name_have_different_rows(tmp_path: Path, width: int) -> None:
    users = [f"arn:aws:iam::111122223333:user/{path}/bob" for path in ("sales", "support")]
    users.append("arn:aws:iam::111122223333:user/sales/ana")
    made = [log(str(number), identity={"arn": arn}) for number, arn in enumerate(users)]
    with open_local_meter() as local, io.StringIO() as text:
        meter_files(local, find_log_files([write(tmp_path / "logs.json", as_lines(*made))]))
        print_report(local, Console(file=text, width=width), now=NOON)
        table = text.getvalue().partition("Identity")[2].partition("All")[0]
    names = "".join(line.split("  ")[0].strip() for line in table.splitlines()[1:])
    assert all(user in names for user in users[:2])
    assert "111122223333 user/ana" in names


def test_an_open_month_and_day_are_marked_in_tables_and_json(tmp_path: Path) -> None:
    days = ("2026-07-31T10:00:00Z", "2026-08-01T10:00:00Z", f"{NOON:%Y-%m-%d}T11:30:00Z")
    made = [log(str(number), timestamp=day) for number, day in enumerate(days)]
    both = (GroupField.MONTH, GroupField.DAY)
    with open_local_meter() as local, io.StringIO() as text:
        meter_files(local, find_log_files([write(tmp_path / "logs.json", as_lines(*made))]))
        print_report(local, Console(file=text, width=200), Grouping(both), now=NOON)
        printed = text.getvalue()
        by_month = json.loads("".join(summary_json(local, both[:1], now=NOON)))["groups"]
        by_day = json.loads("".join(summary_json(local, both, now=NOON)))["groups"]
    assert re.findall(r"^(2026.*?)  +(2026\S*(?: \(.*?\))?)", printed, re.MULTILINE) == [
        ("2026-07 (from 07-31)", "2026-07-31"),
        ("2026-08", "2026-08-01"),
        ("2026-09 (to 09-08)", "2026-09-08 (to 11:30)"),
    ]
    covered = {
        row["month"]: (row["first_day"], row["last_day"], row["is_partial"]) for row in by_month
    }
    assert covered == {
        "2026-07": ("2026-07-31", "2026-07-31", True),
        "2026-08": ("2026-08-01", "2026-08-31", False),
        "2026-09": ("2026-09-01", "2026-09-08", True),
    }
    assert {row["day"]: row["is_partial"] for row in by_day} == {
        "2026-07-31": False,
        "2026-08-01": False,
        "2026-09-08": True,
    }


@pytest.mark.parametrize("width", [80, 120, 160])
def test_names_are_broken_between_their_parts(width: int, tmp_path: Path) -> None:
    arn = "arn:aws:sts::111122223333:assumed-role/invoice-extraction-pipeline/hugo@example.com"
    logs = write(tmp_path / "logs.json", as_lines(log(identity={"arn": arn})))
    with open_local_meter() as local, io.StringIO() as text:
        meter_files(local, find_log_files([logs]))
        print_report(local, Console(file=text, width=width), now=NOON)
        printed = text.getvalue()
    assert "hugo@example.com" in printed
    assert max(map(len, printed.partition("Identity")[2].splitlines()[:8])) <= width


@pytest.mark.parametrize(
    "content",
    [
        {
            "results": [
                [
                    {"field": "@timestamp", "value": "2026-09-08 12:10:33.000"},
                    {"field": "@message", "value": json.dumps(log(str(number)))},
                    {"field": "@ptr", "value": "CmEKJgoi"},
                ]
                for number in range(3)
            ],
            "statistics": {"recordsMatched": 3.0},
            "status": "Complete",
        },
        [{"@timestamp": "2026-09-08 12:10:33.000", "@message": log(str(n))} for n in range(3)],
        [{"@message": json.dumps(log(str(n))), "@ptr": "CmEKJgoi"} for n in range(3)],
    ],
    ids=["get-query-results", "console export", "console export with text"],
)
@pytest.mark.parametrize("indent", [None, 4])
def test_results_of_logs_insights_are_read(
    summarize: Any, tmp_path: Path, content: Any, indent: int | None
) -> None:
    logs = write(tmp_path / "logs" / "results.json", json.dumps(content, indent=indent))
    for paths in ([logs], [logs.parent]):
        records = summarize(*paths)["records"]
        assert (records["counted"], records["rejected"]) == (3, 0)


def test_a_row_of_logs_insights_without_its_message_is_rejected(run: Any, tmp_path: Path) -> None:
    row = [{"field": "identity.arn", "value": ANA}, {"field": "count(*)", "value": "7"}]
    assert run(write(tmp_path / "logs.json", json.dumps({"results": [row]}))) == 2


def test_line_numbers_continue_through_a_whole_source(summarize: Any, tmp_path: Path) -> None:
    lines = as_lines(*[log(str(number)) for number in range(2500)]) + b"\n{\n"
    assert summarize(write(tmp_path / "a.json", lines))["rejected"][0]["line"] == 2501


def test_ids_that_concatenate_alike_are_different_calls(summarize: Any, tmp_path: Path) -> None:
    logs = as_lines(log("1", region="ab", accountId="c"), log("1", region="b", accountId="ca"))
    assert summarize(write(tmp_path / "a.json", logs))["records"]["counted"] == 2


def test_an_earlier_summary_in_a_folder_is_not_read_as_a_log(run: Any, tmp_path: Path) -> None:
    write(tmp_path / "logs.json", as_lines(log()))
    out = tmp_path / "summary.json"
    for _ in range(2):
        assert run(tmp_path, "--out", out) == 0
        assert json.loads(out.read_text())["records"]["read"] == 1


def test_a_log_in_a_folder_is_never_overwritten(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = write(tmp_path / "logs.json", as_lines(log()))
    before = logs.read_bytes()
    assert run(tmp_path, "--out", logs) == 2
    assert "is one of the logs" in capsys.readouterr().err
    assert logs.read_bytes() == before


def test_a_summary_can_be_written_to_standard_output(tmp_path: Path) -> None:
    logs = write(tmp_path / "logs.json", as_lines(log()))
    command = [*BEDROCK_METER, "meter", str(logs), "--out", "/dev/stdout"]
    piped = subprocess.run(command, capture_output=True, check=True)
    assert json.loads(piped.stdout)["records"]["counted"] == 1
    with (tmp_path / "out.json").open("wb") as redirected:
        subprocess.run(command, stdout=redirected, check=True)
    assert (tmp_path / "out.json").read_bytes() == piped.stdout


def test_a_symbolic_link_is_followed_and_kept(summarize: Any, run: Any, tmp_path: Path) -> None:
    logs = write(tmp_path / "logs.json", as_lines(log()))
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "target.json")
    assert run(logs, "--out", link) == 0
    assert link.is_symlink()
    assert json.loads((tmp_path / "target.json").read_text()) == summarize(logs)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Missing argument 'LOGS...'. See"),
        (["nowhere.json"], "LOGS: nowhere.json: No such file or directory."),
        (
            ["logs.json", "--budgets", "nowhere.json"],
            "--budgets nowhere.json: No such file or directory.",
        ),
        (["empty"], "empty: no logs in this folder."),
        (["logs.json", "--out", "logs.json"], "--out logs.json is one of the logs."),
        (["logs.json", "--out", "x.csv"], "--out x.csv: the file is JSON, so name it .json."),
        (["logs.json", "--out", "x.CSV.GZ"], "--out x.CSV.GZ: the file is JSON"),
        (["logs.json", "--out", "nowhere/a.json"], "--out nowhere/a.json cannot be written."),
        (["logs.json", "--out", "empty"], "--out empty cannot be written."),
        (["logs.json", "--out", "logs.json/a.json"], "--out logs.json/a.json"),
        (["logs.json", "--out", "a" * 300], "--out aaa"),
        (["logs.json", "--out", "/dev/full"], "--out /dev/full: No space left on device."),
        (["two\nlines\x1b"], "LOGS: two\ufffdlines\ufffd: No such file or directory."),
        (["cut.json.gz", "--out", "out.json"], "cut.json.gz: the gzip data is damaged"),
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
    (tmp_path / "empty").mkdir()
    write(tmp_path / "logs.json", as_lines(log()))
    (tmp_path / "cut.json.gz").write_bytes(write(tmp_path / "a.gz", "x" * 100).read_bytes()[:-9])
    assert run(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"meter: {complaint}")
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "out.json").exists()


def test_a_full_disk_is_reported_in_one_line(
    run: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = temporary_store.SCHEMA + "PRAGMA max_page_count = 10;"
    monkeypatch.setattr(temporary_store, "SCHEMA", small)
    rejected = [log(str(number), modelId="") for number in range(1000)]
    assert run(write(tmp_path / "logs.json", as_lines(*rejected))) == 2
    assert "cannot hold what is read: database or disk is full." in capsys.readouterr().err


def test_prompts_and_completions_are_in_no_output(
    summarize: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marker = "XyzzyMarker"
    bodies = {"input": {"inputBodyJson": {"prompt": marker}, "inputTokenCount": 1}}
    bodies |= {"output": {"outputBodyJson": {"completion": marker, "usage": marker}}}
    metadata = {"requestMetadata": {"note": marker}}
    good = [json.dumps(log(str(number)) | bodies | metadata) for number in range(3)]
    deep = good[1].replace(f'"{marker}"', "[" * 3000 + f'"{marker}"' + "]" * 3000, 1)
    bad = [
        good[0][:-30],
        json.dumps({"prompt": marker}),
        json.dumps(log("bad", timestamp=None) | bodies),
        json.dumps(log("bad", modelId=None) | bodies),
        json.dumps(log("bad", schemaType="other") | bodies),
        json.dumps([marker]),
        marker,
        f'{{"a": {marker}}}',
    ]
    logs = write(tmp_path / "logs.log", "\n".join([good[0], deep, good[2], *bad]))
    summary = summarize(logs)
    assert summary["records"]["counted"] == 3
    assert len({record["code"] for record in summary["rejected"]}) == 7
    printed = capsys.readouterr()
    assert marker not in printed.out + printed.err + json.dumps(summary)
