"""The contract of every reader of recorded calls, run on each of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeAlias

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.invocations import Conflicts, TokenCounts, UsageRecord
from lambdas.domain.ledger.recorded_calls import RecordedCalls, ScannedPage
from tests.aws import LEDGER
from tests.builders import ANA, BEN, NOON, usage_record
from tests.examples import percent_of_examples
from tests.fakes import InMemoryRecordedCalls

Holding: TypeAlias = Callable[..., RecordedCalls]
START, END = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)


def in_memory(*records: UsageRecord) -> RecordedCalls:
    return InMemoryRecordedCalls(records)


def in_dynamodb(*records: UsageRecord) -> DynamoDbRecordedCalls:
    client = boto3.client("dynamodb")
    DynamoDbUsageLedger(client, LEDGER, timedelta(days=90)).write(records)
    return DynamoDbRecordedCalls(client, LEDGER)


@pytest.fixture(params=[in_memory, in_dynamodb], ids=["memory", "dynamodb"])
def holding(request: pytest.FixtureRequest, aws: None) -> Holding:
    """Open a ledger with some calls."""
    opened: Holding = request.param
    return opened


def read(calls: RecordedCalls, start: datetime = START, end: datetime = END) -> list[UsageRecord]:
    return [record for page in calls.scan_range(start, end) for record in page.records]


def test_every_call_in_the_time_range_is_read_once_as_written(holding: Holding) -> None:
    records = [
        usage_record(request_id=str(number), request_metadata=(("project", "search"),))
        for number in range(120)
    ]
    found = read(holding(*records))
    assert len(found) == 120
    assert set(found) == set(records)


def test_the_ledger_says_since_when_it_exists(holding: Holding) -> None:
    created_at = holding().get_creation_time()
    assert created_at.utcoffset() == timedelta()
    assert created_at <= datetime.now(UTC) + timedelta(seconds=1)


def test_a_scan_without_calls_returns_one_empty_page(holding: Holding) -> None:
    for calls, start in ((holding(), START), (holding(usage_record()), END)):
        pages = list(calls.scan_range(start, start + timedelta(days=1)))
        assert pages == [ScannedPage([], None)]


def test_the_readings_of_a_call_are_read_as_one(holding: Holding) -> None:
    other = usage_record(tokens=TokenCounts(input=99), identity_arn=BEN)
    (record,) = read(holding(usage_record(), other))
    assert record.tokens == TokenCounts(99, 5)
    assert record.conflicts == Conflicts(
        identity_arns=tuple(sorted([ANA, BEN])), are_counts_disputed=True
    )


def test_an_item_that_is_not_a_call_is_counted_as_unreadable(aws: None) -> None:
    record = usage_record()
    calls = in_dynamodb(record)
    other = {"pk": {"S": "other"}, "timestamp": {"S": NOON.isoformat()}}
    boto3.client("dynamodb").put_item(TableName=LEDGER, Item=other)
    (page,) = calls.scan_range(START, END)
    assert (page.records, page.unreadable_items) == ([record], 1)


@pytest.mark.parametrize(
    "damage",
    [
        {"request_id": None},
        {"timestamp": {"S": "2026-09-26T"}},
        {"input": {"S": "many"}},
        {"input": {"N": "-1"}},
        {"output": {"N": "9" * 38}},
        {"usage_doubt": {"S": "certain"}},
        {"conflicts": {"L": []}},
    ],
)
def test_an_unreadable_item_is_counted_and_hides_no_call(damage: dict[str, Any], aws: None) -> None:
    record = usage_record()
    calls = in_dynamodb(record)
    client = boto3.client("dynamodb")
    (item,) = client.scan(TableName=LEDGER)["Items"]
    item |= {"pk": {"S": "x"}, **damage}
    client.put_item(TableName=LEDGER, Item={name: value for name, value in item.items() if value})
    (page,) = calls.scan_range(START, END)
    assert (page.records, page.unreadable_items) == ([record], 1)


moments = st.integers(-2_000_000, 2_000_000).map(
    lambda microseconds: END + timedelta(microseconds=microseconds)
)


@settings(
    max_examples=percent_of_examples(25),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(at=moments | st.sampled_from([START, END, END - timedelta(microseconds=1)]))
def test_a_time_range_includes_its_start_and_excludes_its_end(
    holding: Holding, at: datetime
) -> None:
    record = usage_record(request_id=at.isoformat(), timestamp=at)
    found = read(holding(record))
    assert (record in found) == (START <= at < END)


def test_a_time_range_can_be_given_in_any_time_zone(holding: Holding) -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=9)))
    calls = holding(usage_record())
    assert read(calls, elsewhere, elsewhere + timedelta(seconds=1)) == [usage_record()]
    assert read(calls, elsewhere - timedelta(seconds=1), elsewhere) == []


@pytest.fixture(params=[InMemoryRecordedCalls, in_dynamodb], ids=["memory", "dynamodb"])
def resumable(request: pytest.FixtureRequest, aws: None) -> RecordedCalls:
    """Open a ledger with twenty calls, every second one in the time range."""
    open_calls: Callable[..., RecordedCalls] = request.param
    records = [
        usage_record(request_id=str(number), timestamp=NOON if number % 2 else END)
        for number in range(20)
    ]
    if open_calls is InMemoryRecordedCalls:
        return open_calls(records)
    return open_calls(*records)


def test_a_scan_can_resume_after_any_call(resumable: RecordedCalls) -> None:
    pages = list(resumable.scan_range(START, END))
    calls = [call for page in pages for call in page.calls]
    assert len({call.record.request_id for call in calls}) == 10
    assert pages[-1].cursor is None
    for place, (cursor, _) in enumerate(calls, start=1):
        rest = [call for page in resumable.scan_range(START, END, cursor) for call in page.calls]
        assert rest == calls[place:]


def test_a_scan_can_resume_after_any_page(resumable: RecordedCalls) -> None:
    pages = list(resumable.scan_range(START, END))
    for place, page in enumerate(pages[:-1], start=1):
        assert list(resumable.scan_range(START, END, page.cursor)) == pages[place:]


def test_pages_have_the_size_that_dynamodb_returns(aws: None) -> None:
    records = [usage_record(request_id=str(number)) for number in range(12)]
    in_dynamodb(*records)
    client = boto3.client("dynamodb")
    client.meta.events.register(
        "provide-client-params.dynamodb.Scan", lambda params, **_: params.update(Limit=5)
    )
    pages = list(DynamoDbRecordedCalls(client, LEDGER).scan_range(START, END))
    assert [len(page.calls) for page in pages] == [5, 5, 2]
    assert {call.record for page in pages for call in page.calls} == set(records)
