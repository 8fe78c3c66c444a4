"""Rejected records are stored with their reason and without their bodies."""

import json
from typing import Any

import boto3
import pytest

from lambdas.adapters.s3.quarantine import S3Quarantine
from lambdas.domain.invocations import Delivery, RejectedRecord, RejectionReason, envelope
from lambdas.services.ingest_invocations import Ingestor
from tests.aws import QUARANTINE
from tests.fakes import InMemoryUsageLedger
from tests.invocation_logs import log
from tests.log_deliveries import pack

MARKER = "XyzzyMarker"
BODIES = {
    "input": {"inputBodyJson": {"prompt": MARKER}, "inputTokenCount": 1},
    "output": {"outputBodyJson": MARKER, "outputTokenCount": MARKER * 2},
}


def open_small(data: str) -> Delivery:
    (delivery,) = Delivery.open(data)
    return delivery


def quarantined(*messages: str) -> list[dict[str, Any]]:
    delivery = open_small(pack(messages))
    quarantine = S3Quarantine(lambda: boto3.client("s3"), QUARANTINE, delivery)
    ingestor = Ingestor(InMemoryUsageLedger(), quarantine)
    for _ in range(2):  # delivered twice, kept once
        ingestor.ingest(delivery.source, delivery.readings(), first_line=1)
    return kept()


def kept() -> list[dict[str, Any]]:
    s3 = boto3.client("s3")
    objects = s3.list_objects_v2(Bucket=QUARANTINE).get("Contents", [])
    texts = [s3.get_object(Bucket=QUARANTINE, Key=entry["Key"])["Body"].read() for entry in objects]
    return [json.loads(line) for text in texts for line in text.splitlines()]


@pytest.mark.usefixtures("aws")
def test_a_stored_record_has_its_position_and_no_bodies() -> None:
    bad = json.dumps(log("bad", timestamp="yesterday") | BODIES)
    (entry,) = quarantined(json.dumps(log("good")), "", bad)
    assert MARKER not in json.dumps(entry).replace(MARKER * 2, "")
    assert entry["reason"] == "bad_timestamp"
    assert entry["source"] == "/bedrock-meter/invocations:aws/bedrock/modelinvocations"
    assert entry["event_id"].endswith("2")
    assert entry["record"]["requestId"] == "bad"
    assert entry["record"]["identity"] == {"arn": "arn:aws:iam::111122223333:user/ana"}
    assert entry["record"]["input"] == {"inputTokenCount": 1}


@pytest.mark.usefixtures("aws")
def test_invalid_json_is_stored_as_position_and_hash_only() -> None:
    (entry,) = quarantined(MARKER)
    assert MARKER not in json.dumps(entry)
    assert entry["record"] is None
    assert entry["reason"] == "not_json"
    assert len(entry["sha256"]) == 64


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("data", ["nonsense", pack(["x"])[:60]])
def test_a_delivery_that_cannot_be_unpacked_is_stored_under_its_hash(data: str) -> None:
    delivery = open_small(data)
    quarantine = S3Quarantine(lambda: boto3.client("s3"), QUARANTINE, delivery)
    Ingestor(InMemoryUsageLedger(), quarantine).ingest(
        delivery.source, delivery.readings(), first_line=1
    )
    (entry,) = kept()
    assert entry["source"] == "unreadable delivery"
    assert entry["record"] is None


@pytest.mark.usefixtures("aws")
def test_a_delivery_without_rejected_records_creates_no_client() -> None:
    def refuse() -> Any:
        raise AssertionError

    delivery = open_small(pack([json.dumps(log())]))
    quarantine = S3Quarantine(refuse, QUARANTINE, delivery)
    ingestor = Ingestor(InMemoryUsageLedger(), quarantine)
    assert ingestor.ingest(delivery.source, delivery.readings(), first_line=1).accepted == 1


def test_a_position_outside_the_delivery_is_described_by_the_delivery() -> None:
    delivery = open_small(pack(["x"]))
    rejected = RejectedRecord("source", 7, RejectionReason.NOT_JSON)
    (entry,) = delivery.describe([rejected])
    assert entry["event_id"] is None


@pytest.mark.usefixtures("aws")
def test_each_of_many_stored_records_has_its_position() -> None:
    entries = quarantined(*[f"poison {number}" for number in range(2000)])
    assert [entry["line"] for entry in entries] == list(range(1, 2001))
    assert len({entry["sha256"] for entry in entries}) == 2000


def test_any_source_can_be_logged_as_text() -> None:
    delivery = open_small(envelope.pack({"logGroup": "\ud800" * 9_000, "logStream": ["x"]}))
    assert len(delivery.source) < 5_000
    assert delivery.source.encode()
    assert delivery.source.endswith(":None")


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("kept", [{"requestId": ["secret"]}, {"requestId": "x" * 9_000}])
def test_only_short_texts_and_numbers_are_stored(kept: dict[str, Any]) -> None:
    bad = json.dumps(log("bad", timestamp="yesterday") | kept)
    (entry,) = quarantined(bad)
    assert entry["record"]["requestId"] in (None, "x" * 2048)


@pytest.mark.usefixtures("aws")
def test_a_repeated_delivery_is_stored_in_one_object() -> None:
    quarantined("poison")
    (key,) = (
        entry["Key"] for entry in boto3.client("s3").list_objects_v2(Bucket=QUARANTINE)["Contents"]
    )
    assert key == f"rejected/{open_small(pack(['poison'])).name}.jsonl"
