"""No prompt or completion leaves the log by metrics, reports, notifications or errors."""

import gzip
import json
import traceback
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb.usage_ledger import LedgerUnavailableError
from lambdas.domain.metrics.catalog import NAMESPACE
from lambdas.functions.comparison_reporter import handler as comparison_reporter
from lambdas.functions.coverage_auditor import handler as coverage_auditor
from lambdas.functions.focus_exporter import handler as focus_exporter
from lambdas.functions.log_processor import handler as log_processor
from lambdas.functions.metric_publisher import handler as metric_publisher
from lambdas.functions.price_refresher import handler as price_refresher
from lambdas.functions.weekly_summarizer import handler as weekly_summarizer
from tests.aws import (
    LEDGER,
    LOG_GROUP,
    QUARANTINE,
    STATE,
    health_metrics,
    subscribe_queue,
)
from tests.functions.all_functions import (
    CONTEXT,
    LAST_WEEK,
    NOW,
    REPORTS,
    SETTLED_WEEK,
    audit_missing_calls,
    set_variables_of_all_functions,
)
from tests.functions.deliveries import Table, deliver, publish
from tests.prompt_records import find_prompts, prompt_messages

FUNCTIONS = (
    *(comparison_reporter, coverage_auditor, focus_exporter, log_processor, metric_publisher),
    *(price_refresher, weekly_summarizer),
)


@pytest.fixture(autouse=True)
def received(aws: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Any]]:
    """The messages of the topic that every function publishes to."""
    topic, received = subscribe_queue()
    set_variables_of_all_functions(monkeypatch)
    monkeypatch.setenv("CONTENT_LOG_GROUP", LOG_GROUP)
    monkeypatch.setenv("TOPIC_ARN", topic)
    return received


@pytest.fixture
def accepted(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> int:
    """The number of calls that were metered of one delivery with every kind of record."""
    caplog.set_level("INFO")
    table = Table()
    deliver(*prompt_messages(LAST_WEEK))
    health = health_metrics(capsys.readouterr().out)
    publish(table.changes())
    price_refresher.lambda_handler({}, CONTEXT)
    return int(health["AcceptedRecords"][0])


def written_to(bucket: str) -> str:
    client = boto3.client("s3")
    texts = []
    for kept in client.list_objects_v2(Bucket=bucket).get("Contents", []):
        content = client.get_object(Bucket=bucket, Key=kept["Key"])["Body"].read()
        content = gzip.decompress(content) if kept["Key"].endswith(".gz") else content
        texts.append(kept["Key"] + content.decode(errors="replace"))
    return "\n".join(texts)


def printed(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> str:
    output = capsys.readouterr()
    fields = [json.dumps(vars(line), default=str) for line in caplog.records]
    return "\n".join([output.out, output.err, *fields])


def test_at_least_17_kinds_of_records_are_tested() -> None:
    messages = prompt_messages(NOW)
    kinds = set.union(*map(find_prompts, messages))
    assert len(kinds) == len(messages) >= 17


def test_no_prompt_is_in_the_ledger_the_metrics_the_quarantine_or_the_logs(
    accepted: int, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert accepted > 17
    client = boto3.client("dynamodb")
    calls, state = (client.scan(TableName=table)["Items"] for table in (LEDGER, STATE))
    metrics = boto3.client("cloudwatch").list_metrics(Namespace=NAMESPACE)["Metrics"]
    assert len(calls) == accepted
    assert state
    assert metrics
    assert find_prompts(json.dumps([calls, state, metrics], default=str)) == set()
    rejected = written_to(QUARANTINE)
    assert "truncated" in rejected
    assert find_prompts(rejected) == set()
    assert find_prompts(printed(capsys, caplog)) == set()


def test_no_prompt_is_in_reports(
    accepted: int, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=LOG_GROUP)
    logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName="stream")
    at = int(LAST_WEEK.timestamp() * 1000)
    lines: Any = [{"timestamp": at, "message": line} for line in prompt_messages(LAST_WEEK)]
    logs.put_log_events(logGroupName=LOG_GROUP, logStreamName="stream", logEvents=lines)
    focus_exporter.lambda_handler({}, CONTEXT)
    comparison_reporter.lambda_handler({}, CONTEXT)
    reports = written_to(REPORTS)
    assert "x_IdentityArn" in reports
    assert f'"calls": {accepted}' in reports
    assert '"outlined_calls": 0' not in reports
    assert find_prompts(reports) == set()
    assert find_prompts(printed(capsys, caplog)) == set()


@pytest.mark.usefixtures("accepted")
def test_no_prompt_is_in_notifications_about_missing_calls(
    received: Callable[[], list[Any]],
) -> None:
    metrics = boto3.client("cloudwatch").list_metrics(Namespace=NAMESPACE)["Metrics"]
    values = {part["Value"] for metric in metrics for part in metric.get("Dimensions", [])}
    audit_missing_calls(values)  # every name that the meter knows is one of a missing call
    (message,) = received()
    assert "are missing" in message["Message"]
    assert find_prompts(json.dumps(message)) == set()


def test_no_prompt_is_in_the_weekly_summary(received: Callable[[], list[Any]]) -> None:
    deliver(*prompt_messages(SETTLED_WEEK))
    weekly_summarizer.lambda_handler({}, CONTEXT)
    (message,) = received()
    assert "No calls" not in message["Message"]
    assert find_prompts(json.dumps(message)) == set()


def test_no_prompt_is_in_the_errors_of_functions() -> None:
    table = Table()
    messages = prompt_messages(LAST_WEEK)
    deliver(*messages)
    changes = table.changes()
    for name in (LEDGER, STATE):
        boto3.client("dynamodb").delete_table(TableName=name)
    boto3.resource("s3").Bucket(QUARANTINE).objects.delete()
    boto3.client("s3").delete_bucket(Bucket=QUARANTINE)
    rejected = [line for line in messages if "plain-text" in line]
    for failing in (
        lambda: deliver(*messages),
        lambda: deliver(*rejected),
        lambda: publish(changes),
        lambda: focus_exporter.lambda_handler({}, CONTEXT),
    ):
        with pytest.raises((LedgerUnavailableError, ClientError)) as raised:
            failing()
        assert find_prompts("".join(traceback.format_exception(raised.value))) == set()
