"""`log_processor`: from a gzipped delivery to the ledger and the quarantine."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.usage_item import from_item
from lambdas.adapters.dynamodb.usage_ledger import LedgerUnavailableError
from lambdas.domain.invocations import envelope, unpack
from lambdas.functions.log_processor import handler
from tests.aws import (
    LEDGER,
    QUARANTINE,
    health_metrics,
    lambda_context,
    set_log_processor_variables,
)
from tests.invocation_logs import log
from tests.log_deliveries import pack

CONTEXT = lambda_context()


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    set_log_processor_variables(monkeypatch)


def call(request_id: str = "1", days_ago: int = 1, **changes: Any) -> dict[str, Any]:
    """A log of a call within the ledger's retention by default."""
    timestamp = (datetime.now(UTC) - timedelta(days=days_ago)).isoformat()
    return log(request_id, timestamp=timestamp, **changes)


def deliver(*messages: str) -> None:
    handler.lambda_handler({"awslogs": {"data": pack(messages)}}, CONTEXT)


def rejections() -> list[str]:
    """The reasons in quarantine."""
    s3 = boto3.client("s3")
    objects = s3.list_objects_v2(Bucket=QUARANTINE).get("Contents", [])
    texts = [s3.get_object(Bucket=QUARANTINE, Key=kept["Key"])["Body"].read() for kept in objects]
    return [json.loads(line)["reason"] for text in texts for line in text.splitlines()]


def ledger() -> dict[str, int | None]:
    items = boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]
    return {record.request_id: record.tokens.total for record in map(from_item, items)}


def test_a_repeated_delivery_is_in_the_ledger_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    messages = [json.dumps(call(str(number))) for number in range(30)]
    deliver(*reversed(messages))
    capsys.readouterr()
    deliver(*messages)
    assert ledger() == {str(number): 15 for number in range(30)}
    health = health_metrics(capsys.readouterr().out)
    assert health["AcceptedRecords"] == [30]
    assert health["RejectedRecords"] == [0]


def test_a_poison_record_does_not_stop_its_batch(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    deliver(json.dumps(call("1")), "{ poison", json.dumps(call("2")))
    assert ledger().keys() == {"1", "2"}
    assert boto3.client("s3").list_objects_v2(Bucket=QUARANTINE)["KeyCount"] == 1
    assert health_metrics(capsys.readouterr().out)["RejectedRecords"] == [1]
    assert "could not be counted" in caplog.text


def test_a_large_delivery_is_counted_in_parts_and_its_poison_records_quarantined(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It unpacks to more than the memory buffer."""
    prompt = {"input": {"inputTokenCount": 10, "inputBodyJson": "lorem ipsum " * 40_000}}
    messages = [json.dumps(call(str(number)) | prompt) for number in range(20)]
    for _ in range(2):
        deliver(*messages[:15], "{ poison", *messages[15:], "{ more")
    assert ledger() == {str(number): 15 for number in range(20)}
    s3 = boto3.client("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=QUARANTINE)["Contents"]]
    bodies = [s3.get_object(Bucket=QUARANTINE, Key=key)["Body"].read() for key in keys]
    lines = [json.loads(line)["line"] for body in bodies for line in body.splitlines()]
    assert sorted(lines) == [16, 22]
    printed = capsys.readouterr().out.splitlines()
    health = [health_metrics(line) for line in printed if '"_aws"' in line]
    counts = {(entry["AcceptedRecords"][0], entry["RejectedRecords"][0]) for entry in health}
    assert counts == {(20, 2)}


def test_a_call_older_than_the_ledger_s_retention_is_quarantined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEDGER_RETENTION_DAYS", "30")
    deliver(json.dumps(call("1", days_ago=29)), json.dumps(call("2", days_ago=31)))
    assert ledger().keys() == {"1"}
    assert rejections() == ["too_old"]


def test_a_call_too_far_in_the_future_is_quarantined() -> None:
    ahead = [(datetime.now(UTC) + timedelta(minutes=minutes)).isoformat() for minutes in (58, 62)]
    deliver(*(json.dumps(log(time, timestamp=time)) for time in ahead))
    assert ledger().keys() == {ahead[0]}
    assert rejections() == ["in_the_future"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"accountId": "444455556666"}, "wrong_account"), ({"region": "eu-north-1"}, "wrong_region")],
)
def test_records_of_another_account_or_region_are_quarantined(
    changes: dict[str, Any], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver(json.dumps(call("1", **changes)), json.dumps(call("2")))
    assert ledger().keys() == {"2"}
    assert rejections() == [reason]
    assert health_metrics(capsys.readouterr().out)["RejectedRecords"] == [1]


def test_a_record_without_account_and_region_is_a_reading_of_the_same_call() -> None:
    named = call("1")
    unnamed = {name: value for name, value in named.items() if name not in ("accountId", "region")}
    deliver(json.dumps(named), json.dumps(unnamed))
    deliver(json.dumps(unnamed))
    assert boto3.client("dynamodb").scan(TableName=LEDGER)["Count"] == 1


@pytest.mark.parametrize(
    "source", [{"logGroup": "/another/group"}, {"logStream": "another/stream"}, {"logGroup": None}]
)
def test_records_from_another_log_group_or_stream_are_quarantined(source: dict[str, Any]) -> None:
    delivered = unpack(pack([json.dumps(call()), "{ poison"]))
    assert isinstance(delivered, dict)
    data = envelope.pack(delivered | source)
    handler.lambda_handler({"awslogs": {"data": data}}, CONTEXT)
    assert ledger() == {}
    assert rejections() == ["wrong_source", "not_json"]


def test_control_messages_without_a_log_group_are_ignored(
    capsys: pytest.CaptureFixture[str],
) -> None:
    probe = {"messageType": "CONTROL_MESSAGE", "logGroup": "", "logStream": "", "logEvents": []}
    handler.lambda_handler({"awslogs": {"data": envelope.pack(probe)}}, CONTEXT)
    health = health_metrics(capsys.readouterr().out)
    assert (health["IgnoredRecords"], health["RejectedRecords"]) == ([1], [0])


def test_a_failed_write_is_returned_to_lambda() -> None:
    boto3.client("dynamodb").delete_table(TableName=LEDGER)
    with pytest.raises(LedgerUnavailableError, match="ResourceNotFound"):
        deliver(json.dumps(call()))


def test_no_prompt_reaches_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    body = {"outputTokenCount": 1, "outputBodyJson": {"completion": "XyzzyMarker"}}
    deliver(json.dumps(call("1", output=body)), json.dumps(call("2", output=body))[:-9])
    printed = capsys.readouterr()
    assert "XyzzyMarker" not in printed.out + printed.err


def test_other_request_metadata_is_not_in_the_ledger() -> None:
    said = {"project": "search", "prompt": "XyzzyMarker", "Project": "XyzzyMarker"}
    deliver(json.dumps(call(requestMetadata=said)))
    (item,) = boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]
    assert from_item(item).request_metadata == (("project", "search"),)
    assert "XyzzyMarker" not in json.dumps(item)


def test_label_names_follow_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METADATA_NAMES", '["CostCenter"]')
    deliver(json.dumps(call(requestMetadata={"project": "search", "CostCenter": "7"})))
    (item,) = boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]
    assert from_item(item).request_metadata == (("CostCenter", "7"),)


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEDGER_TABLE")
    with pytest.raises(ValueError, match="ledger_table"):
        deliver(json.dumps(call()))
