"""`focus_exporter`: from calls in the ledger to files that FinOps tools read."""

import gzip
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import boto3
import duckdb
import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.reports.files import ReportUnfinishedError
from lambdas.functions.focus_exporter import handler
from tests.aws import LEDGER, STATE, client_configs, lambda_context
from tests.builders import usage_record
from tests.focus_rules import read_rows, violations

REPORTS = "reports"
CONTEXT = lambda_context(900_000)


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "LEDGER_TABLE": LEDGER,
        "STATE_TABLE": STATE,
        "ACCOUNT_ID": "111122223333",
        "REPORT_BUCKET": REPORTS,
        "LEDGER_RETENTION_DAYS": "90",
        "BILLING_ACCOUNT_ID": "999988887777",
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket=REPORTS)


def written() -> dict[str, bytes]:
    client = boto3.client("s3")
    return {
        entry["Key"]: client.get_object(Bucket=REPORTS, Key=entry["Key"])["Body"].read()
        for entry in client.list_objects_v2(Bucket=REPORTS).get("Contents", [])
    }


def test_calls_of_this_month_and_the_last_are_in_the_bucket(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    last_month = now.replace(day=1) - timedelta(days=1)
    DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, timedelta(days=90)).write(
        [
            usage_record(request_id="1", timestamp=now),
            usage_record(request_id="2", timestamp=last_month),
            usage_record(request_id="3", timestamp=now - timedelta(days=70)),
            usage_record(request_id="4", timestamp=now, model_id="a.b"),
        ]
    )
    handler.lambda_handler({}, CONTEXT)
    files = written()
    periods = [f"{month:%Y-%m}" for month in (last_month, now)]
    assert set(files) == {
        f"focus/{folder}/billing_period={period}/bedrock-meter.{ending}"
        for period in periods
        for folder, ending in (
            ("csv", "csv.gz"),
            ("parquet", "parquet"),
            ("manifests", "json"),
        )
    }
    for period in periods:
        text = gzip.decompress(
            files[f"focus/csv/billing_period={period}/bedrock-meter.csv.gz"]
        ).decode()
        rows = read_rows(io.StringIO(text, newline=""))
        assert not list(violations(rows))
        assert {row["BillingAccountId"] for row in rows} == {"999988887777"}
        total = sum(Decimal(row["BilledCost"] or "NaN") for row in rows)
        assert total == Decimal("0.00000875")
        parquet = tmp_path / "focus.parquet"
        parquet.write_bytes(files[f"focus/parquet/billing_period={period}/bedrock-meter.parquet"])
        with duckdb.connect() as database:
            found = database.execute(
                "SELECT sum(BilledCost) FROM read_parquet(?)", [str(parquet)]
            ).fetchone()
        assert found == (total,)
    logged = [vars(line) for line in caplog.records]
    assert [manifest["billing_period"] for manifest in logged] == periods
    assert [manifest["left_out_invocations"] for manifest in logged] == [0, 1]
    assert not any({"focus_metadata", "left_out"} & manifest.keys() for manifest in logged)


def test_a_run_without_time_fails_and_keeps_the_existing_files() -> None:
    handler.lambda_handler({}, CONTEXT)
    before = written()
    DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, timedelta(days=90)).write(
        [usage_record(timestamp=datetime.now(UTC))]
    )
    hurried = lambda_context(44_000)
    with pytest.raises(ReportUnfinishedError):
        handler.lambda_handler({}, hurried)
    assert written() == before


def test_an_unreadable_ledger_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_TABLE", "no-such-table")
    with pytest.raises(ClientError):
        handler.lambda_handler({}, CONTEXT)
    assert written() == {}


def test_s3_has_the_same_timeouts_as_other_services(monkeypatch: pytest.MonkeyPatch) -> None:
    configs = client_configs(handler.exporter, monkeypatch)
    assert configs["s3"] is configs["dynamodb"]
