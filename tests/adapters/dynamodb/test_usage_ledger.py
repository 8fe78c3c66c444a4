"""Calls are in DynamoDB once, however often and with whichever calls they are written."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.adapters.dynamodb.usage_item import CALL_ATTRIBUTES, call_key, from_item, to_item
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger, LedgerUnavailableError
from lambdas.domain.invocations import Conflicts, TokenCounts, UsageRecord
from lambdas.domain.ledger.readings import join_readings
from tests.aws import LEDGER
from tests.builders import ANA, BEN, HAIKU_3, NOON, readings, usage_record
from tests.dynamodb import BYTES_OF_A_WRITE_UNIT, InMemoryDynamoDb, estimate_size

RETENTION = timedelta(days=90)


def stored() -> list[UsageRecord]:
    return [from_item(item) for item in boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]]


@pytest.mark.usefixtures("aws")
def test_many_calls_written_twice_are_stored_once() -> None:
    ledger = DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, RETENTION)
    records = [usage_record(request_id=str(number)) for number in range(60)]
    ledger.write(records)
    ledger.write(records[::-1])
    assert sorted(stored()) == sorted(records)


@pytest.mark.usefixtures("aws")
def test_separators_inside_key_parts_cannot_merge_two_calls() -> None:
    ledger = DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, RETENTION)
    ledger.write(
        [
            usage_record(account_id="a", region="b#c", request_id="d"),
            usage_record(account_id="a#b", region="c", request_id="d"),
            usage_record(account_id="a%23b", region="c", request_id="d"),
        ]
    )
    assert len(stored()) == 3


@given(st.lists(readings, min_size=1, max_size=12))
def test_an_item_is_a_pure_function_of_its_readings(records: list[UsageRecord]) -> None:
    (record,) = join_readings(records).values()
    item = to_item(record, RETENTION)
    (again,) = join_readings(records[::-1]).values()
    assert to_item(again, RETENTION) == item
    assert from_item(item) == record
    assert item["pk"]["S"] == call_key(record)
    assert set(item) <= CALL_ATTRIBUTES
    latest = max(record.timestamp for record in records)
    assert int(item["expires_at"]["N"]) == int((latest + RETENTION).timestamp())


def test_an_item_of_typical_size_takes_one_write_unit() -> None:
    record = usage_record(
        invoked_model_id="arn:aws:bedrock:us-east-1:111122223333:inference-profile/"
        "us.anthropic.claude-sonnet-4-20250514-v1:0",
        tokens=TokenCounts(10**6, 10**5, 10**6, 10**6),
        inference_region="us-west-2",
        request_id="0f8fad5b-d9cb-469f-a165-70867728950e",
    )
    assert estimate_size(to_item(record, RETENTION)) < BYTES_OF_A_WRITE_UNIT


def open_ledger(
    table: InMemoryDynamoDb, pause: Callable[[float], None] = lambda _: None
) -> DynamoDbUsageLedger:
    client: Any = table
    return DynamoDbUsageLedger(client, LEDGER, RETENTION, pause)


def calls(count: int) -> list[UsageRecord]:
    return [usage_record(request_id=str(number)) for number in range(count)]


@pytest.mark.parametrize(
    "code",
    [
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingError",
        "TransactionConflict",
    ],
)
def test_only_transient_failures_are_retried_with_growing_delays(
    code: str,
) -> None:
    table, pauses = InMemoryDynamoDb(), list[float]()
    table.errors = [None] * 7 + [code] * 9
    open_ledger(table, pauses.append).write(calls(10))
    assert len(table.items) == 10
    assert len(table.stream) == 10
    assert table.requests == {"BatchExecuteStatement": 4}
    assert len(pauses) == 3
    assert 0 < pauses[0] < pauses[2]


def test_a_retry_finds_an_insertion_that_succeeded_without_an_answer() -> None:
    table = InMemoryDynamoDb()
    ledger = open_ledger(table)
    ledger.write(calls(3))
    table.errors = ["InternalServerError"]
    ledger.write(calls(3))
    assert len(table.stream) == 3
    assert table.requests["PutItem"] == 0


def test_readings_that_cannot_be_written_are_returned_to_lambda() -> None:
    table = InMemoryDynamoDb()
    table.errors = ["ThrottlingError"] * 100
    with pytest.raises(LedgerUnavailableError, match="12 items were not written"):
        open_ledger(table).write(calls(12))


@pytest.mark.parametrize("code", ["AccessDenied", "ValidationError", "ResourceNotFound"])
def test_a_refused_statement_is_reported_and_stops_no_other(code: str) -> None:
    table = InMemoryDynamoDb()
    table.errors = [None, code]
    with pytest.raises(LedgerUnavailableError, match=f"1 items were not written to .*1 {code}"):
        open_ledger(table).write(calls(30))
    assert len(table.items) == 29


def test_unprocessed_keys_of_a_read_are_read_again() -> None:
    table, pauses = InMemoryDynamoDb(), list[float]()
    ledger = open_ledger(table, pauses.append)
    ledger.write(calls(30))
    table.unread = 20
    ledger.write([record._replace(latency_ms=7) for record in calls(30)])
    assert all(from_item(item).latency_ms == 7 for item in table.items.values())
    assert len(pauses) == 1


def test_a_call_that_expires_between_two_requests_is_inserted_again() -> None:
    class ExpiringTable(InMemoryDynamoDb):
        def batch_get_item(self, **request: Any) -> dict[str, Any]:
            self.items.clear()
            return super().batch_get_item(**request)

    table = ExpiringTable()
    ledger = open_ledger(table)
    ledger.write([usage_record()])
    ledger.write([usage_record()])
    assert [from_item(item) for item in table.items.values()] == [usage_record()]


def test_an_item_replaced_between_two_requests_is_joined_in_its_new_state() -> None:
    class ExpiringTable(InMemoryDynamoDb):
        """Before the first item is written back, it expires, and another writer inserts it."""

        def put_item(self, **request: Any) -> None:
            if self.requests["PutItem"] == 0:
                self.items = {key: to_item(between, RETENTION) for key in self.items}
            super().put_item(**request)

    between = usage_record(latency_ms=7, tokens=TokenCounts(output=1))
    table = ExpiringTable()
    ledger = open_ledger(table)
    ledger.write([usage_record()])
    ledger.write([usage_record(tokens=TokenCounts(99))])
    (item,) = table.items.values()
    assert from_item(item) == usage_record(
        latency_ms=7,
        tokens=TokenCounts(99, 1),
        conflicts=Conflicts(are_counts_disputed=True, are_details_disputed=True),
    )


def test_a_reading_that_loses_every_race_is_returned_to_lambda() -> None:
    class ContestedTable(InMemoryDynamoDb):
        """Another writer changes each item before it is written."""

        def put_item(self, **request: Any) -> None:
            for item in self.items.values():
                latency = int(item.get("latency_ms", {"N": "0"})["N"])
                item["latency_ms"] = {"N": str(latency + 1)}
            super().put_item(**request)

    table = ContestedTable()
    ledger = open_ledger(table)
    ledger.write([usage_record()])
    with pytest.raises(LedgerUnavailableError):
        ledger.write([usage_record(tokens=TokenCounts(99))])


def test_an_item_that_holds_no_call_is_replaced_by_the_call() -> None:
    table = InMemoryDynamoDb()
    ledger = open_ledger(table)
    ledger.write([usage_record()])
    ((key, item),) = table.items.items()
    table.items[key] = {**item, "timestamp": {"S": "yesterday"}}
    ledger.write([usage_record()])
    assert from_item(table.items[key]) == usage_record()


def test_an_item_of_the_previous_version_is_joined_without_migration() -> None:
    table = InMemoryDynamoDb()
    key = "111122223333#us-east-1#request-1"
    table.items[key] = {
        "pk": {"S": key},
        "timestamp": {"S": NOON.isoformat()},
        "expires_at": {"N": str(int((NOON + RETENTION).timestamp()))},
        "account_id": {"S": "111122223333"},
        "region": {"S": "us-east-1"},
        "request_id": {"S": "request-1"},
        "operation": {"S": "Converse"},
        "model_id": {"S": HAIKU_3},
        "invoked_model_id": {"S": HAIKU_3},
        "identity_arn": {"S": ANA},
        "input": {"N": "10"},
        "output": {"N": "5"},
    }
    ledger = open_ledger(table)
    ledger.write([usage_record()])
    assert table.stream == []
    ledger.write([usage_record(identity_arn=BEN)])
    assert from_item(table.items[key]).identity_arn == "conflicting"


def test_the_next_reading_repairs_an_expiry_that_is_too_early() -> None:
    table = InMemoryDynamoDb()
    item = to_item(usage_record(), RETENTION)
    early = {**item, "expires_at": {"N": "1"}}
    table.items = {item["pk"]["S"]: early}
    ledger = open_ledger(table)
    for _ in range(2):
        ledger.write([usage_record()])
    assert list(table.items.values()) == [item]
    assert table.requests["PutItem"] == 1


def test_the_next_reading_removes_unknown_attributes() -> None:
    table = InMemoryDynamoDb()
    item = to_item(usage_record(), RETENTION)
    table.items = {item["pk"]["S"]: {**item, "x": {"N": "1"}}}
    ledger = open_ledger(table)
    for _ in range(2):
        ledger.write([usage_record()])
    assert list(table.items.values()) == [item]
    assert table.requests["PutItem"] == 1


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    "added",
    [
        {f"x{number}": {"N": "1"} for number in range(2_000)},
        {"request_metadata": {"M": {str(number): {"S": "x" * 1008} for number in range(400)}}},
    ],
    ids=["many attributes", "a large one"],
)
def test_foreign_attributes_of_an_item_do_not_stop_a_delivery(added: dict[str, Any]) -> None:
    client = boto3.client("dynamodb")
    client.put_item(TableName=LEDGER, Item={**to_item(usage_record(), RETENTION), **added})
    ledger = DynamoDbUsageLedger(client, LEDGER, RETENTION)
    later = usage_record(tokens=TokenCounts(99), error_code="x" * 1024, prompt_router="y" * 1024)
    ledger.write([later, usage_record(request_id="another")])
    (joined,) = (record for record in stored() if record.request_id == "request-1")
    assert len(stored()) == 2
    assert joined.tokens.input == 99


def test_a_shorter_retention_rewrites_no_item() -> None:
    table = InMemoryDynamoDb()
    open_ledger(table).write([usage_record()])
    client: Any = table
    DynamoDbUsageLedger(client, LEDGER, timedelta(days=30)).write([usage_record()])
    assert table.requests["PutItem"] == 0


def test_an_item_expires_by_its_latest_reported_time() -> None:
    table = InMemoryDynamoDb()
    later = usage_record(timestamp=NOON + timedelta(days=2))
    open_ledger(table).write([usage_record(), later])
    (item,) = table.items.values()
    assert from_item(item).timestamp == NOON
    assert int(item["expires_at"]["N"]) == int((later.timestamp + RETENTION).timestamp())


def test_a_thousand_new_calls_take_a_thousand_write_units_and_forty_requests() -> None:
    table = InMemoryDynamoDb()
    open_ledger(table).write(calls(1000))
    assert table.write_units == 1000
    assert table.requests == {"BatchExecuteStatement": 40}


def test_the_largest_set_of_conflicting_readings_fits_into_one_item() -> None:
    table = InMemoryDynamoDb()
    wide = [chr(0x1F600 + number) * 9999 for number in range(12)]
    records = [
        usage_record(
            request_metadata=tuple(
                (f"{place:02}" + wide[0][:254], wide[0][:256]) for place in range(16)
            ),
            operation=wide[0],
            model_id=text,
            invoked_model_id=text,
            service_tier=text,
            identity_arn=text,
            error_code=text,
            inference_region=text,
            timestamp=NOON + timedelta(days=number),
        )
        for number, text in enumerate(wide)
    ]
    ledger = open_ledger(table)
    for record in records:
        ledger.write([record])
    (item,) = table.items.values()
    assert from_item(item).conflicts is not None
    assert len(table.stream) == len(records)


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
def test_a_record_that_aws_would_never_write_does_not_stop_its_batch(
    hostile: dict[str, Any],
) -> None:
    ledger = DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, RETENTION)
    good = usage_record(request_id="good")
    for _ in range(2):
        ledger.write([good, usage_record(**hostile)])
    assert len(stored()) == 2
    assert good in stored()


def test_different_long_keys_stay_different() -> None:
    one, other = (usage_record(request_id="x" * 5000 + end) for end in "ab")
    assert to_item(one, RETENTION)["pk"] != to_item(other, RETENTION)["pk"]
    assert to_item(one, RETENTION)["pk"]["S"].startswith("sha256#")


def test_a_call_that_is_read_back_has_the_same_long_key() -> None:
    item = to_item(usage_record(request_id="x" * 5000, region="y" * 2000), RETENTION)
    assert to_item(from_item(item), RETENTION) == item
    assert item["pk"]["S"] == call_key(from_item(item))
