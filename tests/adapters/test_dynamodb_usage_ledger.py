"""Calls lie in DynamoDB once, however often and in whatever company they are written."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given

from lambdas.adapters.dynamodb_usage_item import from_item, to_item
from lambdas.adapters.dynamodb_usage_ledger import DynamoDbUsageLedger, LedgerUnavailableError
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.metering.ledger_table import CALL_PREFIX
from tests.aws import LEDGER
from tests.builders import usage_record, usage_records

RETENTION = timedelta(days=90)
BYTES_OF_A_WRITE_UNIT = 1024


def stored() -> list[UsageRecord]:
    return [from_item(item) for item in boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]]


@pytest.mark.usefixtures("aws")
def test_many_calls_written_twice_are_stored_once() -> None:
    ledger = DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, RETENTION)
    records = [usage_record(request_id=str(number)) for number in range(60)]
    ledger.put(records)
    ledger.put(records[::-1])
    assert sorted(stored()) == sorted(records)


@pytest.mark.usefixtures("aws")
def test_of_several_readings_in_one_batch_the_last_one_stands() -> None:
    newest = usage_record(tokens=TokenCounts(input=99))
    ledger = DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, RETENTION)
    ledger.put([usage_record(), newest])
    assert stored() == [newest]


@pytest.mark.usefixtures("aws")
def test_signs_between_the_parts_of_a_key_cannot_make_two_calls_one() -> None:
    ledger = DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, RETENTION)
    ledger.put(
        [
            usage_record(account_id="a", region="b#c", request_id="d"),
            usage_record(account_id="a#b", region="c", request_id="d"),
            usage_record(account_id="a%23b", region="c", request_id="d"),
        ]
    )
    assert len(stored()) == 3


@given(usage_records)
def test_an_item_is_a_pure_function_of_its_record(record: UsageRecord) -> None:
    item = to_item(record, RETENTION)
    assert item == to_item(record, RETENTION)
    assert from_item(item) == record
    assert item["pk"]["S"].startswith(CALL_PREFIX)
    assert int(item["expires_at"]["N"]) == int((record.timestamp + RETENTION).timestamp())


def test_an_item_of_usual_size_takes_one_write_unit() -> None:
    record = usage_record(
        invoked_model_id="arn:aws:bedrock:us-east-1:111122223333:inference-profile/"
        "us.anthropic.claude-sonnet-4-20250514-v1:0",
        tokens=TokenCounts(10**6, 10**5, 10**6, 10**6),
        inference_region="us-west-2",
        request_id="0f8fad5b-d9cb-469f-a165-70867728950e",
    )
    sizes = (
        len(name) + sum(map(len, value.values()))  # type: ignore[arg-type]  # texts and digits
        for name, value in to_item(record, RETENTION).items()
    )
    assert sum(sizes) < BYTES_OF_A_WRITE_UNIT


class BusyDynamoDb:
    """Takes one item of each batch and leaves the rest, so many times."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.taken: list[Any] = []

    def batch_write_item(self, **request: Any) -> dict[str, Any]:
        requests = list(request["RequestItems"][LEDGER])
        self.times -= 1
        cut = 1 if self.times >= 0 else len(requests)
        self.taken += requests[:cut]
        left = requests[cut:]
        return {"UnprocessedItems": {LEDGER: left} if left else {}}


def test_what_dynamodb_leaves_over_is_written_again_after_ever_longer_pauses() -> None:
    busy, pauses = BusyDynamoDb(times=3), list[float]()
    ledger = DynamoDbUsageLedger(busy, LEDGER, RETENTION, pauses.append)  # type: ignore[arg-type]
    ledger.put([usage_record(request_id=str(number)) for number in range(10)])
    assert len(busy.taken) == 10
    assert len(pauses) == 3
    assert 0 < pauses[0] < pauses[2]


def test_what_is_never_written_goes_back_to_lambda() -> None:
    busy = BusyDynamoDb(times=100)
    ledger = DynamoDbUsageLedger(busy, LEDGER, RETENTION, lambda _: None)  # type: ignore[arg-type]
    with pytest.raises(LedgerUnavailableError, match="19 items were not written"):
        ledger.put([usage_record(request_id=str(number)) for number in range(25)])


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    "hostile",
    [
        {"request_id": "x" * 5000},
        {"identity_arn": "é" * 900_000},
        {"model_id": "m" * 900_000, "invoked_model_id": "m" * 900_000, "error_code": "e" * 900_000},
        {"timestamp": datetime(9999, 12, 31, tzinfo=UTC)},
        {
            "request_metadata": tuple(
                (f"{number:02}" + "\U0001f600" * 254, "") for number in range(16)
            )
        },
    ],
    ids=["key", "identity", "texts", "time", "metadata"],
)
def test_a_record_that_nobody_at_aws_would_write_does_not_stop_its_batch(
    hostile: dict[str, Any],
) -> None:
    ledger = DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, RETENTION)
    good = usage_record(request_id="good")
    for _ in range(2):
        ledger.put([good, usage_record(**hostile)])
    assert len(stored()) == 2
    assert good in stored()


def test_long_keys_are_told_apart() -> None:
    one, other = (usage_record(request_id="x" * 5000 + end) for end in "ab")
    assert to_item(one, RETENTION)["pk"] != to_item(other, RETENTION)["pk"]
    assert to_item(one, RETENTION)["pk"]["S"].startswith(CALL_PREFIX)
