"""Both billing periods are rewritten, each completely or not at all."""

import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lambdas.adapters.report_layouts.focus_files import FocusFiles
from lambdas.domain.attribution.ports import FoundTags
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.pricing import Cost
from lambdas.domain.pricing.call_pricing import price_call
from lambdas.domain.reports.files import ReportUnfinishedError
from lambdas.domain.reports.focus import TooManyChargesError, charges
from lambdas.domain.unlogged import BatchTokens, MantleTokens, UnloggedUsageReader
from lambdas.services.export_focus import FocusExporter
from tests.builders import HAIKU_3, usage_record
from tests.enriching import current_books
from tests.fakes import InMemoryRecordedCalls, InMemoryReportFiles, InMemoryTagSource
from tests.focus_calls import PRICING
from tests.focus_rules import TextRow, read_rows, violations
from tests.unlogged import (
    InMemoryBatchJobs,
    InMemoryCountedBatchJobs,
    InMemoryMantleMetrics,
    batch_job,
)

NOW = datetime(2026, 11, 25, 3, 30, tzinfo=UTC)
OCTOBER, NOVEMBER = "2026-10", "2026-11"


def call(request_id: str, at: datetime, **changes: Any) -> UsageRecord:
    return usage_record(request_id=request_id, timestamp=at, **changes)


CALLS = [
    call("too old", datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC)),
    call("october", datetime(2026, 10, 1, tzinfo=UTC)),
    call("late", datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC)),
    call("november", datetime(2026, 11, 1, tzinfo=UTC)),
    call("today", NOW, tokens=TokenCounts(input=1_000_000)),
    call("unpriced", NOW, model_id="a.b"),
]


def copy_as_parquet(csv: Path, parquet: Path) -> int:
    """A stand-in for the adapter, which has separate tests."""
    parquet.write_bytes(csv.read_bytes())
    return 0


@pytest.fixture
def files() -> InMemoryReportFiles:
    return InMemoryReportFiles()


@pytest.fixture
def exporter(files: InMemoryReportFiles) -> FocusExporter:
    return FocusExporter(
        calls=InMemoryRecordedCalls(CALLS),
        books=current_books(pricing=PRICING),
        files=FocusFiles(files, copy_as_parquet),
        account_id="111122223333",
        billing_account_id=None,
        kept=timedelta(days=90),
    )


def parse_rows(files: InMemoryReportFiles, period: str) -> list[TextRow]:
    packed = files.kept[f"focus/csv/billing_period={period}/bedrock-meter.csv.gz"]
    return read_rows(io.StringIO(gzip.decompress(packed).decode(), newline=""))


def build_manifest(files: InMemoryReportFiles, period: str) -> Any:
    return json.loads(files.kept[f"focus/manifests/billing_period={period}/bedrock-meter.json"])


def test_the_manifest_lists_unlogged_usage_of_its_period(
    exporter: FocusExporter, files: InMemoryReportFiles
) -> None:
    job = batch_job(ended_at=NOW - timedelta(hours=1))
    reader = UnloggedUsageReader(
        InMemoryMantleMetrics([MantleTokens("chat", "model", 5, 6)]),
        InMemoryBatchJobs([job]),
        InMemoryCountedBatchJobs({job.arn: BatchTokens(7, 8)}),
    )
    replace(exporter, unlogged=reader).export(NOW)
    earlier, current = (
        build_manifest(files, period)["not_logged"] for period in (OCTOBER, NOVEMBER)
    )
    assert earlier["batch_jobs"] == []
    assert [entry["input_tokens"] for entry in current["batch_jobs"]] == [7]
    assert current["bedrock_mantle"][0]["output_tokens"] == 6


def test_each_period_contains_its_calls_and_their_cost(
    exporter: FocusExporter, files: InMemoryReportFiles
) -> None:
    manifests = exporter.export(NOW)
    assert [manifest["billing_period"] for manifest in manifests] == [OCTOBER, NOVEMBER]
    for period, requests in ((OCTOBER, ("october", "late")), (NOVEMBER, ("november", "today"))):
        rows = parse_rows(files, period)
        assert not list(violations(rows))
        assert {row["BillingPeriodStart"] for row in rows} == {f"{period}-01T00:00:00Z"}
        costs = [price_call(record, PRICING) for record in CALLS if record.request_id in requests]
        expected = sum(cost.effective_usd for cost in costs if isinstance(cost, Cost))
        assert expected > 0
        assert sum(Decimal(row["BilledCost"] or "NaN") for row in rows) == expected
        assert Decimal(build_manifest(files, period)["billed_cost_usd"]) == expected


def test_the_manifest_lists_its_coverage_and_calls_without_a_cost(
    exporter: FocusExporter, files: InMemoryReportFiles
) -> None:
    assert exporter.export(NOW) == [build_manifest(files, period) for period in (OCTOBER, NOVEMBER)]
    manifest = build_manifest(files, NOVEMBER)
    parts = ("source", "account_id", "written_at", "covers_until", "is_cut_off_by_retention")
    assert {name: manifest[name] for name in parts} == {
        "source": "Bedrock Meter",
        "account_id": "111122223333",
        "written_at": "2026-11-25T03:30:00Z",
        "covers_until": "2026-11-25T03:30:00Z",
        "is_cut_off_by_retention": False,
    }
    assert (manifest["priced_invocations"], manifest["left_out_invocations"]) == (2, 1)
    assert manifest["left_out"] == [
        {"model_id": "a.b", "reason": "no_price", "invocations": 1, "tokens": 15}
    ]
    assert build_manifest(files, OCTOBER)["covers_until"] == "2026-11-01T00:00:00Z"
    assert manifest["focus_metadata"]["FocusVersion"] == "1.2"


def test_the_manifest_is_written_last_and_lists_its_files(
    exporter: FocusExporter, files: InMemoryReportFiles
) -> None:
    exporter.export(NOW)
    names = list(files.kept)
    assert [name.split("/")[1] for name in names] == ["csv", "parquet", "manifests"] * 2
    for period in (OCTOBER, NOVEMBER):
        for file in build_manifest(files, period)["files"]:
            (name,) = (path for path in names if period in path and path.endswith(file["name"]))
            content = files.kept[name]
            assert file["bytes"] == len(content)
            assert file["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_same_calls_give_the_same_files_and_a_correction_changes_them(
    exporter: FocusExporter, files: InMemoryReportFiles
) -> None:
    exporter.export(NOW)
    before = dict(files.kept)
    exporter.export(NOW)
    assert files.kept == before
    corrected = call("november", CALLS[3].timestamp, tokens=TokenCounts(input=99))
    replace(exporter, calls=InMemoryRecordedCalls([*CALLS, corrected])).export(NOW)
    changed = {name for name in before if files.kept[name] != before[name]}
    assert len(changed) == 3
    assert all(NOVEMBER in name for name in changed)


@pytest.mark.parametrize("is_global", [False, True])
def test_a_call_is_charged_by_the_model_behind_its_profile(
    exporter: FocusExporter, files: InMemoryReportFiles, *, is_global: bool
) -> None:
    profile = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc"
    through = call("1", NOW, model_id="application-inference-profile/abc", invoked_model_id=profile)
    source = InMemoryTagSource()
    source.found[profile] = FoundTags((("project", "search"),), HAIKU_3, is_global=is_global)
    books = current_books(source, pricing=PRICING)
    replace(exporter, calls=InMemoryRecordedCalls([through]), books=books).export(NOW)
    rows = parse_rows(files, NOVEMBER)
    assert {row["x_ModelId"] for row in rows} == {HAIKU_3}
    assert {row["ResourceId"] for row in rows} == {profile}
    assert {row["Tags"] for row in rows} == {'{"project": "search"}'}


def test_a_configured_account_is_used_if_the_log_has_none(
    exporter: FocusExporter, files: InMemoryReportFiles
) -> None:
    nameless = call("1", NOW, account_id="", identity_arn="unknown")
    paid = replace(
        exporter, calls=InMemoryRecordedCalls([nameless]), billing_account_id="999988887777"
    )
    paid.export(NOW)
    (row, _) = parse_rows(files, NOVEMBER)
    assert (row["SubAccountId"], row["BillingAccountId"]) == ("111122223333", "999988887777")


AGE_OF_OCTOBER = NOW - datetime(2026, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kept", "is_cut_off"),
    [
        (timedelta(days=62), False),
        (AGE_OF_OCTOBER, False),
        (AGE_OF_OCTOBER - timedelta(seconds=1), True),
        (timedelta(days=40), True),
    ],
)
def test_a_period_that_starts_before_the_ledger_is_reported(
    exporter: FocusExporter, files: InMemoryReportFiles, kept: timedelta, is_cut_off: bool
) -> None:
    replace(exporter, kept=kept).export(NOW)
    assert build_manifest(files, OCTOBER)["is_cut_off_by_retention"] is is_cut_off
    assert build_manifest(files, NOVEMBER)["is_cut_off_by_retention"] is False


def test_the_previous_period_of_january_is_december(
    exporter: FocusExporter, files: InMemoryReportFiles
) -> None:
    exporter.export(datetime(2027, 1, 31, tzinfo=UTC))
    periods = [name.split("=")[1].split("/")[0] for name in files.kept]
    assert periods == ["2026-12"] * 3 + ["2027-01"] * 3


@pytest.mark.parametrize("times", [0, 1, 2])
def test_nothing_is_written_if_there_is_no_time_for_all_calls(
    exporter: FocusExporter, files: InMemoryReportFiles, times: int
) -> None:
    exporter.export(NOW)
    before = dict(files.kept)
    answers: Iterator[bool] = iter([True] * times + [False] * 9)
    many = [call(str(number), NOW) for number in range(InMemoryRecordedCalls.BATCH * 2 + 1)]
    busy = replace(exporter, calls=InMemoryRecordedCalls(many))
    with pytest.raises(ReportUnfinishedError, match="no time"):
        busy.export(NOW, has_time=lambda: next(answers))
    assert files.kept == before


def test_a_failed_conversion_keeps_the_existing_files(
    exporter: FocusExporter, files: InMemoryReportFiles
) -> None:
    def fail(csv: Path, _: Path) -> int:
        raise OSError(csv.name)

    with pytest.raises(OSError, match="bedrock-meter"):
        replace(exporter, files=FocusFiles(files, fail)).export(NOW)
    assert files.kept == {}


def test_too_many_charges_are_an_error_and_write_no_files(
    exporter: FocusExporter, files: InMemoryReportFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charges, "MAX_CHARGES", 2)
    with pytest.raises(TooManyChargesError):
        exporter.export(NOW)
    assert files.kept == {}


def test_many_sessions_roll_up_to_their_role_and_the_manifest_says_so(
    exporter: FocusExporter, files: InMemoryReportFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charges, "MAX_CHARGES", 50)
    role = "arn:aws:sts::111122223333:assumed-role/fleet"
    calls = [call(str(number), NOW, identity_arn=f"{role}/t-{number}") for number in range(200)]
    replace(exporter, calls=InMemoryRecordedCalls(calls)).export(NOW)
    rows = parse_rows(files, NOVEMBER)
    assert {row["x_IdentityArn"] for row in rows} == {"arn:aws:iam::111122223333:role/fleet"}
    costs = [price_call(record, PRICING) for record in calls]
    expected = sum(cost.effective_usd for cost in costs if isinstance(cost, Cost))
    assert sum(Decimal(row["BilledCost"] or "NaN") for row in rows) == expected
    manifest = build_manifest(files, NOVEMBER)
    assert (manifest["identity_detail"], manifest["rows"]) == ("signed_in_people", 2)


def test_unreadable_items_are_counted_in_the_manifests(
    exporter: FocusExporter, files: InMemoryReportFiles
) -> None:
    exporter.export(NOW)
    assert build_manifest(files, NOVEMBER)["unreadable_items"] == 0
    rows = parse_rows(files, NOVEMBER)
    replace(exporter, calls=InMemoryRecordedCalls(CALLS, unreadable_items=3)).export(NOW)
    assert {
        build_manifest(files, period)["unreadable_items"] for period in (OCTOBER, NOVEMBER)
    } == {3}
    assert parse_rows(files, NOVEMBER) == rows
