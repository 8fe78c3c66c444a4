"""`comparison_reporter`: from calls in the ledger, and requests in the log, to a report."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.counted_batch_jobs import DynamoDbCountedBatchJobs
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.reports.files import ReportUnfinishedError
from lambdas.domain.unlogged import BatchTokens
from lambdas.functions.comparison_reporter import handler
from tests.aws import LEDGER, STATE, client_configs, lambda_context, list_batch_jobs
from tests.builders import usage_record
from tests.invocation_logs import log
from tests.unlogged import batch_job

REPORTS = "reports"
GROUP = "invocations"
PROMPT = "a secret of the company"


def context(milliseconds: int = 900_000) -> Any:
    return lambda_context(milliseconds)


def last_week() -> datetime:
    """Noon on a day of the last whole week."""
    now = datetime.now(UTC)
    return (now - timedelta(days=now.weekday() + 3)).replace(hour=12, minute=0, second=0)


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "LEDGER_TABLE": LEDGER,
        "STATE_TABLE": STATE,
        "ACCOUNT_ID": "111122223333",
        "REPORT_BUCKET": REPORTS,
        "CONTENT_LOG_GROUP": GROUP,
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket=REPORTS)


def write_calls() -> None:
    """A call of the last week with its request in the log, one without, and one of today."""
    at = last_week()
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="stream")
    body = {"max_tokens": 5000, "messages": [{"role": "user", "content": PROMPT}]}
    record = log(
        "1", timestamp=at.isoformat(), input={"inputTokenCount": 10, "inputBodyJson": body}
    )
    logs.put_log_events(
        logGroupName=GROUP,
        logStreamName="stream",
        logEvents=[{"timestamp": int(at.timestamp() * 1000), "message": json.dumps(record)}],
    )
    DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, timedelta(days=90)).write(
        [
            usage_record(request_id="1", timestamp=at),
            usage_record(request_id="2", timestamp=at),
            usage_record(request_id="3", timestamp=datetime.now(UTC)),
        ]
    )


def written() -> dict[str, str]:
    client = boto3.client("s3")
    return {
        entry["Key"]: client.get_object(Bucket=REPORTS, Key=entry["Key"])["Body"].read().decode()
        for entry in client.list_objects_v2(Bucket=REPORTS).get("Contents", [])
    }


def test_the_report_of_the_last_week_is_in_the_bucket(caplog: pytest.LogCaptureFixture) -> None:
    write_calls()
    handler.lambda_handler({}, context())
    files, week = written(), f"{last_week():%G-W%V}"
    assert set(files) == {
        f"comparison/week={week}/bedrock-meter.{ending}" for ending in ("json", "txt")
    }
    report = json.loads(files[f"comparison/week={week}/bedrock-meter.json"])
    assert (report["calls"], report["outlined_calls"]) == (2, 1)
    assert [waste["kind"] for waste in report["waste"]] == ["oversize_max_tokens"]
    (logged,) = (vars(line) for line in caplog.records)
    summary = {name: logged[name] for name in ("week", "calls", "outlined_calls")}
    assert summary == {"week": week, "calls": 2, "outlined_calls": 1}
    for text in (*files.values(), caplog.text):
        assert PROMPT not in text


def test_the_report_has_batch_jobs_and_bedrock_mantle_beside_the_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_calls()
    job = batch_job(ended_at=last_week())
    DynamoDbCountedBatchJobs(boto3.client("dynamodb"), STATE).add(job, BatchTokens(1200, 340))
    list_batch_jobs(
        monkeypatch,
        {
            "jobArn": job.arn,
            "modelId": job.invoked_model,
            "endTime": job.ended_at.isoformat(),
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": job.output_uri}},
        },
    )
    datum: Any = {
        "MetricName": "TotalInputTokens",
        "Timestamp": last_week(),
        "Value": 77,
        "Dimensions": [
            {"Name": "Project", "Value": "chat"},
            {"Name": "Model", "Value": "openai.gpt-oss-120b"},
        ],
    }
    boto3.client("cloudwatch").put_metric_data(Namespace="AWS/BedrockMantle", MetricData=[datum])
    handler.lambda_handler({}, context())
    text, report = (content for _, content in sorted(written().items(), reverse=True))
    not_logged = json.loads(report)["not_logged"]
    assert not_logged["bedrock_mantle"] == [
        {
            "project": "chat",
            "model": "openai.gpt-oss-120b",
            "input_tokens": 77,
            "output_tokens": None,
        }
    ]
    (listed,) = not_logged["batch_jobs"]
    assert (listed["job_arn"], listed["input_tokens"]) == (job.arn, 1200)
    assert (listed["cost_usd"], listed["unpriced"]) == ("0.0003625", None)
    assert json.loads(report)["calls"] == 2
    assert "tokens through bedrock-mantle" in text


def test_no_log_is_read_if_content_is_not_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_calls()
    monkeypatch.setenv("CONTENT_LOG_GROUP", "")
    handler.lambda_handler({}, context())
    (logged,) = (vars(line) for line in caplog.records)
    assert (logged["calls"], logged["outlined_calls"]) == (2, 0)


def test_an_unreadable_log_group_is_reported_and_calls_are_still_compared(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_calls()
    monkeypatch.setenv("CONTENT_LOG_GROUP", "gone")
    handler.lambda_handler({}, context())
    assert len(written()) == 2
    warning = vars(caplog.records[-1])
    assert warning["levelname"] == "WARNING"
    assert warning["reason"] == "logs:FilterLogEvents failed: ResourceNotFoundException"


def test_requests_are_skipped_first_when_time_is_short(caplog: pytest.LogCaptureFixture) -> None:
    write_calls()
    handler.lambda_handler({}, context(milliseconds=200_000))
    assert vars(caplog.records[-1])["reason"] == "there was no time for all"
    assert len(written()) == 2


def test_a_run_without_time_fails_and_writes_nothing() -> None:
    write_calls()
    with pytest.raises(ReportUnfinishedError):
        handler.lambda_handler({}, context(milliseconds=44_000))
    assert written() == {}


def test_an_unreadable_ledger_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_TABLE", "no-such-table")
    with pytest.raises(ClientError):
        handler.lambda_handler({}, context())
    assert written() == {}


def test_s3_has_the_same_timeouts_as_other_services(monkeypatch: pytest.MonkeyPatch) -> None:
    configs = client_configs(handler.comparer, monkeypatch)
    assert configs["s3"] is configs["dynamodb"]
