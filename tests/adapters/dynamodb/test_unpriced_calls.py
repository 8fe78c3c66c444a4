"""The contract of every store of notes of calls without a cost."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, TypeAlias

import boto3
import pytest

from lambdas.adapters.dynamodb.items import TableUnavailableError
from lambdas.adapters.dynamodb.unpriced_calls import DynamoDbUnpricedCalls, DynamoDbUnpricedNotes
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.invocations.usage_record import CallVariant, Conflicts
from lambdas.domain.ledger.state_table import UNPRICED_INDEX, UNPRICED_KEY
from lambdas.domain.ledger.unpriced_calls import GROUP_RENEWAL, MIN_GROUP_AGE, UnpricedCalls
from tests.aws import LEDGER, STATE
from tests.builders import BEN, HAIKU_3, NOON, SONNET_4, usage_record
from tests.fakes import InMemoryUnpricedCalls, find_waiting

Open: TypeAlias = Callable[..., UnpricedCalls]


def in_dynamodb(*records: UsageRecord) -> DynamoDbUnpricedCalls:
    client = boto3.client("dynamodb")
    DynamoDbUsageLedger(client, LEDGER, timedelta(days=90)).write(records)
    return DynamoDbUnpricedCalls(client, STATE, LEDGER)


@pytest.fixture(
    params=[lambda *_: InMemoryUnpricedCalls(), in_dynamodb], ids=["memory", "dynamodb"]
)
def opened(request: pytest.FixtureRequest, aws: None) -> Open:
    """Open a store beside a ledger that has some calls."""
    store: Open = request.param
    return store


def test_a_noted_call_waits_until_it_is_priced_and_stays_noted(opened: Open) -> None:
    records = [usage_record(request_id=str(number)) for number in range(3)]
    unpriced = opened(*records)
    unpriced.write(records[:2], NOON)
    assert find_waiting(unpriced) == set(records[:2])
    unpriced.mark_priced(records[:1])
    assert find_waiting(unpriced) == {records[1]}
    assert unpriced.get_noted(records) == {record.key for record in records[:2]}
    assert unpriced.get_waiting(records) == {records[1].key}


def test_the_cost_that_a_note_was_paid_with_is_kept(opened: Open) -> None:
    records = [usage_record(request_id=str(number)) for number in range(3)]
    unpriced = opened(*records)
    unpriced.write(records[:2], NOON)
    unpriced.mark_priced(records[:1], {records[0].key: Decimal("0.00000875")})
    unpriced.mark_priced(records[1:2])
    assert unpriced.get_paid(records) == {records[0].key: Decimal("0.00000875")}


def test_many_calls_are_written_and_read_in_batches(opened: Open) -> None:
    records = [usage_record(request_id=str(number)) for number in range(230)]
    unpriced = opened(*records)
    unpriced.write(records, NOON)
    assert find_waiting(unpriced) == set(records)
    assert len(unpriced.get_noted(records)) == 230


def test_nothing_is_written_for_no_calls(opened: Open) -> None:
    unpriced = opened()
    unpriced.write([], NOON)
    assert unpriced.get_noted([]) == frozenset()
    assert find_waiting(unpriced) == set()


@pytest.mark.parametrize(
    "other",
    [
        {"model_id": SONNET_4},
        {"invoked_model_id": f"eu.{HAIKU_3}"},
        {"service_tier": "flex"},
        {"region": "eu-west-1"},
        {"timestamp": NOON + timedelta(days=1)},
        {"tokens": TokenCounts(10, 5, cache_read=1)},
        {"tokens": TokenCounts()},
        {"billed_units": (("image", 1),)},
        {"conflicts": Conflicts(variants=(CallVariant(HAIKU_3, HAIKU_3, None),) * 2)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_calls_that_need_different_prices_wait_in_different_groups(
    opened: Open, other: dict[str, Any]
) -> None:
    records = [usage_record(), usage_record(**{"request_id": "other", **other})]
    unpriced = opened(*records)
    unpriced.write(records, NOON)
    assert len(unpriced.get_groups()) == 2
    for group in unpriced.get_groups():
        waiting = [record for batch in unpriced.scan_group(group) for record in batch]
        assert waiting == [group.sample]


def test_calls_that_differ_in_size_and_caller_share_a_group(opened: Open) -> None:
    records = [
        usage_record(),
        usage_record(request_id="2", identity_arn=BEN, tokens=TokenCounts(10**6, 1)),
    ]
    unpriced = opened(*records)
    unpriced.write(records, NOON)
    (group,) = unpriced.get_groups()
    assert group.sample in records
    assert find_waiting(unpriced) == set(records)


def test_a_group_is_deleted_unless_it_was_renewed(opened: Open) -> None:
    record = usage_record()
    unpriced = opened(record)
    unpriced.write([record], NOON)
    unpriced.write([record], NOON + GROUP_RENEWAL)
    (group,) = unpriced.get_groups()
    unpriced.delete_group(group, written_before=NOON + GROUP_RENEWAL)
    assert unpriced.get_groups() == [group]
    unpriced.delete_group(group, written_before=NOON + GROUP_RENEWAL + timedelta(seconds=1))
    assert unpriced.get_groups() == []


def test_a_group_is_renewed_before_it_can_be_deleted(opened: Open) -> None:
    """A writer that assumes it is stored would add calls to it that no run finds."""
    record = usage_record()
    unpriced = opened(record)
    for minutes in range(0, 600, 7):
        now = NOON + timedelta(minutes=minutes)
        unpriced.write([record], now)
        for group in unpriced.get_groups():
            unpriced.delete_group(group, written_before=now - MIN_GROUP_AGE)
        assert find_waiting(unpriced) == {record}


def test_only_one_run_holds_the_lock(opened: Open) -> None:
    unpriced = opened()
    assert unpriced.acquire_lock(NOON)
    assert not unpriced.acquire_lock(NOON)
    unpriced.release_lock()
    assert unpriced.acquire_lock(NOON)


def test_the_lock_of_an_interrupted_run_expires_after_the_longest_run(aws: None) -> None:
    unpriced = in_dynamodb()
    assert unpriced.acquire_lock(NOON)
    assert not unpriced.acquire_lock(NOON + timedelta(minutes=14, seconds=59))
    assert unpriced.acquire_lock(NOON + timedelta(minutes=15))


def test_a_note_expires_once_the_call_is_too_old_for_cloudwatch(aws: None) -> None:
    record = usage_record()
    in_dynamodb(record).write([record], NOON)
    items = boto3.client("dynamodb").scan(TableName=STATE)["Items"]
    (note,) = (item for item in items if item["pk"]["S"].startswith("unpriced#"))
    (call,) = boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]
    assert note["pk"]["S"] == f"unpriced#{call['pk']['S']}"
    assert int(note["expires_at"]["N"]) == (NOON + timedelta(days=16)).timestamp()


def test_notes_of_one_group_are_spread_over_the_index(aws: None) -> None:
    """One partition key takes 1,000 writes a second."""
    records = [usage_record(request_id=str(number)) for number in range(400)]
    in_dynamodb().write(records, NOON)
    items = boto3.client("dynamodb").scan(TableName=STATE, IndexName=UNPRICED_INDEX)["Items"]
    notes = Counter(
        item[UNPRICED_KEY]["S"] for item in items if item["pk"]["S"].startswith("unpriced#")
    )
    assert notes.total() == 400
    assert len(notes) == 16
    assert max(notes.values()) < 60


class Counting:
    """Counts the requests of a client and the items it requests by key."""

    def __init__(self) -> None:
        self.client = boto3.client("dynamodb")
        self.counts: Counter[str] = Counter()
        self.client.meta.events.register("provide-client-params.dynamodb", self._count)

    def _count(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.counts[model.name] += 1
        for request in params.get("RequestItems", {}).values():
            self.counts["items"] += len(request["Keys"] if isinstance(request, dict) else request)


def test_reads_do_not_grow_with_the_calls_that_wait_for_a_price(aws: None) -> None:
    records = [usage_record(request_id=str(number)) for number in range(300)]
    in_dynamodb().write(records, NOON)
    counting = Counting()
    assert len(DynamoDbUnpricedCalls(counting.client, STATE, LEDGER).get_groups()) == 1
    assert counting.counts == {"Query": 1, "BatchGetItem": 1, "items": 1}


def test_each_process_writes_a_group_once_an_hour(aws: None) -> None:
    counting = Counting()
    unpriced = DynamoDbUnpricedNotes(counting.client, STATE)
    for minute in range(60):
        now = NOON + timedelta(minutes=minute)
        unpriced.write([usage_record(request_id=str(minute))], now)
    assert counting.counts == {"BatchWriteItem": 61, "items": 61}


def test_a_batch_of_many_models_takes_few_requests(aws: None) -> None:
    records = [
        usage_record(request_id=str(number), model_id=f"imported-model/{number}")
        for number in range(100)
    ]
    counting = Counting()
    DynamoDbUnpricedNotes(counting.client, STATE).write(records, NOON)
    assert counting.counts == {"BatchWriteItem": 4 + 4, "items": 200}


def test_a_group_is_written_before_its_notes(aws: None) -> None:
    """A retried batch finds the notes, and writes neither again."""
    written: list[str] = []

    def note(params: Any, **_: Any) -> None:
        (requests,) = params["RequestItems"].values()
        written.extend(request["PutRequest"]["Item"]["pk"]["S"] for request in requests)

    client = boto3.client("dynamodb")
    client.meta.events.register("provide-client-params.dynamodb.BatchWriteItem", note)
    DynamoDbUnpricedNotes(client, STATE).write([usage_record()], NOON)
    assert [key.split("#")[0] for key in written] == ["waiting", "unpriced"]


class BehindIndex:
    """Answers queries of the index with its content at creation."""

    def __init__(self) -> None:
        self.client = boto3.client("dynamodb")
        pages = self.client.get_paginator("scan").paginate(
            TableName=STATE, IndexName=UNPRICED_INDEX
        )
        self.items = [item for page in pages for item in page["Items"]]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def get_paginator(self, _: str) -> Any:
        def query(ExpressionAttributeValues: Any, **_: Any) -> Any:  # noqa: N803  # boto3's name
            key = ExpressionAttributeValues[":key"]
            return [{"Items": [item for item in self.items if item[UNPRICED_KEY] == key]}]

        return SimpleNamespace(paginate=query)


def test_a_stale_index_lists_no_priced_call(aws: None) -> None:
    """Otherwise the next run would publish its cost again."""
    records = [usage_record(request_id=name) for name in ("priced", "waiting")]
    unpriced = in_dynamodb(*records)
    unpriced.write(records, NOON)
    behind: Any = BehindIndex()
    unpriced.mark_priced(records[:1])
    assert find_waiting(DynamoDbUnpricedCalls(behind, STATE, LEDGER)) == {records[1]}


def test_a_call_that_expired_from_the_ledger_no_longer_waits(aws: None) -> None:
    unpriced = in_dynamodb()
    unpriced.write([usage_record()], NOON)
    (group,) = unpriced.get_groups()
    assert list(unpriced.scan_group(group)) == [[]]


class Busy:
    """Returns unprocessed keys a number of times."""

    def __init__(self, times: int) -> None:
        self.client = boto3.client("dynamodb")
        self.times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803  # boto3's name
        if self.times:
            self.times -= 1
            return {"Responses": {}, "UnprocessedKeys": RequestItems}
        return self.client.batch_get_item(RequestItems=RequestItems)


def test_unprocessed_keys_are_retried_and_finally_reported(aws: None) -> None:
    record = usage_record()
    in_dynamodb(record).write([record], NOON)
    pauses: list[float] = []
    busy: Any = Busy(times=2)
    assert DynamoDbUnpricedNotes(busy, STATE, pauses.append).get_noted([record]) == {record.key}
    assert len(pauses) == 2
    too_busy: Any = Busy(times=100)
    with pytest.raises(TableUnavailableError, match="1 items were not read"):
        DynamoDbUnpricedNotes(too_busy, STATE, pauses.append).get_noted([record])
