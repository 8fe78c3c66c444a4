"""One delivery of hostile records stops nothing: each is counted or quarantined with a reason."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.adapters.dynamodb.usage_item import from_item
from lambdas.domain.invocations import RejectionReason
from lambdas.domain.ledger.state_table import UNPRICED_KEY
from lambdas.domain.ledger.table import PARTITION_KEY
from lambdas.domain.metrics.catalog import MAX_DIMENSION_VALUE_LENGTH, NAMESPACE
from lambdas.functions.comparison_reporter import handler as comparison_reporter
from lambdas.functions.focus_exporter import handler as focus_exporter
from lambdas.functions.log_processor import handler as log_processor
from lambdas.functions.metric_publisher import handler as metric_publisher
from lambdas.functions.weekly_summarizer import handler as weekly_summarizer
from tests.aws import (
    LEDGER,
    QUARANTINE,
    STATE,
    deploy_stack,
    health_metrics,
    lambda_context,
    published,
    set_log_processor_variables,
    subscribe_queue,
)
from tests.functions.all_functions import SETTLED_WEEK
from tests.functions.deliveries import Table, deliver, publish
from tests.invocation_logs import log
from tests.poison_records import poison_messages

CONTEXT = lambda_context(120_000)
NOW = datetime.now(UTC).replace(microsecond=0)
POISON = poison_messages(NOW)
ANA = "arn:aws:iam::111122223333:user/ana-of-the-good-call"
GOOD = json.dumps(log("good", timestamp=NOW.isoformat(), identity={"arn": ANA}))
FUNCTIONS = (
    *(log_processor, metric_publisher, focus_exporter, comparison_reporter),
    weekly_summarizer,
)
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MAX_KEY_BYTES = 2048
MAX_ITEM_BYTES = 400 * 1024


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    set_log_processor_variables(monkeypatch)
    monkeypatch.setenv("STACK_ID", deploy_stack())


def items(table: str) -> list[dict[str, Any]]:
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    return [item for page in pages for item in page["Items"]]


def quarantined() -> list[dict[str, Any]]:
    client = boto3.client("s3")
    (kept,) = client.list_objects_v2(Bucket=QUARANTINE)["Contents"]
    text = client.get_object(Bucket=QUARANTINE, Key=kept["Key"])["Body"].read()
    return [json.loads(line) for line in text.splitlines()]


def size(value: Any) -> int:
    """Bytes of an attribute, names included, a little more than DynamoDB counts."""
    if isinstance(value, dict):
        return sum(3 + len(name.encode()) + size(part) for name, part in value.items())
    if isinstance(value, list):
        return sum(1 + size(part) for part in value)
    return len(value.encode()) if isinstance(value, str) else 1


def test_there_are_poison_records_of_every_kind() -> None:
    assert len(POISON) == len(set(POISON.values())) >= 154


def test_each_record_is_counted_or_quarantined_in_one_round(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = Table()
    deliver(*POISON.values(), GOOD)
    health = health_metrics(capsys.readouterr().out)
    assert health["AcceptedRecords"] == [len(table.changes())]
    assert "IgnoredRecords" not in health
    rejected = quarantined()
    assert health["RejectedRecords"] == [len(rejected)]
    assert len(rejected) + health["AcceptedRecords"][0] == len(POISON) + 1
    assert {record["reason"] for record in rejected} <= set(RejectionReason)
    places = list(POISON)
    lost = {places[record["line"] - 1] for record in rejected}
    assert [name for name in lost if " in " in name] == []


def test_poison_records_keep_no_call_out_of_the_metrics(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = Table()
    deliver(*POISON.values(), GOOD)
    assert publish(table.changes()) == 1
    assert published("TotalTokens", NOW, IdentityArn=ANA) == 15
    assert published("Invocations", NOW, IdentityArn=ANA) == 1
    assert health_metrics(capsys.readouterr().out.splitlines()[-1])["UnpublishedRecords"] == [0]


def test_every_dimension_value_is_valid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html"""
    monkeypatch.setenv("METRIC_DETAIL", "full")
    table = Table()
    deliver(*POISON.values(), GOOD)
    publish(table.changes())
    pages = boto3.client("cloudwatch").get_paginator("list_metrics").paginate(Namespace=NAMESPACE)
    values = {
        dimension["Value"]
        for page in pages
        for series in page["Metrics"]
        for dimension in series["Dimensions"]
    }
    assert len(values) > 20
    for value in values:
        assert value.strip()
        assert value.isascii()
        assert value.isprintable()
        assert not value.startswith(":")
        assert len(value) <= MAX_DIMENSION_VALUE_LENGTH


def test_every_item_fits_dynamodb_s_limits_and_can_be_read() -> None:
    table = Table()
    deliver(*POISON.values(), GOOD)
    publish(table.changes())
    deliver(*reversed(POISON.values()), GOOD)
    assert table.changes() == []
    stored = items(LEDGER)
    for item in (*stored, *items(STATE)):
        keys = [item[name]["S"] for name in (PARTITION_KEY, UNPRICED_KEY) if name in item]
        assert all(0 < len(key.encode()) <= MAX_KEY_BYTES for key in keys)
        assert size(item) <= MAX_ITEM_BYTES
    calls = list(map(from_item, stored))
    pages = list(
        DynamoDbRecordedCalls(boto3.client("dynamodb"), LEDGER).scan_range(
            NOW - timedelta(days=365), NOW + timedelta(days=1)
        )
    )
    assert sum(len(page.calls) for page in pages) == len(calls)
    assert sum(page.unreadable_items for page in pages) == 0


def test_reports_of_poison_records_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORT_BUCKET", "reports")
    monkeypatch.setenv("LEDGER_RETENTION_DAYS", "90")
    client = boto3.client("s3")
    client.create_bucket(Bucket="reports")
    last_week = NOW - timedelta(days=NOW.weekday() + 3)
    deliver(*poison_messages(last_week).values())
    focus_exporter.lambda_handler({}, CONTEXT)
    comparison_reporter.lambda_handler({}, CONTEXT)
    names = [kept["Key"] for kept in client.list_objects_v2(Bucket="reports")["Contents"]]
    assert sorted({name.partition("/")[0] for name in names}) == ["comparison", "focus"]
    (manifest, *_) = (name for name in names if f"{last_week:%Y-%m}/bedrock-meter.json" in name)
    text = client.get_object(Bucket="reports", Key=manifest)["Body"].read()
    assert json.loads(text)["unreadable_items"] == 0
    assert json.loads(text)["priced_invocations"] > 50


def test_the_summary_of_poison_records_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    topic, received = subscribe_queue()
    for name, value in {
        "LEDGER_RETENTION_DAYS": "90",
        "TOPIC_ARN": topic,
        "DASHBOARD_URL": "https://console.example.com/usage",
    }.items():
        monkeypatch.setenv(name, value)
    deliver(*poison_messages(SETTLED_WEEK).values())
    weekly_summarizer.lambda_handler({}, CONTEXT)
    (message,) = received()
    assert "Calls: " in message["Message"]
    assert "cannot be read" not in message["Message"]
